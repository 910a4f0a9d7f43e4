/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What golden files do not show well: hours against zones, changes of sets, and
 * objects used more than once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl-fixture.h"
#include "cleanup.h"
#include "rules.h"

#define HOUR 3600

/* Minutes of UTC's week that the windows hold, as text of ranges. */
static int holds(const struct acl_window *w, size_t n, int day, int hour, int min)
{
	const uint32_t sec = (uint32_t)(hour * HOUR + min * 60);
	int times = 0;

	for (size_t i = 0; i < n; i++)
		times += w[i].days & 1U << day && sec >= w[i].from &&
			 sec <= w[i].to;
	return times;
}

/* Whatever the zone: a minute is in the windows if its local time is in the
 * hours, and then in one of them only. */
static void test_hours_are_local(void **state)
{
	static const int offsets[] = { 0,         HOUR,
				       -5 * HOUR, 5 * HOUR + 1800,
				       14 * HOUR, -12 * HOUR };
	static const struct acl_hours hours[] = {
		{ .from_min = 18 * 60, .to_min = 7 * 60 },
		{ .days = 0x3e },
		{ .days = 0x20, .from_min = 18 * 60, .to_min = 7 * 60 },
		{ .days = 0x41, .from_min = 1, .to_min = 24 * 60 },
		{ .days = 0x02, .from_min = 0, .to_min = 1 },
	};

	(void)state;
	for (size_t h = 0; h < ARRAY_SIZE(hours); h++)
		for (size_t o = 0; o < ARRAY_SIZE(offsets); o++) {
			struct acl_window w[ACL_WINDOWS_MAX];
			size_t n = acl_hours_windows(&hours[h], offsets[o], w);
			int from = hours[h].from_min, to = hours[h].to_min;
			unsigned int days = hours[h].days ? hours[h].days : 0x7f;

			if (!to)
				to = 1440;
			for (int m = 0; m < 7 * 1440; m++) {
				int l = (m + offsets[o] / 60 + 7 * 1440) %
					(7 * 1440);
				int day = l / 1440, min = l % 1440;
				/* Today's window, or what is left of
				 * yesterday's. */
				int in = (days & 1U << day &&
					  (to > from ? min >= from && min < to
						     : min >= from)) ||
					 (to <= from && min < to &&
					  days & 1U << (day + 6) % 7);

				assert_int_equal(holds(w, n, m / 1440,
						       m % 1440 / 60, m % 60),
						 in);
			}
		}
}

static struct acl_rules *compile(const char *text)
{
	struct acl_policy *p = acl_policy_parse("p", text, strlen(text));
	struct errinfo err = ERRINFO_INIT;
	struct acl_rules *r = NULL;

	assert_non_null(p);
	if (acl_compile(p, &acl_lab, &r, &err))
		fail_msg("%s", errinfo_text(&err, 0));
	acl_policy_free(p); /* rules do not need it */
	return r;
}

static void test_changes_follow_the_image(void **state)
{
	const struct acl_change changes[] = {
		{ .kind = ACL_ADD_NODE, .node = acl_lab_nodes[0] },
		{ .kind = ACL_ENROL_NODE, .node = acl_lab_nodes[0] },
		{ .kind = ACL_ADD_DOMU,
		  .domu = { 0x0a4d800b, "pc1", "batch/stable", 12 } },
		{ .kind = ACL_DELETE_DOMU, .domu = { .address = 0x0a4d800c } },
	};
	auto_free char *text = NULL;
	struct acl_rules *r;

	(void)state;
	r = compile("pass from domus of image \"batch/*\" to 192.0.2.9\n"
		    "pass from domus of image \"other\" to 192.0.2.9\n");
	text = acl_emit_changes(r, changes, ARRAY_SIZE(changes));
	acl_rules_free(r);
	assert_string_equal(
		text,
		"add element inet nightshift nodes { 10.77.0.11 . "
		"52:54:00:77:00:11 comment \"lab.conf:12 pc1\" }\n"
		"add element inet nightshift node_addresses { 10.77.0.11 "
		"comment \"lab.conf:12 pc1\" }\n"
		"add element inet nightshift enrolled { 10.77.0.11 . "
		"52:54:00:77:00:11 comment \"lab.conf:12 pc1\" }\n"
		/* into all domUs and its image's, out of the other's */
		"add element inet nightshift domus { 10.77.128.11 comment "
		"\"lab.conf:12 pc1 batch/stable\" }\n"
		"add element inet nightshift domus_1 { 10.77.128.11 comment "
		"\"lab.conf:12 pc1 batch/stable\" }\n"
		"add element inet nightshift domus_2 { 10.77.128.11 comment "
		"\"lab.conf:12 pc1 batch/stable\" }\n"
		"delete element inet nightshift domus_2 { 10.77.128.11 comment "
		"\"lab.conf:12 pc1 batch/stable\" }\n"
		/* what is deleted is there first, or nft would refuse */
		"add element inet nightshift domus { 10.77.128.12 }\n"
		"delete element inet nightshift domus { 10.77.128.12 }\n"
		"add element inet nightshift domus_1 { 10.77.128.12 }\n"
		"delete element inet nightshift domus_1 { 10.77.128.12 }\n"
		"add element inet nightshift domus_2 { 10.77.128.12 }\n"
		"delete element inet nightshift domus_2 { 10.77.128.12 }\n");
}

