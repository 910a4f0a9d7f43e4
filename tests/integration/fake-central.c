/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-central DIR - central's worker API (docs/protocol.md §7) for the tests
 * of the worker, and ways to misbehave.
 *
 * Listens on DIR/sock. Input files lie in DIR/files/HEX64. Tests say:
 *	POST /test/task		queues a task; leased once, as it stands
 *	POST /test/set		{"cancel", "gone", "busy", "drop": bool}
 *	POST /test/down/MS	does not listen for a while
 *	GET  /test/state	{"leases", "renews", "results": [..], "asked"}
 *	GET  /test/output	what has arrived of the last task's output
 * busy: every answer is 503. gone: every lease is. drop: forgets the output
 * that came so far, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "hash.h"
#include "httpd.h"
#include "log.h"
#include "parse.h"

#define TOKEN "Bearer secret"

static struct {
	struct loop *loop;
	struct httpd *httpd;
	struct loop_timer *up, *down, *poll;
	const char *dir;
	char sock[200];
	int down_ms;
	json_t *queue, *results;
	int leases, renews, asked;
	int cancel, gone, busy;
	struct buf output;
	struct httpd_req *waiting;
} fake;

static int refuse(struct httpd_req *r)
{
	const char *auth = httpd_header(r, "Authorization");

	if (!auth || strcmp(auth, TOKEN))
		httpd_reply_error(r, 401, "who are you?");
	else if (fake.busy)
		httpd_reply_error(r, 503, "busy");
	else
		return 0;
	return 1;
}

static int refuse_lease(struct httpd_req *r)
{
	if (refuse(r))
		return 1;
	if (fake.gone)
		httpd_reply_error(r, 409, "the lease is gone");
	return fake.gone;
}

static void give_task(struct httpd_req *r)
{
	json_t *task = json_incref(json_array_get(fake.queue, 0));

	json_array_remove(fake.queue, 0);
	fake.leases++;
	buf_reset(&fake.output);
	httpd_reply_json(r, 200, task);
}

static void asker_gone(struct httpd_req *r, void *arg)
{
	(void)arg;
	if (fake.waiting == r)
		fake.waiting = NULL;
	loop_timer_clear(fake.poll);
}

static void on_lease(struct httpd_req *r, void *arg)
{
	(void)arg;
	if (refuse(r))
		return;
	fake.asked++;
	if (json_array_size(fake.queue)) {
		give_task(r);
		return;
	}
	if (fake.waiting)
		httpd_reply_empty(TAKE(fake.waiting), 204);
	fake.waiting = r;
	httpd_hold(r, asker_gone, NULL);
	loop_timer_set(fake.poll, 5000);
}

static void on_poll(void *arg)
{
	(void)arg;
	if (fake.waiting)
		httpd_reply_empty(TAKE(fake.waiting), 204);
}

static void on_renew(struct httpd_req *r, void *arg)
{
	(void)arg;
	if (refuse_lease(r))
		return;
	fake.renews++;
	httpd_reply_json(
		r, 200,
		json_pack("{s:i,s:b}", "lease_sec", 1, "cancel", fake.cancel));
}

static void on_output(struct httpd_req *r, void *arg)
{
	size_t len;
	const char *body = httpd_body(r, &len);
	uint64_t offset;

	(void)arg;
	if (refuse_lease(r))
		return;
	if (parse_u64(httpd_query(r, "offset") ? httpd_query(r, "offset") : "",
		      0, INT32_MAX, &offset)) {
		httpd_reply_error(r, 400, "no offset");
		return;
	}
	if (offset <= fake.output.len && offset + len > fake.output.len)
		buf_add(&fake.output, body + (fake.output.len - offset),
			len - (fake.output.len - offset));
	httpd_reply_json(
		r, 200, json_pack("{s:I}", "size", (json_int_t)fake.output.len));
}

static int output_matches(const json_t *result)
{
	const char *sum = json_string_value(json_object_get(result, "sha256"));
	char hex[HASH_HEX];

	hash_bytes_hex(fake.output.len ? fake.output.data : "", fake.output.len,
		       hex);
	return sum && !strcmp(hex, sum) &&
	       json_integer_value(json_object_get(result, "size")) ==
		       (json_int_t)fake.output.len;
}

