/* SPDX-License-Identifier: Apache-2.0 */
/* httpd and httpc as they are meant to be used. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "http-fixture.h"

#define PARALLEL 100

static void check_echo(void **state)
{
	struct httpc *c = client();
	struct buf out;

	(void)state;
	assert_int_equal(ask(c, "POST", "/echo", "hello", 5, &out), 200);
	assert_int_equal(out.len, 5);
	assert_memory_equal(out.data, "hello", 5);
	buf_dispose(&out);
	assert_int_equal(ask(c, "POST", "/echo", NULL, 0, &out), 200);
	assert_int_equal(out.len, 0);
	buf_dispose(&out);
	httpc_free(c);
}

static void check_routes(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
	} cases[] = {
		{ "GET", "/p/x", 200 },       { "HEAD", "/p/x", 200 },
		{ "DELETE", "/p/x", 200 },    { "GET", "/p/x/and/y", 200 },
		{ "GET", "/p/", 404 },        { "GET", "/p", 404 },
		{ "GET", "/p/x/and", 404 },   { "GET", "/p/x/and/y/", 404 },
		{ "GET", "/", 404 },          { "GET", "/echo", 405 },
		{ "GET", "//echo", 404 },     { "PATCH", "/p/x", 405 },
		{ "GET", "/p/%zz", 400 },     { "GET", "/p/%00", 400 },
		{ "GET", "/p/a%2fb", 400 },   { "GET", "/p/%2e%2e", 400 },
		{ "GET", "/p/..", 400 },      { "GET", "/all/a/b/c", 200 },
		{ "GET", "/all/", 200 },      { "GET", "/all", 404 },
		{ "GET", "/p/x?q=%", 400 },   { "GET", "/nothing", 500 },
		{ "GET", "/error/418", 418 }, { "POST", "/empty", 204 },
	};
	struct httpc *c = client();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status =
			ask(c, cases[i].method, cases[i].path, NULL, 0, NULL);

		if (status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].method, cases[i].path,
				 status);
	}
	httpc_free(c);
}

static void check_member(const json_t *j, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(j, key));

	assert_non_null(got);
	assert_string_equal(got, want);
}

static void check_params(void **state)
{
	struct httpc *c = client();
	json_t *j = NULL;

	(void)state;
	assert_int_equal(httpc_json(c, "GET", "/p/a%20b/and/c?x=1&q=%2f+z&q=2",
				    NULL, &j, NULL),
			 0);
	check_member(j, "p0", "a b");
	check_member(j, "p1", "c");
	check_member(j, "q", "/ z");
	check_member(j, "path", "/p/a b/and/c");
	check_member(j, "target", "/p/a%20b/and/c?x=1&q=%2f+z&q=2");
	json_decref(j);
	assert_int_equal(httpc_json(c, "GET", "/all/d/e/f", NULL, &j, NULL), 0);
	check_member(j, "p0", "d/e/f");
	json_decref(j);
	httpc_free(c);
}

static void check_headers(void **state)
{
	static const char *const headers[] = { "X-Test: yes", NULL };
	struct httpc *c = client();
	struct httpc_reply reply;

	(void)state;
	assert_int_equal(httpc_request(c, "GET", "/p/x", headers, NULL, 0, 1000,
				       &reply, NULL),
			 0);
	assert_non_null(strstr(reply.body.data, "\"q\":\"yes\""));
	buf_dispose(&reply.body);
	httpc_free(c);
}

static void check_json(void **state)
{
	static const struct {
		const char *path, *why;
		int rc;
	} cases[] = {
		{ "/error/400", "no: ? 42", -EINVAL },
		{ "/error/401", "no: ? 42", -EACCES },
		{ "/error/403", "no: ? 42", -EACCES },
		{ "/error/404", "no: ? 42", -ENOENT },
		{ "/error/409", "no: ? 42", -ESTALE },
		{ "/error/413", "no: ? 42", -EFBIG },
		{ "/error/429", "no: ? 42", -EAGAIN },
		{ "/error/503", "no: ? 42", -EAGAIN },
		{ "/error/500", "no: ? 42", -EIO },
		{ "/nowhere", "no such path", -ENOENT },
	};
	struct httpc *c = client();
	json_t *in = json_pack("{s:[i,i],s:s}", "a", 1, 2, "b", "\xc3\xa9");
	json_t *out = NULL;

	(void)state;
	assert_int_equal(httpc_json(c, "POST", "/json", in, &out, NULL), 0);
	assert_true(json_equal(in, out));
	json_decref(out);
	json_decref(in);
	assert_int_equal(httpc_json(c, "POST", "/empty", NULL, &out, NULL), 0);
	assert_null(out);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct errinfo err = ERRINFO_INIT;

		assert_int_equal(
			httpc_json(c, "GET", cases[i].path, NULL, &out, &err),
			cases[i].rc);
		assert_string_equal(err.text, cases[i].why);
	}
	assert_int_equal(ask(c, "POST", "/json", "[1]", 3, NULL), 400);
	assert_int_equal(ask(c, "POST", "/json", "{\"a\":", 5, NULL), 400);
	assert_int_equal(ask(c, "POST", "/json", "{\"a\":1,\"a\":2}", 13, NULL),
			 400);
	httpc_free(c);
}

static void check_bounds(void **state)
{
	const size_t big = 20U * 1024 * 1024;
	char *data = calloc(1, big);
	struct httpc *c = client();
	struct httpc_reply reply;
	struct buf out;

	(void)state;
	assert_int_equal(ask(c, "POST", "/small", data, SMALL, NULL), 200);
	assert_int_equal(ask(c, "POST", "/small", data, SMALL + 1, NULL), 413);
	assert_int_equal(ask(c, "POST", "/small", data, big, NULL), 413);
	assert_int_equal(ask(c, "POST", "/nowhere", data, big, NULL), 404);
	assert_int_equal(ask(c, "POST", "/echo", data, HTTPD_BODY_MAX, NULL),
			 200);
	assert_int_equal(ask(c, "POST", "/echo", data, HTTPD_BODY_MAX + 1, NULL),
			 413);
	memset(data + big / 2, 'x', 100);
	assert_int_equal(ask(c, "PUT", "/big", data, big, &out), 200);
	assert_int_equal(out.len, big);
	assert_memory_equal(out.data, data, big);
	buf_dispose(&out);
	assert_int_equal(httpc_request(c, "PUT", "/big", NULL, data, 1000, 999,
				       &reply, NULL),
			 -EFBIG);
	free(data);
	httpc_free(c);
}

static int count_progress(uint64_t done, uint64_t total, void *arg)
{
	(void)done;
	(void)total;
	++*(int *)arg;
	return 0;
}

static int abort_progress(uint64_t done, uint64_t total, void *arg)
{
	(void)total;
	(void)arg;
	return done > 0;
}

static void check_files(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	struct httpc *c = client();
	int fd = memfd_create("test", MFD_CLOEXEC);
	off_t size;
	int calls = 0;

	(void)state;
	assert_int_equal(httpc_get_fd(c, "/file", fd, 10000000, count_progress,
				      &calls, NULL),
			 0);
	assert_true(calls > 0);
	size = lseek(fd, 0, SEEK_END);
	assert_int_equal(size, 1088890);
	assert_int_equal(
		httpc_put_fd(c, "/big", fd, (uint64_t)size, NULL, NULL, NULL), 0);
	assert_int_equal(
		httpc_put_fd(c, "/echo", fd, (uint64_t)size, NULL, NULL, &err),
		-EFBIG);
	assert_string_equal(err.text, "body is too large");
	assert_int_equal(httpc_put_fd(c, "/big", fd, (uint64_t)size + 1, NULL,
				      NULL, NULL),
			 -EIO);
	assert_int_equal(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(httpc_get_fd(c, "/file", fd, 1000, NULL, NULL, NULL),
			 -EFBIG);
	assert_int_equal(httpc_get_fd(c, "/error/404", fd, 1000, NULL, NULL, &err),
			 -ENOENT);
	assert_int_equal(httpc_get_fd(c, "/file", fd, 10000000, abort_progress,
				      NULL, NULL),
			 -ECANCELED);
	close(fd);
	httpc_free(c);
}

static void check_unreachable(void **state)
{
	struct httpc_config config = { .url = "unix:/nonexistent/x" };
	struct httpc_config bad[] = {
		{ .url = "ftp://x/" },
		{ .url = "http://x/", .pin = "sha256//AAAA" },
		{ .url = "https://x/", .pin = "md5//AAAA" },
	};
	struct httpc_reply reply;
	struct httpc *c = NULL;

	(void)state;
	assert_int_equal(httpc_new(&config, &c, NULL), 0);
	assert_int_equal(
		httpc_request(c, "GET", "/", NULL, NULL, 0, 1, &reply, NULL),
		-ECONNREFUSED);
	httpc_free(c);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(httpc_new(&bad[i], &c, NULL), -EINVAL);
}

static void *ask_hold(void *arg)
{
	struct httpc *c = client();

	assert_int_equal(ask(c, "GET", "/hold", NULL, 0, arg), 200);
	httpc_free(c);
	return NULL;
}

static void check_hold(void **state)
{
	struct httpc *c = client();
	struct buf out = BUF_INIT;
	pthread_t t;
	int64_t t0;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, ask_hold, &out), 0);
	usleep(100000);
	ask(c, "GET", "/release", NULL, 0, NULL);
	pthread_join(t, NULL);
	assert_memory_equal(out.data, "late", 4);
	buf_dispose(&out);
	t0 = clock_boot_ms();
	assert_int_equal(ask(c, "GET", "/hold-timer", NULL, 0, &out), 200);
	assert_in_range(clock_boot_ms() - t0, 40, 2000);
	assert_memory_equal(out.data, "timer", 5);
	buf_dispose(&out);
	httpc_free(c);
}

static void *ask_many(void *arg)
{
	struct httpc *c = client();

	(void)arg;
	for (int i = 0; i < 20; i++) {
		char text[32];
		struct buf out;

		snprintf(text, sizeof(text), "%p %d", arg, i);
		assert_int_equal(
			ask(c, "POST", "/echo", text, strlen(text), &out), 200);
		assert_string_equal(out.data, text);
		buf_dispose(&out);
	}
	httpc_free(c);
	return NULL;
}

static void check_parallel(void **state)
{
	pthread_t t[PARALLEL];

	(void)state;
	for (intptr_t i = 0; i < PARALLEL; i++)
		assert_int_equal(
			pthread_create(&t[i], NULL, ask_many, (void *)i), 0);
	for (int i = 0; i < PARALLEL; i++)
		pthread_join(t[i], NULL);
}

static void check_socket(void **state)
{
	struct errinfo err = ERRINFO_INIT;
	struct loop *l = loop_new();
	struct httpd *d = NULL;
	char stale[100], longer[200];
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)state;
	assert_int_equal(stat(sock_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(httpd_new(l, sock_path, routes, NULL, &d, &err),
			 -EADDRINUSE);
	/* a stale one */
	snprintf(stale, sizeof(stale), "%.60s/stale", dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", stale);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(httpd_new(l, stale, routes, NULL, &d, &err), 0);
	httpd_free(d);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(httpd_new(l, longer, routes, NULL, &d, &err),
			 -ENAMETOOLONG);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(check_echo),
		cmocka_unit_test(check_routes),
		cmocka_unit_test(check_params),
		cmocka_unit_test(check_headers),
		cmocka_unit_test(check_json),
		cmocka_unit_test(check_bounds),
		cmocka_unit_test(check_files),
		cmocka_unit_test(check_unreachable),
		cmocka_unit_test(check_hold),
		cmocka_unit_test(check_parallel),
		cmocka_unit_test(check_socket),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(cases, start_server, stop_server);
}
