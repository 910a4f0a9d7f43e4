/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - longest common subsequence, after what both begin and end with was
 * taken off: policies are short and change little. Where the rest is huge, all
 * of it is said to have changed, which is true if not brief.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "lines.h"

#define CELLS_MAX 16000000UL

static int same(const struct lines_item *a, const struct lines_item *b)
{
	return strcmp(a->key, b->key) == 0;
}

/* common[i][k]: lines that a from i on and b from k on have in common. */
static void fill(uint16_t *common, const struct lines_item *a, size_t n_a,
		 const struct lines_item *b, size_t n_b)
{
	const size_t width = n_b + 1;

	for (size_t i = n_a; i-- > 0;)
		for (size_t k = n_b; k-- > 0;) {
			uint16_t *at = common + i * width + k;

			if (same(&a[i], &b[k]))
				*at = at[width + 1] + 1;
			else
				*at = at[width] > at[1] ? at[width] : at[1];
		}
}

static int diff_middle(const struct lines_item *a, size_t n_a,
		       const struct lines_item *b, size_t n_b, lines_fn fn,
		       void *arg)
{
	auto_free uint16_t *common = NULL;
	const size_t width = n_b + 1;
	size_t i = 0, k = 0;

	if ((n_a + 1) * width <= CELLS_MAX && n_a < UINT16_MAX) {
		common = calloc((n_a + 1) * width, sizeof(*common));
		if (!common)
			return -ENOMEM;
		fill(common, a, n_a, b, n_b);
	}
	while (i < n_a && k < n_b && common) {
		const uint16_t *at = common + i * width + k;

		if (same(&a[i], &b[k])) {
			fn(' ', &b[k++], arg);
			i++;
		} else if (at[width] >= at[1]) {
			fn('-', &a[i++], arg);
		} else {
			fn('+', &b[k++], arg);
		}
	}
	while (i < n_a)
		fn('-', &a[i++], arg);
	while (k < n_b)
		fn('+', &b[k++], arg);
	return 0;
}

int lines_diff(const struct lines_item *a, size_t n_a,
	       const struct lines_item *b, size_t n_b, lines_fn fn, void *arg)
{
	size_t begin = 0, end = 0;
	int rc;

	while (begin < n_a && begin < n_b && same(&a[begin], &b[begin]))
		fn(' ', &b[begin++], arg);
	while (end < n_a - begin && end < n_b - begin &&
	       same(&a[n_a - end - 1], &b[n_b - end - 1]))
		end++;
	rc = diff_middle(a + begin, n_a - begin - end, b + begin,
			 n_b - begin - end, fn, arg);
	for (size_t i = n_b - end; !rc && i < n_b; i++)
		fn(' ', &b[i], arg);
	return rc;
}
