/* SPDX-License-Identifier: Apache-2.0 */
/* httpd in a forked child, and its clients. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "http-fixture.h"

char dir[64], sock_path[96], url[128];
static pid_t server_pid;

/* The server. */

struct app {
	struct loop *loop;
	struct httpd_req *held;
	struct loop_timer *timer;
	int gone;
};

static void on_echo(struct httpd_req *r, void *arg)
{
	size_t len;
	const void *body = httpd_body(r, &len);

	(void)arg;
	httpd_reply_text(r, 200, "application/octet-stream", body, len);
}

static void on_params(struct httpd_req *r, void *arg)
{
	const char *q = httpd_query(r, "q"), *h = httpd_header(r, "X-Test");

	(void)arg;
	httpd_reply_json(r, 200,
			 json_pack("{s:s,s:s,s:s?,s:s?,s:s,s:s?}", "path",
				   httpd_path(r), "target", httpd_target(r), "p0",
				   httpd_param(r, 0), "p1", httpd_param(r, 1),
				   "method", httpd_method(r), "q", q ? q : h));
}

static void on_json(struct httpd_req *r, void *arg)
{
	json_t *j = httpd_body_json(r);

	(void)arg;
	if (j)
		httpd_reply_json(r, 201, json_incref(j));
}

static void on_empty(struct httpd_req *r, void *arg)
{
	(void)arg;
	httpd_reply_empty(r, 204);
}

static void on_nothing(struct httpd_req *r, void *arg)
{
	(void)r;
	(void)arg;
}

static void on_error(struct httpd_req *r, void *arg)
{
	(void)arg;
	httpd_reply_error(r, atoi(httpd_param(r, 0)), "no: \xff %d", 42);
}

static void on_file(struct httpd_req *r, void *arg)
{
	FILE *f = tmpfile();

	(void)arg;
	for (int i = 0; i < 100000; i++)
		fprintf(f, "line %d\n", i);
	fflush(f);
	httpd_reply_fd(r, 200, "text/plain", dup(fileno(f)), (uint64_t)ftell(f));
	fclose(f);
}

static void peer_gone(struct httpd_req *r, void *arg)
{
	struct app *a = arg;

	a->gone++;
	if (a->held == r)
		a->held = NULL;
}

static void on_hold(struct httpd_req *r, void *arg)
{
	struct app *a = arg;

	a->held = r;
	httpd_hold(r, peer_gone, a);
}

static void on_release(struct httpd_req *r, void *arg)
{
	struct app *a = arg;

	if (a->held)
		httpd_reply_text(TAKE(a->held), 200, "text/plain", "late", 4);
	httpd_reply_json(r, 200, json_pack("{s:i}", "gone", a->gone));
}

static void on_late(void *arg)
{
	struct app *a = arg;

	if (a->held)
		httpd_reply_text(TAKE(a->held), 200, "text/plain", "timer", 5);
}

static void on_hold_timer(struct httpd_req *r, void *arg)
{
	struct app *a = arg;

	a->held = r;
	httpd_hold(r, peer_gone, a);
	loop_timer_set(a->timer, 50);
}

const struct httpd_route routes[] = {
	{ "POST", "/echo", on_echo, 0 },
	{ "PUT", "/echo", on_echo, 0 },
	{ "POST", "/small", on_echo, SMALL },
	{ "PUT", "/big", on_echo, 64 * 1024 * 1024 },
	{ "GET", "/p/*", on_params, 0 },
	{ "GET", "/p/*/and/*", on_params, 0 },
	{ "DELETE", "/p/*", on_params, 0 },
	{ "GET", "/all/**", on_params, 0 },
	{ "POST", "/json", on_json, 0 },
	{ "POST", "/empty", on_empty, 0 },
	{ "GET", "/nothing", on_nothing, 0 },
	{ "GET", "/error/*", on_error, 0 },
	{ "GET", "/file", on_file, 0 },
	{ "GET", "/hold", on_hold, 0 },
	{ "GET", "/hold-timer", on_hold_timer, 0 },
	{ "GET", "/release", on_release, 0 },
	{ NULL, NULL, NULL, 0 },
};

static void on_signal(int signo, void *arg)
{
	(void)signo;
	loop_quit(arg, 0);
}

static void serve(int ready)
{
	struct errinfo err = ERRINFO_INIT;
	struct app app = { .loop = loop_new() };
	struct httpd *d = NULL;

	app.timer = loop_timer_add(app.loop, on_late, &app);
	if (httpd_new(app.loop, sock_path, routes, &app, &d, &err)) {
		fprintf(stderr, "server: %s\n", err.text);
		exit(1);
	}
	loop_signal(app.loop, SIGTERM, on_signal, app.loop);
	if (write(ready, "\n", 1) != 1)
		exit(1);
	loop_run(app.loop);
	httpd_free(d);
	loop_timer_del(app.timer);
	loop_free(app.loop);
	exit(app.held ? 3 : 0); /* free() must have called gone() */
}

int start_server(void **state)
{
	int ready[2];
	char c;

	(void)state;
	strcpy(dir, "/tmp/test-http.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sock_path, sizeof(sock_path), "%s/sock", dir);
	snprintf(url, sizeof(url), "unix:%s", sock_path);
	assert_int_equal(pipe(ready), 0);
	server_pid = fork();
	if (!server_pid)
		serve(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return 0;
}

int stop_server(void **state)
{
	int status;

	(void)state;
	kill(server_pid, SIGTERM);
	waitpid(server_pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(access(sock_path, F_OK), -1);
	return rmdir(dir);
}

/* The clients. */

struct httpc *client(void)
{
	struct httpc_config config = { .url = url, .timeout_sec = 10 };
	struct httpc *c = NULL;

	assert_int_equal(httpc_new(&config, &c, NULL), 0);
	return c;
}

int ask(struct httpc *c, const char *method, const char *path, const void *body,
	size_t len, struct buf *out)
{
	struct errinfo err = ERRINFO_INIT;
	struct httpc_reply reply;
	int rc = httpc_request(c, method, path, NULL, body, len,
			       128 * 1024 * 1024, &reply, &err);

	if (rc)
		fprintf(stderr, "%s %s: %s\n", method, path, err.text);
	assert_int_equal(rc, 0);
	if (out)
		*out = reply.body;
	else
		buf_dispose(&reply.body);
	return reply.status;
}

int raw_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval tv = { .tv_sec = 10 };

	strcpy(addr.sun_path, sock_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

void raw_send(int fd, const void *data, size_t len)
{
	(void)!send(fd, data, len, MSG_NOSIGNAL);
}
