/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carousel-crowd N LOSS_PERMILLE MIB MBIT - one sender and N receivers on the
 * loopback, each of which loses datagrams of its own (a socket filter throws
 * the dice). Prints what was sent beyond the blob, in percent.
 *
 * Needs a network namespace with lo up: unshare -Urn sh -c 'ip link set lo up
 * && carousel-crowd 500 10 4 10'.
 */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "carousel.h"
#include "clock.h"
#include "parse.h"

#define LOOPBACK 0x7f000001u

struct crowd {
	struct loop *loop;
	int n, done, given_up, fd;
	uint64_t size;
	char sha256[HASH_HEX];
};

struct member {
	struct crowd *crowd;
	struct carousel_recv *recv;
};

static int open_blob(void *arg, const char *object, int *fd, uint64_t *size)
{
	struct crowd *c = arg;

	if (strncmp(object, c->sha256, strlen(object)))
		return -ENOENT;
	*fd = dup(c->fd);
	*size = c->size;
	return 0;
}

static void on_term(int signo, void *arg)
{
	(void)signo;
	loop_quit(arg, 0);
}

/* The sender, a process of its own; its numbers go to the pipe. */
static void send_all(struct crowd *c, uint64_t mbit, int out)
{
	struct carousel_send_config config = {
		.interface = LOOPBACK,
		.rate_bps = mbit * 1000000,
		.crowd = (unsigned int)c->n,
	};
	struct errinfo err = ERRINFO_INIT;
	struct carousel_send_stats stats;
	struct carousel_send *s;

	c->loop = loop_new();
	if (!c->loop ||
	    carousel_send_new(c->loop, &config, open_blob, c, &s, &err)) {
		fprintf(stderr, "crowd: %s\n", err.text);
		_exit(1);
	}
	loop_signal(c->loop, SIGTERM, on_term, c->loop);
	if (write(out, "", 1) != 1)
		_exit(1);
	loop_run(c->loop);
	carousel_send_stats_get(s, &stats);
	_exit(write(out, &stats, sizeof(stats)) != (ssize_t)sizeof(stats));
}

static void on_data(void *arg, const char *sha256, uint64_t offset,
		    const void *data, size_t len)
{
	(void)arg, (void)sha256, (void)offset, (void)data, (void)len;
}

static void on_idle(void *arg, const char *sha256, int rc)
{
	struct member *m = arg;

	(void)sha256;
	if (rc == -ETIMEDOUT)
		m->crowd->given_up++; /* it would go by HTTP now */
	else if (!rc && ++m->crowd->done == m->crowd->n)
		loop_quit(m->crowd->loop, 0);
}

static int lose(int fd, unsigned int permille)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0,
		  (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM) },
		{ BPF_JMP | BPF_JGE | BPF_K, 1, 0,
		  (uint32_t)(4294967296.0 * permille / 1000) },
		{ BPF_RET | BPF_K, 0, 0, 0 },
		{ BPF_RET | BPF_K, 0, 0, 0xffff },
	};
	struct sock_fprog program = { 4, code };
	int off = 0;

	/* One by one, not as the kernel joins them. */
	setsockopt(fd, SOL_UDP, UDP_GRO, &off, sizeof(off));
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

static int join(struct crowd *c, struct member *m, unsigned int permille)
{
	struct carousel_sockets sockets;
	struct carousel_recv_config config = { .interface = LOOPBACK,
					       .sender = LOOPBACK };
	struct errinfo err = ERRINFO_INIT;

	m->crowd = c;
	if (carousel_recv_sockets(&config, &sockets, &err) ||
	    (permille && lose(sockets.data, permille)))
		goto fail;
	config.sockets = &sockets;
	if (carousel_recv_new(c->loop, &config, on_data, on_idle, m, &m->recv,
			      &err) ||
	    carousel_recv_want(m->recv, c->sha256, c->size, &err))
		goto fail;
	return 0;
fail:
	fprintf(stderr, "crowd: %s\n", err.text[0] ? err.text : "no filter");
	return 1;
}

static int make_blob(struct crowd *c)
{
	uint8_t digest[HASH_LEN];
	uint64_t word = 88172645463325252u;

	c->fd = memfd_create("blob", MFD_CLOEXEC);
	for (uint64_t i = 0; i < c->size; i += sizeof(word)) {
		word ^= word << 13;
		word ^= word >> 7;
		word ^= word << 17;
		if (write(c->fd, &word, sizeof(word)) != sizeof(word))
			return 1;
	}
	if (hash_fd(c->fd, digest, &c->size))
		return 1;
	format_hex(digest, sizeof(digest), c->sha256);
	return 0;
}

static int crowd(struct crowd *c, unsigned int permille, uint64_t mbit)
{
	struct carousel_send_stats stats = { 0 };
	uint64_t symbols = (c->size + CAROUSEL_SYMBOL - 1) / CAROUSEL_SYMBOL;
	struct member *members = calloc((size_t)c->n, sizeof(*members));
	int64_t start;
	int out[2], rc = 0;
	char ready;
	pid_t pid;

	if (!members || pipe(out))
		return 1;
	pid = fork();
	if (!pid)
		send_all(c, mbit, out[1]);
	close(out[1]);
	c->loop = loop_new();
	if (pid < 0 || !c->loop || read(out[0], &ready, 1) != 1)
		return 1;
	start = clock_boot_ms();
	for (int i = 0; !rc && i < c->n; i++)
		rc = join(c, &members[i], permille);
	if (!rc)
		loop_run(c->loop);
	kill(pid, SIGTERM);
	if (!rc && read(out[0], &stats, sizeof(stats)) != sizeof(stats))
		rc = 1;
	waitpid(pid, NULL, 0);
	if (!rc)
		printf("%d %u %.2f %.2f %.2f %d\n", c->n, permille,
		       100.0 * (double)stats.symbols / (double)symbols - 100,
		       (double)(clock_boot_ms() - start) / 1000,
		       (double)stats.wants / c->n, c->given_up);
	return rc;
}

int main(int argc, char **argv)
{
	struct crowd c = { 0 };
	struct rlimit files = { 65536, 65536 };
	uint64_t mib, mbit;
	int permille;

	if (argc != 5 || parse_int(argv[1], 1, 500, &c.n) ||
	    parse_int(argv[2], 0, 900, &permille) ||
	    parse_u64(argv[3], 1, 1000, &mib) ||
	    parse_u64(argv[4], 1, 100000, &mbit)) {
		fprintf(stderr, "usage: carousel-crowd N LOSS_PERMILLE MIB MBIT\n"
				"prints: N, permille, overhead in percent, "
				"seconds, WANTs a receiver, times that one "
				"would have gone elsewhere\n");
		return 2;
	}
	if (setrlimit(RLIMIT_NOFILE, &files)) {
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	c.size = mib << 20;
	return make_blob(&c) || crowd(&c, (unsigned int)permille, mbit);
}
