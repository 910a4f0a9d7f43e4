/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine-fixture.h"
#include "hash.h"

char dir[64];
int64_t now;
struct engine *e;
struct errinfo err;

static int64_t test_now(void *arg)
{
	(void)arg;
	return now;
}

void reopen(void)
{
	struct engine_config c = {
		.dir = dir, .lease_sec = 10, .attempts_max = 4, .now_ms = test_now
	};
	int rc;

	engine_close(e);
	e = NULL;
	rc = engine_open(&c, &e, &err);
	if (rc)
		fail_msg("%s", err.text);
}

int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-engine.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	now = 1000000;
	reopen();
	return 0;
}

int teardown(void **state)
{
	char cmd[100];

	(void)state;
	engine_close(e);
	e = NULL;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

int64_t submit(const char *spec)
{
	json_t *o = json_loads(spec, 0, NULL);
	int64_t id = 0;
	int rc;

	assert_non_null(o);
	rc = engine_submit(e, o, &id, &err);
	json_decref(o);
	return rc ? rc : id;
}

int lease_as(const char *workspace, int64_t memory, struct held *h)
{
	struct engine_worker w = { "lab/pc1/a", workspace, memory };
	json_t *t;

	assert_int_equal(engine_lease(e, &w, &t, &err), 0);
	if (!t)
		return 0;
	snprintf(h->lease, sizeof(h->lease), "%s",
		 json_string_value(json_object_get(t, "lease")));
	h->job = json_integer_value(json_object_get(t, "job"));
	h->index = json_integer_value(json_object_get(t, "index"));
	h->attempt = json_integer_value(json_object_get(t, "attempt"));
	json_decref(t);
	return 1;
}

int lease(struct held *h)
{
	return lease_as("", 0, h);
}

int result(const struct held *h, int exit_status, const char *output)
{
	char hex[HASH_HEX];
	json_t *o;
	int rc;

	hash_bytes_hex(output, strlen(output), hex);
	o = json_pack("{si si ss sI ss si}", "exit", exit_status, "signal", 0,
		      "error", "", "size", (json_int_t)strlen(output), "sha256",
		      hex, "wall_ms", 5);
	rc = engine_result(e, h->lease, o, &err);
	json_decref(o);
	return rc;
}

int output(const struct held *h, uint64_t offset, const char *text)
{
	uint64_t size;

	return engine_output(e, h->lease, offset, text, strlen(text), &size,
			     &err);
}

int renew(const struct held *h, int *cancel)
{
	return engine_renew(e, h->lease, 0.5, cancel, &err);
}

void expire_after(int64_t ms)
{
	now += ms;
	assert_int_equal(engine_expire(e, NULL, &err), 0);
}

int64_t job_int(int64_t id, const char *name)
{
	json_t *j;
	int64_t n;

	assert_int_equal(engine_job(e, id, &j, &err), 0);
	n = json_integer_value(json_object_get(j, name));
	json_decref(j);
	return n;
}

void check_state(int64_t id, const char *state)
{
	json_t *j;

	assert_int_equal(engine_job(e, id, &j, &err), 0);
	assert_string_equal(json_string_value(json_object_get(j, "state")),
			    state);
	json_decref(j);
}
