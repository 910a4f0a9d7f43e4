/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carousel-drain ADDRESS SENDER SIZE AT_MS DIGEST - asks for a blob as a
 * receiver does, reads what comes on the same socket, and throws it away: what
 * no receiver of it can do without. Prints milliseconds from AT_MS (Unix) to
 * the last datagram, microseconds of processor time, datagrams.
 */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "clock.h"
#include "parse.h"
#include "private.h"

#define BATCH     16
#define MESSAGE   65536
#define GATHER_MS 2 /* as recv.c */
#define AGAIN_MS  40
#define END_MS    1000 /* without a datagram: some are lost */

static uint8_t buffers[BATCH][MESSAGE];

struct drain {
	struct carousel_sockets sockets;
	uint8_t object[CAROUSEL_OBJECT];
	uint64_t wanted, bytes;
	int64_t last_ms;
};

/* Bytes that were there; a datagram's all count, its head included. */
static uint64_t read_all(int fd)
{
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	uint64_t bytes = 0;
	int n;

	do {
		memset(m, 0, sizeof(m));
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ buffers[i], MESSAGE };
			m[i].msg_hdr.msg_iov = &iov[i];
			m[i].msg_hdr.msg_iovlen = 1;
		}
		n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			bytes += m[i].msg_len;
	} while (n == BATCH);
	return bytes;
}

static void ask(const struct drain *d)
{
	uint8_t want[CAROUSEL_WANT_LEN];

	send(d->sockets.ask, want, carousel_wire_want(want, d->object, NULL, 0),
	     MSG_DONTWAIT);
}

static void drain(struct drain *d)
{
	struct pollfd p = { d->sockets.data, POLLIN, 0 };
	const struct timespec gather = { 0, GATHER_MS * 1000000L };

	while (d->bytes < d->wanted) {
		uint64_t n = read_all(d->sockets.data);

		d->bytes += n;
		if (n) {
			d->last_ms = clock_boot_ms();
			nanosleep(&gather, NULL);
			continue;
		}
		if (d->bytes && clock_boot_ms() - d->last_ms > END_MS)
			return;
		if (!d->bytes)
			ask(d);
		poll(&p, 1, AGAIN_MS);
	}
}

static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	struct carousel_recv_config config = { 0 };
	struct errinfo err = ERRINFO_INIT;
	struct drain d = { 0 };
	char half[2 * CAROUSEL_OBJECT + 1] = "";
	uint64_t size, at;
	int64_t start, cpu, wait;

	if (argc != 6 || parse_ipv4(argv[1], &config.interface) ||
	    parse_ipv4(argv[2], &config.sender) ||
	    parse_u64(argv[3], 1, CAROUSEL_BLOB_MAX, &size) ||
	    parse_u64(argv[4], 0, INT64_MAX, &at) || !hash_is_hex(argv[5])) {
		fprintf(stderr, "usage: carousel-drain ADDRESS SENDER SIZE "
				"AT_MS DIGEST\n");
		return 2;
	}
	memcpy(half, argv[5], sizeof(half) - 1);
	parse_hex(half, d.object, sizeof(d.object));
	if (carousel_recv_sockets(&config, &d.sockets, &err)) {
		fprintf(stderr, "carousel-drain: %s\n", err.text);
		return 1;
	}
	d.wanted = (size + CAROUSEL_SYMBOL - 1) / CAROUSEL_SYMBOL *
		   CAROUSEL_DATA_LEN;
	memset(buffers, 0, sizeof(buffers)); /* its pages */
	wait = (int64_t)at - clock_unix_ms();
	if (wait > 0)
		poll(NULL, 0, (int)wait);
	start = clock_boot_ms();
	cpu = cpu_us();
	drain(&d);
	printf("%lld %lld %llu\n", (long long)(d.last_ms - start),
	       (long long)(cpu_us() - cpu),
	       (unsigned long long)(d.bytes / CAROUSEL_DATA_LEN));
	return 0;
}