static void on_result(struct httpd_req *r, void *arg)
{
	json_t *j;

	(void)arg;
	if (refuse_lease(r))
		return;
	j = httpd_body_json(r);
	if (!j)
		return;
	if (!output_matches(j)) {
		httpd_reply_error(r, 400, "other output is stored");
		return;
	}
	json_array_append(fake.results, j);
	httpd_reply_json(r, 200, json_object());
}

static void on_file(struct httpd_req *r, void *arg)
{
	char path[400];
	struct stat st;
	int fd;

	(void)arg;
	if (refuse(r))
		return;
	snprintf(path, sizeof(path), "%s/files/%s", fake.dir, httpd_param(r, 0));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		httpd_reply_error(r, 404, "no such file");
	else
		httpd_reply_fd(r, 200, "application/octet-stream", fd,
			       (uint64_t)st.st_size);
}

static void test_task(struct httpd_req *r, void *arg)
{
	json_t *j = httpd_body_json(r);

	(void)arg;
	if (!j)
		return;
	json_array_append(fake.queue, j);
	if (fake.waiting)
		give_task(TAKE(fake.waiting));
	httpd_reply_empty(r, 204);
}

static void test_set(struct httpd_req *r, void *arg)
{
	json_t *j = httpd_body_json(r);

	(void)arg;
	if (!j)
		return;
	json_unpack(j, "{s?b,s?b,s?b}", "cancel", &fake.cancel, "gone",
		    &fake.gone, "busy", &fake.busy);
	if (json_is_true(json_object_get(j, "drop")))
		buf_reset(&fake.output);
	httpd_reply_empty(r, 204);
}

static void test_state(struct httpd_req *r, void *arg)
{
	(void)arg;
	httpd_reply_json(r, 200,
			 json_pack("{s:i,s:i,s:i,s:O}", "leases", fake.leases,
				   "renews", fake.renews, "asked", fake.asked,
				   "results", fake.results));
}

static void test_output(struct httpd_req *r, void *arg)
{
	(void)arg;
	httpd_reply_text(r, 200, "text/plain", fake.output.data, fake.output.len);
}

static void test_down(struct httpd_req *r, void *arg)
{
	(void)arg;
	fake.down_ms = atoi(httpd_param(r, 0));
	httpd_reply_empty(r, 204);
	loop_timer_set(fake.down, 20);
}

static const struct httpd_route routes[] = {
	{ "POST", "/v1/work/lease", on_lease, 0 },
	{ "POST", "/v1/work/leases/*/renew", on_renew, 0 },
	{ "PUT", "/v1/work/leases/*/output", on_output, 0 },
	{ "POST", "/v1/work/leases/*/result", on_result, 0 },
	{ "GET", "/v1/work/files/*", on_file, 0 },
	{ "POST", "/test/task", test_task, 0 },
	{ "POST", "/test/set", test_set, 0 },
	{ "POST", "/test/down/*", test_down, 0 },
	{ "GET", "/test/state", test_state, 0 },
	{ "GET", "/test/output", test_output, 0 },
	{ NULL, NULL, NULL, 0 },
};

static void start(void *arg)
{
	struct errinfo err = ERRINFO_INIT;

	(void)arg;
	if (httpd_new(fake.loop, fake.sock, routes, NULL, &fake.httpd, &err)) {
		log_err("%s", err.text);
		exit(1);
	}
}

static void stop(void *arg)
{
	(void)arg;
	httpd_free(TAKE(fake.httpd));
	loop_timer_set(fake.up, fake.down_ms);
}

static void on_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	loop_quit(fake.loop, 0);
}

int main(int argc, char **argv)
{
	log_init("fake-central", NULL);
	if (argc != 2)
		return 2;
	fake.dir = argv[1];
	fake.loop = loop_new();
	fake.queue = json_array();
	fake.results = json_array();
	snprintf(fake.sock, sizeof(fake.sock), "%s/sock", fake.dir);
	fake.up = loop_timer_add(fake.loop, start, NULL);
	fake.down = loop_timer_add(fake.loop, stop, NULL);
	fake.poll = loop_timer_add(fake.loop, on_poll, NULL);
	loop_signal(fake.loop, SIGTERM, on_signal, NULL);
	start(NULL);
	loop_run(fake.loop);
	httpd_free(fake.httpd);
	json_decref(fake.queue);
	json_decref(fake.results);
	buf_dispose(&fake.output);
	loop_free(fake.loop);
	return 0;
}
