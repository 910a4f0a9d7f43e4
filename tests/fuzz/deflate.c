/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what comes back from deflate. Data: u16 length of a recipe, u16 of the
 * stream that is to come out, the recipe, and a text; and all of it once more
 * as a gzip file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "deflate.h"
#include "delta-expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void remake(const uint8_t *data, size_t len)
{
	size_t recipe = get16(data), out_len = get16(data + 2);
	auto_free uint8_t *out = malloc(out_len + 1);

	if (!out)
		abort();
	if (recipe <= len - 4)
		imagerepo_deflate_remake(data + 4, recipe, data + 4 + recipe,
					 len - 4 - recipe, out, out_len);
}

/* What was taken apart comes together again. */
static void expand(const uint8_t *data, size_t len)
{
	static uint8_t plain[DELTA_PLAIN_MAX];
	static struct delta_stream s[DELTA_STREAMS_MAX];
	auto_free uint8_t *raw = malloc(len);
	size_t plain_len;
	int n = imagerepo_delta_expand(data, len, plain, &plain_len, s);

	if (!raw || n < 0 ||
	    imagerepo_delta_plain_len(s, (uint32_t)n, len) != plain_len ||
	    imagerepo_delta_shrink(s, (uint32_t)n, plain, raw, len) ||
	    memcmp(raw, data, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 4 || len > DELTA_UNIT_MAX)
		return 0;
	remake(data, len);
	expand(data, len);
	return 0;
}
