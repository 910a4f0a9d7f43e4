/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask about jobs (docs/protocol.md §8). */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "log.h"
#include "parse.h"

#include "central.h"

void api_job_submit(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	json_t *body;
	int64_t id;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	rc = engine_submit(f->c->engine, body, &id, &err);
	if (rc) {
		api_fail(r, rc, &err);
		return;
	}
	log_info("job %lld: submitted", (long long)id);
	httpd_reply_json(r, 200, json_pack("{sI}", "id", (json_int_t)id));
	wait_kick(f->c);
}

void api_job_list(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	json_t *doc = NULL;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	rc = engine_jobs(f->c->engine, &doc, &err);
	api_reply(r, rc, doc, &err);
}

/* Shown once its `changes` is not what the caller has seen. */
static int try_show(struct httpd_req *r, struct front *f, const char *caller,
		    int64_t id, int last)
{
	const char *text = httpd_query(r, "seen");
	struct errinfo err = ERRINFO_INIT;
	json_t *job = NULL;
	uint64_t seen = 0;
	int rc;

	(void)caller;
	if (text && parse_u64(text, 0, INT64_MAX, &seen)) {
		httpd_reply_error(r, 400, "'seen' is not a number");
		return 1;
	}
	rc = engine_job(f->c->engine, id, &job, &err);
	if (!rc && text && !last &&
	    json_integer_value(json_object_get(job, "changes")) ==
		    (json_int_t)seen) {
		json_decref(job);
		return 0;
	}
	api_reply(r, rc, job, &err);
	return 1;
}

void api_job_show(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct caller caller;
	int64_t id;

	if (auth_require(r, f, WHO_OPERATOR, &caller) && api_number(r, 0, &id))
		wait_start(r, f, "", id, try_show);
}

void api_job_tasks(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	json_t *doc = NULL;
	const char *text = httpd_query(r, "from");
	uint64_t from = 0;
	int64_t id;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller) || !api_number(r, 0, &id))
		return;
	if (text && parse_u64(text, 0, INT64_MAX, &from)) {
		httpd_reply_error(r, 400, "'from' is not a number");
		return;
	}
	rc = engine_tasks(f->c->engine, id, (int64_t)from, &doc, &err);
	api_reply(r, rc, doc, &err);
}

void api_job_cancel(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	int64_t id;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller) || !api_number(r, 0, &id))
		return;
	rc = engine_cancel(f->c->engine, id, &err);
	api_reply(r, rc, rc ? NULL : json_object(), &err);
	wait_kick(f->c);
	if (!rc)
		log_info("job %lld: cancelled", (long long)id);
}

void api_job_output(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	int64_t id, index;
	uint64_t size;
	int rc, fd;

	if (!auth_require(r, f, WHO_OPERATOR, &caller) ||
	    !api_number(r, 0, &id) || !api_number(r, 1, &index))
		return;
	rc = engine_task_output(f->c->engine, id, index, &fd, &size, &err);
	if (rc)
		api_fail(r, rc, &err);
	else
		httpd_reply_fd(r, 200, "application/octet-stream", fd, size);
}

void api_file_put(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	const void *data;
	size_t len;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	data = httpd_body(r, &len);
	rc = engine_file_put(f->c->engine, httpd_param(r, 0), data, len, &err);
	if (rc)
		api_fail(r, rc, &err);
	else
		httpd_reply_json(r, 201, json_object());
}
