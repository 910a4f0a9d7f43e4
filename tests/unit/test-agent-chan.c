/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan: two of them in processes of their own, a stream socket as the wire.
 * What one side sends comes out at the other, descriptors as sockets that lead
 * there; and one of them against a peer that keeps to nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chan.h"
#include "ipc.h"

#define ROOTS   2
#define FDS_MAX 64

/* ---- the wire ------------------------------------------------------------- */

static ssize_t result(ssize_t n)
{
	if (n > 0)
		return n;
	return n < 0 && errno == EAGAIN ? 0 : -EPIPE;
}

static ssize_t socket_read(struct wire *w, void *data, size_t len)
{
	return result(recv(w->fd, data, len, MSG_DONTWAIT));
}

static ssize_t socket_write(struct wire *w, const void *data, size_t len)
{
	return result(send(w->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static int socket_event(struct wire *w)
{
	(void)w;
	return 0;
}

struct side {
	pid_t pid;
	int root[ROOTS]; /* the test's ends */
};

/* Nothing of the test's own may stay open in a child. */
static void close_others(int fd, const int theirs[ROOTS])
{
	for (int i = STDERR_FILENO + 1; i < FDS_MAX; i++) {
		int keep = i == fd;

		for (int j = 0; j < ROOTS; j++)
			keep |= i == theirs[j];
		if (!keep)
			close(i);
	}
}

/* A chan in a process of its own; its exit status is its negative errno. */
static struct side start(enum chan_side side, int fd)
{
	struct wire w = { .fd = fd,
			  .full = POLLOUT,
			  .event = socket_event,
			  .read = socket_read,
			  .write = socket_write };
	struct side s;
	int theirs[ROOTS], pair[2];

	for (int i = 0; i < ROOTS; i++) {
		assert_int_equal(ipc_pair(pair), 0);
		s.root[i] = pair[0];
		theirs[i] = pair[1];
	}
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (!s.pid) {
		close_others(fd, theirs);
		_exit(-chan_run(&w, side, theirs, ROOTS, NULL));
	}
	close(fd);
	for (int i = 0; i < ROOTS; i++)
		close(theirs[i]);
	return s;
}

static int ended(struct side *s)
{
	int status = 0;

	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status));
	for (int i = 0; i < ROOTS; i++)
		close(s->root[i]);
	return -WEXITSTATUS(status);
}

struct both {
	struct side dom0, netdom;
};

static struct both start_both(void)
{
	struct both b;
	int wire[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire), 0);
	b.dom0 = start(CHAN_DOM0, wire[0]);
	b.netdom = start(CHAN_NETDOM, wire[1]);
	return b;
}

static void end_both(struct both *b)
{
	close(b->dom0.root[0]);
	b->dom0.root[0] = dup(0);
	assert_int_equal(ended(&b->dom0), -EPIPE);
	assert_int_equal(ended(&b->netdom), -EPIPE);
}

/* ---- what is carried -------------------------------------------------------- */

static void put(int fd, const void *data, size_t len, int with)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (with >= 0) {
		mh.msg_control = ctl.buf;
		mh.msg_controllen = sizeof(ctl.buf);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &with, sizeof(with));
	}
	assert_int_equal(sendmsg(fd, &mh, MSG_NOSIGNAL), (int)len);
}

/* Receives one packet and maybe a descriptor. */
static size_t get(int fd, void *data, size_t len, int *with)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct iovec iov = { data, len };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = ctl.buf,
			     .msg_controllen = sizeof(ctl.buf) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &mh, 0);

	assert_true(n >= 0);
	c = CMSG_FIRSTHDR(&mh);
	if (with)
		*with = -1;
	if (c && with)
		memcpy(with, CMSG_DATA(c), sizeof(*with));
	return (size_t)n;
}

