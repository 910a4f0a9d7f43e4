/* SPDX-License-Identifier: Apache-2.0 */
/* What workers ask (docs/protocol.md §7). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "parse.h"

#include "central.h"

#define MEMORY_MAX_MIB (16 * 1024 * 1024)

/* The wait asks again from the request's own body. */
static int try_lease(struct httpd_req *r, struct front *f, const char *caller,
		     int64_t memory_mib, int last)
{
	struct errinfo err = ERRINFO_INIT;
	struct engine_worker w = { NULL, caller, memory_mib };
	json_t *body = httpd_body_json(r), *task;
	int rc;

	if (!body)
		return 1;
	w.name = json_string_value(json_object_get(body, "worker"));
	rc = engine_lease(f->c->engine, &w, &task, &err);
	if (rc) {
		api_fail(r, rc, &err);
		return 1;
	}
	if (task) {
		log_debug("lease: job %lld task %lld to %s",
			  (long long)json_integer_value(
				  json_object_get(task, "job")),
			  (long long)json_integer_value(
				  json_object_get(task, "index")),
			  w.name);
		httpd_reply_json(r, 200, task);
		wait_kick(f->c);
		return 1;
	}
	if (last)
		httpd_reply_empty(r, 204);
	return last;
}

static int worker_name_ok(const char *s)
{
	return s && *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._/-") == strlen(s);
}

void api_work_lease(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	int64_t memory = 0;
	json_t *body;
	int rc;

	if (!auth_require(r, f, WHO_WORKER, &caller))
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	if (!worker_name_ok(json_string_value(json_object_get(body, "worker")))) {
		httpd_reply_error(r, 400, "'worker' is not SEGMENT/NODE/DOMU");
		return;
	}
	rc = json_is_integer(json_object_get(body, "memory_mib")) ? 0 : 1;
	if (!rc)
		memory = json_integer_value(json_object_get(body, "memory_mib"));
	if (memory < 0 || memory > MEMORY_MAX_MIB) {
		errinfo_set(&err, -EINVAL, "'memory_mib' is out of range");
		api_fail(r, -EINVAL, &err);
		return;
	}
	sites_worker_asked(f->c,
			   json_string_value(json_object_get(body, "worker")));
	wait_start(r, f, caller.name, memory, try_lease);
}

/* The caller's own lease? Has answered if not. */
static const char *own_lease(struct httpd_req *r, struct front *f)
{
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	int rc;

	if (!auth_require(r, f, WHO_WORKER, &caller))
		return NULL;
	rc = engine_lease_check(f->c->engine, httpd_param(r, 0), caller.name,
				&err);
	if (!rc)
		return httpd_param(r, 0);
	api_fail(r, rc, &err);
	return NULL;
}

void api_work_renew(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	const char *lease = own_lease(r, f);
	int rc, cancel = 0;
	double done = -1;
	json_t *body, *v;

	if (!lease)
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	v = json_object_get(body, "done");
	if (json_is_number(v))
		done = json_number_value(v);
	if ((v && !json_is_number(v) && !json_is_null(v)) || done > 1) {
		httpd_reply_error(r, 400, "'done' is not 0 to 1 or null");
		return;
	}
	rc = engine_renew(f->c->engine, lease, done, &cancel, &err);
	if (rc) {
		api_fail(r, rc, &err);
		return;
	}
	httpd_reply_json(r, 200,
			 json_pack("{si sb}", "lease_sec",
				   f->c->config->lease_sec, "cancel", cancel));
}

void api_work_output(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	const char *lease = own_lease(r, f), *text;
	uint64_t offset = 0, size;
	const void *data;
	size_t len;
	int rc;

	if (!lease)
		return;
	text = httpd_query(r, "offset");
	if (text && parse_u64(text, 0, INT64_MAX, &offset)) {
		httpd_reply_error(r, 400, "'offset' is not a number");
		return;
	}
	data = httpd_body(r, &len);
	rc = engine_output(f->c->engine, lease, offset, data, len, &size, &err);
	if (rc)
		api_fail(r, rc, &err);
	else
		httpd_reply_json(r, 200,
				 json_pack("{sI}", "size", (json_int_t)size));
}

void api_work_result(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	const char *lease = own_lease(r, f);
	json_t *body;
	int rc;

	if (!lease)
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	rc = engine_result(f->c->engine, lease, body, &err);
	if (rc) {
		api_fail(r, rc, &err);
		return;
	}
	httpd_reply_json(r, 200, json_object());
	wait_kick(f->c);
}

void api_work_file(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	uint64_t size;
	int rc, fd;

	if (!auth_require(r, f, WHO_WORKER, &caller))
		return;
	rc = engine_file_open(f->c->engine, httpd_param(r, 0), &fd, &size, &err);
	if (rc)
		api_fail(r, rc, &err);
	else
		httpd_reply_fd(r, 200, "application/octet-stream", fd, size);
}
