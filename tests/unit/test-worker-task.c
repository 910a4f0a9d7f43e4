/* SPDX-License-Identifier: Apache-2.0 */
/* A task as central may send it: what is taken, what is refused, and why. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker.h"

#define LEASE "\"lease\":\"00112233445566778899aabbccddeeff\""
#define DIGEST \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEAD "{" LEASE ",\"command\":[\"x\"],"
#define INPUT(name, more)                                              \
	HEAD "\"inputs\":[{\"name\":\"" name "\",\"sha256\":\"" DIGEST \
	     "\"" more "}]}"

static int parse(const char *text, struct task *t, struct errinfo *err)
{
	json_t *doc = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(doc);
	return task_parse(doc, t, err);
}

static int has_env(const struct task *t, const char *line)
{
	for (int i = 0; t->envp[i]; i++)
		if (!strcmp(t->envp[i], line))
			return 1;
	return 0;
}

static void takes_a_task(void **state)
{
	struct task t;

	(void)state;
	assert_int_equal(
		parse("{" LEASE ",\"lease_sec\":30,\"job\":7,\"index\":3,"
		      "\"attempt\":2,\"command\":[\"./a\",\"b c\"],"
		      "\"env\":{\"A\":\"1 2\",\"B\":\"\"},"
		      "\"inputs\":[{\"name\":\"a\",\"size\":5,\"mode\":493,"
		      "\"sha256\":\"" DIGEST "\"}],"
		      "\"limits\":{\"wall_sec\":9,\"cpu_sec\":8,"
		      "\"memory_mib\":32,\"output_max\":0},\"new\":1}",
		      &t, NULL),
		0);
	assert_int_equal(t.lease_sec, 30);
	assert_true(t.job == 7 && t.index == 3 && t.attempt == 2);
	assert_string_equal(t.argv[0], "./a");
	assert_string_equal(t.argv[1], "b c");
	assert_null(t.argv[2]);
	assert_true(has_env(&t, "A=1 2") && has_env(&t, "B="));
	assert_true(has_env(&t, "NIGHTSHIFT_INDEX=3"));
	assert_true(has_env(&t, "HOME=/work"));
	assert_int_equal(t.ninputs, 1);
	assert_string_equal(t.inputs[0].name, "a");
	assert_int_equal(t.inputs[0].size, 5);
	assert_int_equal(t.inputs[0].mode, 0755);
	assert_true(t.wall_sec == 9 && t.cpu_sec == 8 && t.memory_mib == 32);
	assert_int_equal(t.output_max, 0);
	task_dispose(&t);
	task_dispose(&t);
}

static void knows_defaults(void **state)
{
	struct task t;

	(void)state;
	assert_int_equal(parse("{" LEASE ",\"command\":[\"x\"]}", &t, NULL), 0);
	assert_true(t.wall_sec == 0 && t.cpu_sec == 0 && t.memory_mib == 64);
	assert_int_equal(t.output_max, 1024 * 1024);
	task_dispose(&t);
}

static void the_jobs_own_environment_wins(void **state)
{
	struct task t;

	(void)state;
	assert_int_equal(parse(HEAD "\"env\":{\"HOME\":\"/tmp\"}}", &t, NULL), 0);
	for (int i = 0; t.envp[i]; i++) {
		if (strncmp(t.envp[i], "HOME=", 5))
			continue;
		assert_string_equal(t.envp[i], "HOME=/tmp");
		break;
	}
	task_dispose(&t);
}

static void refuses_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{}", "'lease' is not 32 hex" },
		{ "[]", "'lease' is not 32 hex" },
		{ "{\"lease\":\"../../x\",\"command\":[\"x\"]}", "'lease'" },
		{ "{\"lease\":5}", "'lease'" },
		{ "{" LEASE "}", "'command' is not an array" },
		{ "{" LEASE ",\"command\":[]}", "'command' is not an array" },
		{ "{" LEASE ",\"command\":\"x\"}", "'command' is not an array" },
		{ "{" LEASE ",\"command\":[\"x\",1]}", "is not a string" },
		{ HEAD "\"lease_sec\":0}", "'lease_sec'" },
		{ HEAD "\"lease_sec\":\"60\"}", "'lease_sec'" },
		{ HEAD "\"job\":-1}", "'job'" },
		{ HEAD "\"limits\":{\"memory_mib\":0}}", "'memory_mib'" },
		{ HEAD "\"limits\":{\"wall_sec\":-1}}", "'wall_sec'" },
		{ HEAD "\"limits\":{\"cpu_sec\":1.5}}", "'cpu_sec'" },
		{ HEAD "\"limits\":{\"output_max\":67108865}}", "'output_max'" },
		{ HEAD "\"env\":{\"\":\"x\"}}", "'env'" },
		{ HEAD "\"env\":{\"A=B\":\"x\"}}", "'env'" },
		{ HEAD "\"env\":{\"A\":1}}", "'env'" },
		{ INPUT("", ",\"size\":1"), "'name' is not a file name" },
		{ INPUT(".", ",\"size\":1"), "'name' is not a file name" },
		{ INPUT("..", ",\"size\":1"), "'name' is not a file name" },
		{ INPUT("a/b", ",\"size\":1"), "'name' is not a file name" },
		{ INPUT("a\\n", ",\"size\":1"), "'name' is not a file name" },
		{ INPUT("a", ""), "no 'size'" },
		{ INPUT("a", ",\"size\":-5"), "'size'" },
		{ INPUT("a", ",\"size\":1,\"mode\":2541"), "'mode'" },
		{ HEAD "\"inputs\":[{\"name\":\"a\",\"size\":1,"
		       "\"sha256\":\"../x\"}]}",
		  "'sha256' is not a digest" },
		{ HEAD
		  "\"inputs\":[{\"name\":\"a\",\"size\":1,\"sha256\":\"" DIGEST
		  "\"},{\"name\":\"a\",\"size\":1,\"sha256\":\"" DIGEST "\"}]}",
		  "two inputs of one name" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct errinfo err = ERRINFO_INIT;
		struct task t;
		int rc = parse(cases[i].text, &t, &err);

		if (rc != -EINVAL || !strstr(err.text, cases[i].why))
			fail_msg("%s: %d %s", cases[i].text, rc, err.text);
		task_dispose(&t);
	}
}

static void refuses_too_many(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	json_t *command = json_array();
	struct task t;

	(void)state;
	for (int i = 0; i <= ARGV_MAX; i++)
		json_array_append_new(command, json_string("x"));
	assert_int_equal(task_parse(json_pack("{s:s,s:o}", "lease",
					      "00112233445566778899aabbccddeeff",
					      "command", command),
				    &t, &err),
			 -EINVAL);
	task_dispose(&t);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(takes_a_task),
		cmocka_unit_test(knows_defaults),
		cmocka_unit_test(the_jobs_own_environment_wins),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(refuses_too_many),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
