/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server of a directory that does every second request wrong.
 *
 * usage: bad-http DIR PORT_FILE FAULT [PORT]
 *
 * Faults: the table below; "all" takes them in turn, "none" is honest, "whole"
 * ignores all ranges. Files below blobs/ only; the first range is answered
 * rightly, so is what is asked for without a range. A process for each
 * connection. The port goes to PORT_FILE once it listens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"

#define FILE_MAX (64 * 1024 * 1024)

/* What a fault may change of the answer. */
struct answer {
	int status;
	uint64_t from, len, total; /* as it says */
	char *data;                /* what it sends */
	size_t n;
	int endless, slow, stall;
};

static void f_none(struct answer *a)
{
	(void)a;
}

static void f_truncate(struct answer *a)
{
	a->n /= 2;
}

static void f_flip(struct answer *a)
{
	if (a->n)
		a->data[(size_t)random() % a->n] ^= (char)(1 << random() % 8);
}

static void f_long(struct answer *a)
{
	a->len = a->n + 100; /* and does not send them */
}

static void f_short(struct answer *a)
{
	a->len /= 2; /* an honest length, but too little */
	a->n = a->len;
}

static void f_range(struct answer *a)
{
	a->from += 4096; /* an honest label of the wrong place */
}

static void f_swap(struct answer *a)
{
	memset(a->data, 'x', a->n / 2); /* labelled as if it were right */
}

static void f_404(struct answer *a)
{
	a->status = 404;
}

static void f_500(struct answer *a)
{
	a->status = 500;
}

static void f_close(struct answer *a)
{
	a->status = 0;
}

static void f_endless(struct answer *a)
{
	a->endless = 1;
}

static void f_stall(struct answer *a)
{
	a->n /= 2;
	a->stall = 1;
}

static void f_slow(struct answer *a)
{
	a->slow = 1;
}

static const struct {
	const char *name;
	void (*fn)(struct answer *a);
} faults[] = {
	{ "none", f_none },
	{ "truncate", f_truncate },
	{ "flip", f_flip },
	{ "long", f_long },
	{ "short", f_short },
	{ "range", f_range },
	{ "swap", f_swap },
	{ "404", f_404 },
	{ "500", f_500 },
	{ "close", f_close },
	{ "endless", f_endless },
	/* these take the client's time; not in "all" */
	{ "stall", f_stall },
	{ "slow", f_slow },
};
#define QUICK 11

static const char *dir, *fault;
static atomic_uint *count; /* requests, of all processes */

static int send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t k = send(fd, data, len, MSG_NOSIGNAL);

		if (k <= 0)
			return -1;
		data += k;
		len -= (size_t)k;
	}
	return 0;
}

static int send_body(int fd, const struct answer *a)
{
	static const char more[65536];

	if (a->slow) {
		for (size_t i = 0; i < a->n; i++, sleep(1))
			if (send_all(fd, a->data + i, 1))
				return -1;
		return 0;
	}
	if (send_all(fd, a->data, a->n))
		return -1;
	if (a->stall)
		pause();
	while (a->endless)
		if (send_all(fd, more, sizeof(more)))
			return -1;
	return a->n == a->len ? 0 : -1; /* -1: the connection ends */
}

static int send_answer(int fd, const struct answer *a)
{
	char head[512], length[64] = "";

	if (!a->status)
		return -1;
	if (a->status >= 400) {
		snprintf(head, sizeof(head),
			 "HTTP/1.1 %d no\r\nContent-Length: 0\r\n\r\n",
			 a->status);
		return send_all(fd, head, strlen(head));
	}
	if (!a->endless)
		snprintf(length, sizeof(length),
			 "Content-Length: %" PRIu64 "\r\n", a->len);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d ok\r\n%sContent-Range: bytes "
		 "%" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
		 a->status, length, a->from, a->from + a->len - 1, a->total);
	return send_all(fd, head, strlen(head)) || send_body(fd, a) ? -1 : 0;
}

static void apply(struct answer *a)
{
	unsigned int n = atomic_fetch_add(count, 1);

	if (n % 2 == 0)
		return;
	if (!strcmp(fault, "all")) {
		faults[n / 2 % QUICK].fn(a);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(faults[i].name, fault))
			faults[i].fn(a);
}

static int answer(int fd, const char *request)
{
	auto_free char *path = NULL, *data = NULL;
	const char *range = strstr(request, "bytes=");
	uint64_t from, to;
	struct answer a = { .status = 206 };
	char name[128];
	size_t len;

	if (sscanf(request, "GET /blobs/%127[0-9a-f/] ", name) != 1 ||
	    asprintf(&path, "%s/blobs/%s", dir, name) < 0 ||
	    fileio_read(path, FILE_MAX, &data, &len, NULL)) {
		a.status = 404;
		return send_answer(fd, &a);
	}
	if (!range || !strcmp(fault, "whole") ||
	    sscanf(range, "bytes=%" SCNu64 "-%" SCNu64, &from, &to) != 2) {
		a.status = 200;
		from = 0;
		to = len - 1;
	}
	if (to >= len || from > to)
		return -1;
	a.from = from;
	a.len = a.n = to - from + 1;
	a.total = len;
	a.data = data + from;
	if (range)
		apply(&a);
	return send_answer(fd, &a);
}

static void serve(int fd)
{
	char in[8192];
	size_t n = 0;

	srandom((unsigned int)getpid());
	while (n < sizeof(in) - 1) {
		ssize_t k = recv(fd, in + n, sizeof(in) - 1 - n, 0);
		char *end;

		if (k <= 0)
			return;
		n += (size_t)k;
		in[n] = 0;
		end = strstr(in, "\r\n\r\n");
		if (!end)
			continue;
		*end = 0;
		if (answer(fd, in))
			return;
		n = 0; /* no client of ours sends two at once */
	}
}

static int listen_at(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 64))
		return fd;
	close(fd);
	return -1;
}

/* A port below those that the kernel gives to clients: one of these that tries
 * again and again to reach a server that is away may get its port. One that is
 * given may have a former server's children on it for a moment. */
static int start(const char *file, int port)
{
	int fd = -1, at = port;
	char text[16];

	for (int i = 0; i < 100 && fd < 0; i++) {
		if (port)
			usleep(i ? 100000 : 0);
		else
			at = 10000 + (int)(((uint32_t)getpid() * 7919u +
					    (uint32_t)i * 104729u) %
					   20000);
		fd = listen_at(at);
	}
	snprintf(text, sizeof(text), "%d\n", at);
	if (fd >= 0 && fileio_write_atomic(file, text, strlen(text), 0644, NULL))
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	pid_t self = getpid();
	int fd;

	if (argc < 4)
		return 2;
	dir = argv[1];
	fault = argv[3];
	signal(SIGCHLD, SIG_IGN);
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = start(argv[2], argc > 4 ? atoi(argv[4]) : 0);
	if (fd < 0 || count == MAP_FAILED) {
		perror("bad-http");
		return 1;
	}
	for (;;) {
		int conn = accept(fd, NULL, NULL);

		if (conn >= 0 && !fork()) {
			/* it ends with its server, as of a dead gateway */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self)
				_exit(1);
			close(fd);
			serve(conn);
			_exit(0);
		}
		close(conn);
	}
}
