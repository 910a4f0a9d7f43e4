/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver set: a good one, and each way it may be wrong. Nothing is loaded.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "drivers.h"

static char seen[256];

static int note(const char *name, const void *module, size_t size, void *arg,
		struct errinfo *err)
{
	size_t n = strlen(seen);

	(void)arg;
	(void)err;
	snprintf(seen + n, sizeof(seen) - n, "%s=%.*s;", name, (int)size,
		 (const char *)module);
	return strcmp(name, "bad") ? 0 : -ENOEXEC;
}

static int each(const char *text, size_t len)
{
	seen[0] = '\0';
	return drivers_each(text, len, note, NULL, NULL);
}

#define HEAD "nightshift-drivers 1\n"
#define GOOD HEAD "3 sd_mod\n5 nvme-core\n\nabcdefgh"

static void a_good_one_is_walked_in_order(void **state)
{
	(void)state;
	assert_int_equal(each(GOOD, strlen(GOOD)), 0);
	assert_string_equal(seen, "sd_mod=abc;nvme-core=defgh;");
	assert_int_equal(each(HEAD "\n\n", strlen(HEAD) + 2), -EBADMSG);
}

static void the_first_failure_ends_it(void **state)
{
	static const char text[] = HEAD "1 a\n1 bad\n1 c\n\nxyz";

	(void)state;
	assert_int_equal(each(text, strlen(text)), -ENOEXEC);
	assert_string_equal(seen, "a=x;bad=y;");
}

static void what_is_wrong_is_refused_whole(void **state)
{
	static const char *const cases[] = {
		"",
		"nightshift-drivers 2\n3 a\n\nabc",
		HEAD "3 a\n\nab",
		HEAD "3 a\n\nabcd",
		HEAD "3 a\n4 b\n\nabcdef",
		HEAD "0 a\n\n",
		HEAD "-3 a\n\nabc",
		HEAD "18446744073709551615 a\n\nabc",
		HEAD "18446744073709551616000000 a\n\nabc",
		HEAD "3\n\nabc",
		HEAD "3 \n\nabc",
		HEAD "3 a\nabc",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(each(cases[i], strlen(cases[i])), -EBADMSG);
		assert_string_equal(seen, "");
	}
	for (size_t len = 0; len < strlen(GOOD); len++) {
		assert_int_equal(each(GOOD, len), -EBADMSG);
		assert_string_equal(seen, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_one_is_walked_in_order),
		cmocka_unit_test(the_first_failure_ends_it),
		cmocka_unit_test(what_is_wrong_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
