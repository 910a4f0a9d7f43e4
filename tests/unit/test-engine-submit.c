/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded engine: what is submitted, and workspaces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine-fixture.h"
#include "hash.h"

/* --- submitting ---------------------------------------------------------- */

static void same_key_is_the_same_job(void **state)
{
	int64_t a = submit("{" CMD ",\"key\":\"k1\"}");

	(void)state;
	assert_true(a > 0);
	assert_int_equal(submit("{" CMD ",\"key\":\"k1\"}"), a);
	assert_int_not_equal(submit("{" CMD ",\"key\":\"k2\"}"), a);
}

static void wrong_specs_are_refused(void **state)
{
	static const char *const specs[] = {
		"{}",
		"{\"command\":[]}",
		"{\"command\":[\"\"]}",
		"{\"command\":[1]}",
		"{" CMD ",\"count\":0}",
		"{" CMD ",\"count\":100001}",
		"{" CMD ",\"count\":\"3\"}",
		"{" CMD ",\"colour\":1}",
		"{" CMD ",\"retries\":-1}",
		"{" CMD ",\"limits\":{\"wall_sec\":0}}",
		"{" CMD ",\"limits\":{\"memory\":1}}",
		"{" CMD ",\"env\":{\"A B\":\"\"}}",
		"{" CMD ",\"name\":\"a\\nb\"}",
		"{" CMD ",\"inputs\":[{\"name\":\"../x\"}]}",
		"{" CMD ",\"inputs\":[{\"name\":\"x\",\"size\":1,\"mode\":420,"
		"\"sha256\":\"00000000000000000000000000000000"
		"00000000000000000000000000000000\"}]}",
	};
	json_t *jobs;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		if (submit(specs[i]) != -EINVAL || !err.text[0])
			fail_msg("accepted: %s", specs[i]);
	assert_int_equal(engine_jobs(e, &jobs, &err), 0);
	assert_int_equal(json_array_size(json_object_get(jobs, "jobs")), 0);
	json_decref(jobs);
}

static void files_are_named_by_their_content(void **state)
{
	char hex[HASH_HEX], spec[400];
	uint64_t size;
	int fd;

	(void)state;
	hash_bytes_hex("data", 4, hex);
	assert_int_equal(engine_file_put(e, hex, "dat", 3, &err), -EINVAL);
	assert_int_equal(engine_file_open(e, hex, &fd, &size, &err), -ENOENT);
	assert_int_equal(engine_file_put(e, hex, "data", 4, &err), 0);
	assert_int_equal(engine_file_put(e, hex, "data", 4, &err), 0);
	assert_int_equal(engine_file_open(e, hex, &fd, &size, &err), 0);
	assert_int_equal(size, 4);
	close(fd);
	assert_int_equal(engine_file_open(e, "../../etc/passwd", &fd, &size, &err),
			 -EINVAL);
	snprintf(spec, sizeof(spec),
		 "{" CMD ",\"inputs\":[{\"name\":\"x\",\"size\":4,"
		 "\"mode\":420,\"sha256\":\"%s\"}]}",
		 hex);
	assert_true(submit(spec) > 0);
}

static void one_process_per_directory(void **state)
{
	struct engine_config c = { .dir = dir };
	struct engine *second = NULL;

	(void)state;
	assert_int_equal(engine_open(&c, &second, &err), -EBUSY);
	assert_null(second);
}

/* --- workspaces ---------------------------------------------------------- */

static char *token_of_first(void)
{
	json_t *list;
	char *token;

	assert_int_equal(engine_workspaces(e, &list, &err), 0);
	token = strdup(json_string_value(
		json_object_get(json_array_get(list, 0), "token")));
	json_decref(list);
	return token;
}

static void workspace_keeps_its_token(void **state)
{
	json_t *spec = json_pack("{ss ss si}", "image", "batch", "channel",
				 "stable", "domus", 2);
	char *a, *b;

	(void)state;
	assert_int_equal(engine_workspace_put(e, "ll", spec, &err), 0);
	a = token_of_first();
	assert_int_equal(strlen(a), 64);
	assert_int_equal(engine_workspace_put(e, "ll", spec, &err), 0);
	b = token_of_first();
	assert_string_equal(a, b);
	free(a);
	free(b);
	assert_int_equal(engine_workspace_put(e, "L L", spec, &err), -EINVAL);
	assert_int_equal(engine_workspace_delete(e, "ll", &err), 0);
	assert_int_equal(engine_workspace_delete(e, "ll", &err), -ENOENT);
	json_decref(spec);
}

static void site_generation_rises_on_change_only(void **state)
{
	int64_t a, b, c;

	(void)state;
	assert_int_equal(engine_site_gen(e, "one", &a, &err), 0);
	assert_int_equal(engine_site_gen(e, "one", &b, &err), 0);
	assert_int_equal(a, b);
	reopen();
	assert_int_equal(engine_site_gen(e, "one", &b, &err), 0);
	assert_int_equal(a, b);
	assert_int_equal(engine_site_gen(e, "two", &c, &err), 0);
	assert_true(c > a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(same_key_is_the_same_job),
		T(wrong_specs_are_refused),
		T(files_are_named_by_their_content),
		T(one_process_per_directory),
		T(workspace_keeps_its_token),
		T(site_generation_rises_on_change_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