static void expect(int fd, const char *text)
{
	char got[64];

	assert_int_equal(get(fd, got, sizeof(got), NULL), strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void test_packets_keep_bounds_and_order(void **state)
{
	struct both b = start_both();

	(void)state;
	put(b.dom0.root[0], "one", 3, -1);
	put(b.dom0.root[0], "second", 6, -1);
	put(b.dom0.root[1], "other", 5, -1);
	put(b.netdom.root[1], "back", 4, -1);
	expect(b.netdom.root[0], "one");
	expect(b.netdom.root[0], "second");
	expect(b.netdom.root[1], "other");
	expect(b.dom0.root[1], "back");
	end_both(&b);
}

static void test_descriptor_becomes_a_socket(void **state)
{
	struct both b = start_both();
	char text[8];
	int pair[2], there;

	(void)state;
	assert_int_equal(ipc_pair(pair), 0);
	put(b.dom0.root[1], "take", 4, pair[1]);
	close(pair[1]);
	assert_int_equal(get(b.netdom.root[1], text, sizeof(text), &there), 4);
	assert_true(there >= 0);
	put(there, "hello", 5, -1);
	expect(pair[0], "hello");
	put(pair[0], "yes", 3, -1);
	expect(there, "yes");
	/* The end of one is the end of the other, and of no more. */
	close(pair[0]);
	assert_int_equal(get(there, text, sizeof(text), NULL), 0);
	close(there);
	put(b.netdom.root[0], "alive", 5, -1);
	expect(b.dom0.root[0], "alive");
	end_both(&b);
}

static void test_slow_receiver_loses_nothing(void **state)
{
	struct both b = start_both();
	static uint8_t big[MSG_MAX], got[MSG_MAX];
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	for (int i = 0; i < 200; i++) {
		memset(big, i, sizeof(big));
		if (!pid)
			put(b.dom0.root[0], big, sizeof(big), -1);
	}
	if (!pid)
		_exit(0);
	for (int i = 0; i < 200; i++) {
		memset(big, i, sizeof(big));
		assert_int_equal(get(b.netdom.root[0], got, sizeof(got), NULL),
				 sizeof(got));
		assert_memory_equal(big, got, sizeof(got));
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	end_both(&b);
}

static void test_netdom_may_send_no_descriptor(void **state)
{
	struct both b = start_both();

	(void)state;
	put(b.netdom.root[0], "x", 1, 0);
	assert_int_equal(ended(&b.netdom), -EPROTO);
	assert_int_equal(ended(&b.dom0), -EPIPE);
}

/* ---- a peer that keeps to nothing ------------------------------------------- */

struct attack {
	const char *what;
	struct chan_frame f[3];
	size_t n;
	int hello_first;
};

#define HELLO                       \
	{                           \
		CHAN_MAGIC, 0, 0, 0 \
	}
#define F(stream, len, opens)                  \
	{                                      \
		CHAN_MAGIC, stream, len, opens \
	}

static const struct attack attacks[] = {
	{ "no magic", { { 0x41414141, 0, 0, 0 } }, 1, 0 },
	{ "no hello", { F(1, 4, 0) }, 1, 0 },
	{ "hello twice", { HELLO }, 1, 1 },
	{ "hello with bytes", { F(0, 4, 0) }, 1, 0 },
	{ "a stream that never was", { F(ROOTS + 1, 4, 0) }, 1, 1 },
	{ "the last stream there can be", { F(UINT32_MAX, 4, 0) }, 1, 1 },
	{ "longer than any message", { F(1, MSG_MAX + 1, 0) }, 1, 1 },
	{ "as long as can be said", { F(1, UINT32_MAX, 0) }, 1, 1 },
	{ "opens a stream in dom0", { F(1, 4, ROOTS + 1) }, 1, 1 },
	{ "opens and closes", { F(1, 0, ROOTS + 1) }, 1, 1 },
};

static void test_nonsense_ends_it(void **state)
{
	struct chan_frame hello = HELLO;
	struct side s;
	int wire[2];

	(void)state;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		const struct attack *a = &attacks[i];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, wire),
				 0);
		s = start(CHAN_DOM0, wire[0]);
		if (a->hello_first)
			assert_true(write(wire[1], &hello, sizeof(hello)) > 0);
		assert_true(write(wire[1], a->f, a->n * sizeof(a->f[0])) > 0);
		if (ended(&s) != -EPROTO)
			fail_msg("taken: %s", a->what);
		close(wire[1]);
	}
}

static void test_cut_off_anywhere(void **state)
{
	struct chan_frame hello = HELLO, f = F(1, 8, 0);
	uint8_t bytes[2 * sizeof(f) + 8] = { 0 };
	struct side s;
	int wire[2];

	(void)state;
	memcpy(bytes, &hello, sizeof(hello));
	memcpy(bytes + sizeof(hello), &f, sizeof(f));
	for (size_t n = 0; n <= sizeof(bytes); n += 3) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, wire),
				 0);
		s = start(CHAN_DOM0, wire[0]);
		assert_int_equal(send(wire[1], bytes, n, 0), (int)n);
		close(wire[1]);
		assert_int_equal(ended(&s), -EPIPE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_keep_bounds_and_order),
		cmocka_unit_test(test_descriptor_becomes_a_socket),
		cmocka_unit_test(test_slow_receiver_loses_nothing),
		cmocka_unit_test(test_netdom_may_send_no_descriptor),
		cmocka_unit_test(test_nonsense_ends_it),
		cmocka_unit_test(test_cut_off_anywhere),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
