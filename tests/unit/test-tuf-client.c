/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUF client against all attacks of tuf-attack.h.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "tuf-attack.h"

#define TESTS_MAX 256

static void test_attack(void **state)
{
	const struct attack *a = *state;
	struct tuf_how how = { .target = "batch/1.json" };
	static struct sim s;
	int rc;

	sim_init(&s);
	a->prepare(&s, &how);
	rc = sim_run(&s, &how);
	if (rc != a->rc)
		fail_msg("%s: %d (%s), not %d", a->name, rc, s.err.text, a->rc);
	if (a->last && strcmp(a->last, s.last) != 0)
		fail_msg("%s: asked for %s last", a->name, s.last);
	if (a->says && !strstr(s.err.text, a->says))
		fail_msg("%s: says \"%s\"", a->name, s.err.text);
	if (!rc)
		assert_string_equal(s.role, "alice");
	free((void *)(uintptr_t)how.snapshot);
	sim_dispose(&s);
}

int main(void)
{
	static const struct attack *const tables[] = { attacks_bytes,
						       attacks_time,
						       attacks_keys };
	struct CMUnitTest tests[TESTS_MAX];
	size_t n = 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct attack *a = tables[t]; a->name; a++) {
			assert(n < TESTS_MAX);
			tests[n++] = (struct CMUnitTest){ a->name, test_attack,
							  NULL, NULL,
							  (void *)(uintptr_t)a };
		}
	return _cmocka_run_group_tests("attacks", tests, n, NULL, NULL);
}