/* A check forgets what an earlier one found, but not what parsing did. */
static void test_check_again(void **state)
{
	static const char text[] = "pass from domus to 10.77.3.3\n";
	struct acl_policy *p = acl_policy_parse("p", text, sizeof(text) - 1);
	struct acl_facts other = acl_lab;

	(void)state;
	other.address = 0x0a4e0001; /* another segment */
	other.domu_base = 0x0a4e8000;
	assert_int_equal(acl_check(p, NULL), 0);
	assert_int_equal(acl_check(p, &acl_lab), 1);
	assert_int_equal(acl_check(p, &acl_lab), 1);
	assert_null(acl_policy_problem(p, 1));
	assert_int_equal(acl_check(p, &other), 0);
	acl_policy_free(p);
	p = acl_policy_parse("p", "pass\n", 5);
	assert_int_equal(acl_check(p, &acl_lab), 1);
	assert_int_equal(acl_check(p, &acl_lab), 1);
	acl_policy_free(p);
}

/* More errors than are kept are counted. */
static void test_many_errors(void **state)
{
	auto_free char *text = calloc(ACL_PROBLEMS_MAX + 10, 3);
	struct acl_policy *p;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < ACL_PROBLEMS_MAX + 7; i++)
		strcat(text, "x\n");
	p = acl_policy_parse("p", text, strlen(text));
	assert_int_equal(acl_policy_errors(p), ACL_PROBLEMS_MAX + 7);
	assert_non_null(acl_policy_problem(p, ACL_PROBLEMS_MAX - 1));
	assert_null(acl_policy_problem(p, ACL_PROBLEMS_MAX));
	acl_policy_free(p);
}

static void test_unreadable(void **state)
{
	struct acl_policy *p = acl_policy_load("/nonexistent/policy");
	const struct acl_problem *b = acl_policy_problem(p, 0);
	auto_free char *text = acl_problem_text(p, b);

	(void)state;
	assert_int_equal(acl_policy_errors(p), 1);
	assert_string_equal(text, "/nonexistent/policy: cannot be read: No such "
				  "file or directory");
	acl_policy_free(p);
}

/* Prefixes that hold each other and ports that touch become one element: nft
 * refuses intervals that overlap. */
static void test_overlaps_merge(void **state)
{
	auto_free char *text = NULL;
	struct acl_rules *r;

	(void)state;
	r = compile("table <t> { 192.0.2.128/25, 192.0.2.0/24, 192.0.2.9 }\n"
		    "pass from domus to { <t>, 192.0.2.9, 192.0.2.8/30 } proto "
		    "tcp port { 81-90, 80, 85 }\n");
	text = acl_emit(r);
	acl_rules_free(r);
	assert_non_null(strstr(text, "elements = {\n\t\t\t192.0.2.0/24\n"));
	assert_non_null(strstr(text, "ip daddr 192.0.2.8/30 tcp dport 80-90 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours_are_local),
		cmocka_unit_test(test_changes_follow_the_image),
		cmocka_unit_test(test_check_again),
		cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_overlaps_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
