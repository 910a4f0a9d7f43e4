/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads an NBD export on a unix socket as fast as it goes, over one connection,
 * as a kernel does: `depth` requests on the way, a new one for each that ends.
 *
 *	bench-read-client SOCKET seq|random BYTES DEPTH SECONDS
 *
 * All of the export is read once before the clock starts, and its digest is
 * printed first: servers of one disk must agree. Then: reads a second, and
 * microseconds of server time (user and system, all threads) a read.
 *
 * It speaks the protocol itself (doc/proto.md, simple replies), as cheaply as
 *it can: the less the client costs, the more of what is measured is the server.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"

#define DEPTH_MAX   128
#define IN          (2u << 20)
#define WARM        (256u * 1024)
#define REQUEST_LEN 28
#define REPLY_LEN   16

static int fd;
static uint8_t *in; /* replies, as they come */
static size_t in_len, in_at;
static uint8_t out[DEPTH_MAX * REQUEST_LEN];
static size_t out_len;
static uint64_t size; /* of the export */

static void die(const char *what)
{
	fprintf(stderr, "client: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void get(void *to, size_t len)
{
	for (uint8_t *p = to; len;) {
		ssize_t n = recv(fd, p, len, 0);

		if (n <= 0)
			die("the server is gone");
		p += n;
		len -= (size_t)n;
	}
}

static void put(const void *from, size_t len)
{
	for (const uint8_t *p = from; len;) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			die("the server is gone");
		p += n;
		len -= (size_t)n;
	}
}

static void meet(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	uint8_t hello[18], answer[10];
	uint32_t flags = htobe32(3); /* fixed newstyle, no zeroes */
	static const uint8_t go[16] =
		"IHAVEOPT\0\0\0\1"; /* NBD_OPT_EXPORT_NAME */
	uint64_t bytes;
	int room = 4 << 20;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		die("no socket");
	strcpy(a.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(strerror(errno));
	get(hello, sizeof(hello));
	put(&flags, sizeof(flags));
	put(go, sizeof(go));
	get(answer, sizeof(answer));
	memcpy(&bytes, answer, sizeof(bytes));
	size = be64toh(bytes);
}

static pid_t server(void)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len))
		die("who is the server?");
	return c.pid;
}

/* Microseconds that the process has run. */
static double cpu_us(pid_t pid)
{
	unsigned long user, kernel;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f || fscanf(f,
			 "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u "
			 "%*u %*u %*u %lu %lu",
			 &user, &kernel) != 2)
		die("no time of the server");
	fclose(f);
	return (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void ask(uint64_t offset, uint32_t len)
{
	uint8_t *r = out + out_len;
	uint64_t be_offset = htobe64(offset);
	uint32_t be_len = htobe32(len);
	static const uint8_t head[8] = { 0x25, 0x60, 0x95, 0x13 };

	memcpy(r, head, 8);
	memcpy(r + 8, &be_offset, 8); /* any cookie will do */
	memcpy(r + 16, &be_offset, 8);
	memcpy(r + 24, &be_len, 4);
	out_len += REQUEST_LEN;
}

/* Those that were asked for since. */
static void send_out(void)
{
	put(out, out_len);
	out_len = 0;
}

/* Takes the next whole reply out of what came, or returns NULL. */
static const uint8_t *next_reply(uint32_t len)
{
	static const uint8_t good[8] = { 0x67, 0x44, 0x66, 0x98 };
	const uint8_t *r = in + in_at;

	if (in_len - in_at < REPLY_LEN + len)
		return NULL;
	if (memcmp(r, good, sizeof(good)))
		die("an error, or no reply");
	in_at += REPLY_LEN + len;
	return r + REPLY_LEN;
}

static void receive(void)
{
	ssize_t n;

	if (in_at == in_len || in_at > IN / 2) {
		in_len -= in_at;
		memmove(in, in + in_at, in_len);
		in_at = 0;
	}
	n = recv(fd, in + in_len, IN - in_len, 0);
	if (n <= 0)
		die("the server is gone");
	in_len += (size_t)n;
}

/* One at a time, in order: the digest of it all. */
static void warm_up(void)
{
	struct hash *h = hash_new();
	uint8_t digest[HASH_LEN];

	for (uint64_t at = 0; at < size; at += WARM) {
		uint32_t len = size - at < WARM ? (uint32_t)(size - at) : WARM;
		const uint8_t *data;

		ask(at, len);
		send_out();
		while (!(data = next_reply(len)))
			receive();
		hash_update(h, data, len);
	}
	hash_final(h, digest);
	hash_free(h);
	for (int i = 0; i < 8; i++)
		printf("%02x", digest[i]);
}

static uint64_t dice(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static uint64_t next_offset(int random, uint32_t bytes)
{
	static uint64_t at;
	uint64_t n = size / bytes;

	at = random ? dice() % n : (at + 1) % n;
	return at * bytes;
}

int main(int argc, char **argv)
{
	uint64_t done = 0, asked;
	uint32_t bytes;
	int random;
	double start, end, took, cpu;
	pid_t pid;

	if (argc != 6)
		return 2;
	random = !strcmp(argv[2], "random");
	bytes = (uint32_t)strtoul(argv[3], NULL, 10);
	asked = strtoul(argv[4], NULL, 10);
	in = malloc(IN);
	if (!in || !bytes || bytes > IN / 4 || !asked || asked > DEPTH_MAX)
		return 2;
	meet(argv[1]);
	if (size < bytes)
		die("the export is too small");
	warm_up();
	pid = server();
	cpu = cpu_us(pid);
	start = now();
	end = start + atof(argv[5]);
	for (uint64_t i = 0; i < asked; i++)
		ask(next_offset(random, bytes), bytes);
	while (asked > done) {
		int more = now() < end;

		send_out();
		receive();
		while (next_reply(bytes)) {
			done++;
			if (!more)
				continue;
			ask(next_offset(random, bytes), bytes);
			asked++;
		}
	}
	took = now() - start;
	printf(" %.1f %.2f\n", (double)done / took,
	       (cpu_us(pid) - cpu) / (double)done);
	return 0;
}
