/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes and the central say: tables of wrong forms, and flipped bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wire.h"
#include "workspace.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char report[] =
	"{\"boot_id\":\"" HEX64 "\",\"gen\":3,\"uptime_ms\":1,"
	"\"state\":\"running\",\"error\":\"\",\"image\":{\"name\":\"batch\","
	"\"version\":\"1\",\"manifest\":\"" HEX64 "\",\"done\":5,\"total\":9},"
	"\"host\":{\"free_mib\":100},\"domus\":[{\"id\":\"w-pc1\","
	"\"state\":\"running\",\"domid\":1,\"manifest\":\"" HEX64 "\","
	"\"since_ms\":1,\"error\":\"\"}],\"scratch\":{\"state\":\"used\","
	"\"size_mib\":64,\"error\":\"\"}}";

static const char enrol[] =
	"{\"boot_id\":\"" HEX64 "\",\"mac\":\"52:54:00:77:00:11\","
	"\"uptime_ms\":1,\"host\":{\"memory_mib\":100},"
	"\"tunnel_key\":\"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\"}";

static const char desired[] =
	"{\"gen\":2,\"workspaces\":[{\"name\":\"w\",\"domus\":2,"
	"\"image\":\"batch\",\"channel\":\"stable\",\"manifest\":\"" HEX64 "\","
	"\"image_version\":\"1\",\"memory_mib\":256,\"vcpus\":1,"
	"\"weight\":256,\"cap\":0,\"worker\":{\"url\":\"https://10.0.0.1\","
	"\"pin\":\"p\",\"token\":\"t\"}}]}";

static int try_report(const char *text, size_t len)
{
	struct wire_report w;
	json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int rc;

	if (!body)
		return -EINVAL;
	rc = wire_report(body, &w, NULL);
	if (!rc) {
		json_decref(w.image);
		json_decref(w.domus);
		json_decref(w.host);
		json_decref(w.scratch);
	}
	json_decref(body);
	return rc;
}

static int try_enrol(const char *text, size_t len)
{
	struct wire_enrol e = { 0 };
	json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int rc;

	if (!body)
		return -EINVAL;
	rc = wire_enrol(body, &e, NULL);
	if (!rc)
		json_decref(e.host);
	json_decref(body);
	return rc;
}

static int try_desired(const char *text, size_t len)
{
	struct workspaces w;
	int rc = workspaces_parse(text, len, &w, NULL);

	if (!rc)
		workspaces_dispose(&w);
	return rc;
}

/* In a document `from` stands once; with `to` in its place it is refused. */
struct swap {
	const char *from, *to;
};

static void refuse_swaps(const char *doc, const struct swap *list, size_t n,
			 int (*fn)(const char *text, size_t len))
{
	char text[4096];

	assert_int_equal(fn(doc, strlen(doc)), 0);
	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(doc, list[i].from);

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - doc), doc,
			 list[i].to, at + strlen(list[i].from));
		if (fn(text, strlen(text)) != -EINVAL)
			fail_msg("taken: %s", text);
	}
}

static void wrong_reports_are_refused(void **state)
{
	static const struct swap list[] = {
		{ "\"boot_id\":\"00", "\"boot_id\":\"0" },
		{ "\"boot_id\":\"00", "\"boot_id\":\"0G" },
		{ "\"boot_id\"", "\"boot\"" },
		{ "\"state\":\"running\",\"error\"",
		  "\"state\":\"lost\",\"error\"" },
		{ "\"state\":\"running\",\"error\"", "\"state\":1,\"error\"" },
		{ "\"error\":\"\",\"image\"", "\"error\":[],\"image\"" },
		{ "\"image\":{", "\"image\":3,\"x\":{" },
		{ "\"done\":5", "\"done\":\"5\"" },
		{ "\"done\":5", "\"done\":5.5" },
		{ "\"host\":{", "\"host\":[],\"x\":{" },
		{ "\"domus\":[", "\"domus\":{},\"x\":[" },
		{ "\"domus\":[", "\"domus\":[7," },
		{ "\"domid\":1", "\"domid\":true" },
		{ "\"scratch\":{", "\"scratch\":[],\"x\":{" },
		{ "\"size_mib\":64", "\"size_mib\":\"64\"" },
		{ "\"id\":\"w-pc1\"", "\"id\":\"" HEX64 "\"" },
	};

	(void)state;
	refuse_swaps(report, list, ARRAY_SIZE(list), try_report);
}

