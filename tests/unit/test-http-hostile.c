/* SPDX-License-Identifier: Apache-2.0 */
/* httpd against clients that go away, talk nonsense, or hardly talk at all. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "http-fixture.h"

static void check_gone(void **state)
{
	static const char req[] = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n";
	struct httpc *c = client();
	json_t *j = NULL;
	int n = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd = raw_connect();

		raw_send(fd, req, sizeof(req) - 1);
		usleep(100000);
		close(fd);
	}
	for (int i = 0; i < 50 && n < 3; i++) {
		usleep(20000);
		assert_int_equal(
			httpc_json(c, "GET", "/release", NULL, &j, NULL), 0);
		n = (int)json_integer_value(json_object_get(j, "gone"));
		json_decref(j);
	}
	assert_int_equal(n, 3);
	httpc_free(c);
}

static int raw_status(const char *text, size_t len)
{
	char reply[256] = "";
	int status = 0;
	int fd = raw_connect();

	raw_send(fd, text, len);
	if (recv(fd, reply, sizeof(reply) - 1, 0) > 0)
		(void)sscanf(reply, "HTTP/1.%*d %d", &status);
	close(fd);
	return status;
}

#define RAW(s) raw_status(s, sizeof(s) - 1)

static void check_malformed(void **state)
{
	struct httpc *c = client();

	(void)state;
	assert_int_equal(RAW("GET /p/x HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
	assert_int_equal(RAW("GET /p/x HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(RAW("GET p/x HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
	assert_int_equal(RAW("POST /echo HTTP/1.1\r\nHost: x\r\n"
			     "Content-Length: x\r\n\r\n"),
			 400);
	assert_int_equal(RAW("POST /small HTTP/1.1\r\nHost: x\r\n"
			     "Content-Length: 9999999999999\r\n\r\n"),
			 413);
	assert_int_equal(RAW("POST /small HTTP/1.1\r\nHost: x\r\n"
			     "Expect: 100-continue\r\n"
			     "Content-Length: 65\r\n\r\n"),
			 413);
	assert_int_equal(RAW("POST /small HTTP/1.1\r\nHost: x\r\n"
			     "Transfer-Encoding: chunked\r\n\r\n"
			     "5\r\nhello\r\n0\r\n\r\n"),
			 200);
	assert_int_equal(ask(c, "GET", "/p/x", NULL, 0, NULL), 200);
	httpc_free(c);
}

static void check_noise(void **state)
{
	struct httpc *c = client();
	char noise[4096];
	int fd;

	(void)state;
	srand(1);
	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (char)rand();
		fd = raw_connect();
		raw_send(fd, noise, 1 + (size_t)rand() % sizeof(noise));
		close(fd);
	}
	/* a target without an end */
	memset(noise, 'a', sizeof(noise));
	fd = raw_connect();
	raw_send(fd, "GET /", 5);
	for (int i = 0; i < 100; i++)
		raw_send(fd, noise, sizeof(noise));
	close(fd);
	assert_int_equal(ask(c, "GET", "/p/x", NULL, 0, NULL), 200);
	httpc_free(c);
}

/* One that sends byte by byte, and many that never finish, delay nobody. */
static void check_slow(void **state)
{
	static const char req[] =
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
	struct httpc *c = client();
	char reply[512] = "";
	int idle[50];
	int fd = raw_connect();
	int64_t t0 = clock_boot_ms();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		idle[i] = raw_connect();
		raw_send(idle[i], req, 30);
	}
	for (size_t i = 0; i < sizeof(req) - 1; i++) {
		raw_send(fd, req + i, 1);
		assert_int_equal(ask(c, "GET", "/p/x", NULL, 0, NULL), 200);
	}
	assert_true(recv(fd, reply, sizeof(reply) - 1, 0) > 0);
	assert_non_null(strstr(reply, "200 OK"));
	assert_true(clock_boot_ms() - t0 < 5000);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		close(idle[i]);
	close(fd);
	httpc_free(c);
}

/* Last of all: a request is still held when the server stops. */
static void check_stop_while_held(void **state)
{
	static const char req[] = "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n";
	char reply[256] = "";
	int fd = raw_connect();

	raw_send(fd, req, sizeof(req) - 1);
	usleep(100000);
	stop_server(state);
	assert_true(recv(fd, reply, sizeof(reply) - 1, 0) > 0);
	assert_non_null(strstr(reply, " 503 "));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(check_gone),
		cmocka_unit_test(check_malformed),
		cmocka_unit_test(check_noise),
		cmocka_unit_test(check_slow),
		cmocka_unit_test(check_stop_while_held),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(cases, start_server, NULL);
}