static void wrong_enrolments_are_refused(void **state)
{
	static const struct swap list[] = {
		{ "\"boot_id\":\"00", "\"boot_id\":\"0" },
		{ "\"mac\"", "\"mc\"" },
		{ "\"host\":{", "\"host\":[],\"x\":{" },
		{ "\"memory_mib\":100", "\"memory_mib\":\"100\"" },
		{ "\"tunnel_key\":\"hSD", "\"tunnel_key\":\"hS" },
		{ "\"tunnel_key\":\"hSD", "\"tunnel_key\":\"hSDD" },
		{ "Tmo=\"}", "Tmp=\"}" }, /* spare bits */
		{ "\"tunnel_key\":\"h", "\"tunnel_key\":7,\"x\":\"h" },
		/* Of small order: everybody would know the secret. */
		{ "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
		  "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
	};

	(void)state;
	refuse_swaps(enrol, list, ARRAY_SIZE(list), try_enrol);
}

static void wrong_desired_states_are_refused(void **state)
{
	static const struct swap list[] = {
		{ "\"gen\":2", "\"gen\":\"2\"" },
		{ "\"gen\":2,", "" },
		{ "\"workspaces\":[", "\"workspaces\":{},\"x\":[" },
		{ "\"workspaces\":[", "\"workspaces\":[1," },
		{ "\"name\":\"w\"", "\"name\":\"W\"" },
		{ "\"name\":\"w\"", "\"name\":\"../w\"" },
		{ "\"domus\":2", "\"domus\":-1" },
		{ "\"memory_mib\":256", "\"memory_mib\":0" },
		{ "\"memory_mib\":256", "\"memory_mib\":99999999999" },
		{ "\"weight\":256", "\"weight\":65536" },
		{ "\"cap\":0", "\"cap\":null" },
		{ "\"manifest\":\"00", "\"manifest\":\"0" },
		{ "\"worker\":{", "\"worker\":[],\"x\":{" },
		{ "\"token\":\"t\"", "\"token\":7" },
	};

	(void)state;
	refuse_swaps(desired, list, ARRAY_SIZE(list), try_desired);
}

static void what_is_unknown_is_dropped(void **state)
{
	json_t *body = json_loads(report, 0, NULL);
	struct wire_report w;

	(void)state;
	json_object_set_new(json_object_get(body, "image"), "evil",
			    json_string("x"));
	assert_int_equal(wire_report(body, &w, NULL), 0);
	assert_null(json_object_get(w.image, "evil"));
	assert_int_equal(json_integer_value(json_object_get(w.image, "done")), 5);
	assert_int_equal(w.state, NODE_RUNNING);
	assert_int_equal(
		json_integer_value(json_object_get(w.scratch, "size_mib")), 64);
	json_decref(w.scratch);
	json_decref(w.image);
	json_decref(w.domus);
	json_decref(w.host);
	json_decref(body);
}

static void a_channel_that_leads_nowhere_is_no_error(void **state)
{
	struct workspaces w;
	static const char text[] =
		"{\"gen\":2,\"workspaces\":[{\"name\":\"w\",\"domus\":2,"
		"\"image\":\"batch\",\"channel\":\"stable\",\"manifest\":\"\",\"memory_mib\":256,"
		"\"vcpus\":1,\"weight\":256,\"cap\":0,\"worker\":{\"url\":\"\","
		"\"pin\":\"\",\"token\":\"\"}}]}";

	(void)state;
	assert_int_equal(workspaces_parse(text, strlen(text), &w, NULL), 0);
	assert_string_equal(w.list[0].manifest, "");
	workspaces_dispose(&w);
}

/* Nothing crashes or leaks (ASan), whatever comes; same bytes at each run. */
static void flipped_bytes_do_no_harm(void **state)
{
	unsigned int seed = 1;
	char text[sizeof(report) > sizeof(desired) ? sizeof(report) : sizeof(desired)];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const char *doc = i % 3 ? i % 3 == 1 ? report : desired : enrol;
		size_t len = strlen(doc);

		memcpy(text, doc, len);
		for (int k = rand_r(&seed) % 4; k >= 0; k--)
			text[(size_t)rand_r(&seed) % len] = (char)rand_r(&seed);
		if (rand_r(&seed) % 4 == 0)
			len = (size_t)rand_r(&seed) % len;
		if (doc == enrol)
			try_enrol(text, len);
		else if (doc == report)
			try_report(text, len);
		else
			try_desired(text, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_reports_are_refused),
		cmocka_unit_test(wrong_enrolments_are_refused),
		cmocka_unit_test(wrong_desired_states_are_refused),
		cmocka_unit_test(what_is_unknown_is_dropped),
		cmocka_unit_test(a_channel_that_leads_nowhere_is_no_error),
		cmocka_unit_test(flipped_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
