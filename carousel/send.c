/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sender: WANTs in, datagrams out, at its rate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "parse.h"
#include "send.h"

#define BATCH    64
#define ROUNDS   8
#define TICK_MS  1
#define BURST_MS 10 /* of the rate at once, after we had no processor */
#define RATE_MIN 1000000u

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void refill(struct carousel_send *s)
{
	const int64_t one = CAROUSEL_DATA_LEN + CAROUSEL_FRAME;
	int64_t now = now_ns(), rate = (int64_t)(s->config.rate_bps / 8);
	int64_t passed = now - s->filled_ns, cap = rate * BURST_MS / 1000;

	if (passed > 1000000000)
		passed = 1000000000;
	s->filled_ns = now;
	s->tokens += rate * (passed / 1000) / 1000000;
	if (cap < 2 * one)
		cap = 2 * one;
	if (s->tokens > cap)
		s->tokens = cap;
}

/* One system call for many datagrams: cut by the kernel, or else a list. */
static int transmit(struct carousel_send *s, struct iovec *iov, unsigned int n)
{
	uint32_t group = carousel_group(s->config.group);
	uint16_t port = s->config.port ? s->config.port : CAROUSEL_PORT;
	struct sockaddr_in to = { .sin_family = AF_INET };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control = { 0 };
	struct mmsghdr m[SEND_RUN_MAX];
	struct msghdr all = { &to,      sizeof(to),      iov, 2 * (size_t)n,
			      &control, sizeof(control), 0 };
	uint16_t size = CAROUSEL_DATA_LEN;
	int r;

	to.sin_addr.s_addr = htonl(group);
	to.sin_port = htons(port);
	if (s->gso && n > 1) {
		control.head.cmsg_level = SOL_UDP;
		control.head.cmsg_type = UDP_SEGMENT;
		control.head.cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(&control.head), &size, sizeof(size));
		if (sendmsg(s->sockets.data, &all, MSG_DONTWAIT) >= 0)
			return (int)n;
		if (errno != EINVAL && errno != EIO && errno != EMSGSIZE &&
		    errno != EOPNOTSUPP)
			return -errno;
		s->gso = 0;
	}
	memset(m, 0, sizeof(m));
	for (unsigned int i = 0; i < n; i++)
		m[i].msg_hdr =
			(struct msghdr){ &to, sizeof(to), iov + 2 * i, 2, NULL,
					 0,   0 };
	r = sendmmsg(s->sockets.data, m, n, MSG_DONTWAIT);
	return r < 0 ? -errno : r;
}

static int send_run(struct carousel_send *s, struct send_run *run)
{
	struct send_object *o = run->object;
	const uint8_t *data = carousel_send_block(s, o, run->block);
	unsigned int first = o->block[run->block].next;
	unsigned int k = carousel_block_k(o->size, run->block);
	uint8_t heads[SEND_RUN_MAX][CAROUSEL_DATA_HEAD];
	struct iovec iov[2 * SEND_RUN_MAX];
	int n;

	if (!data) {
		carousel_send_object_close(s, o);
		return -EIO;
	}
	data += (size_t)first * CAROUSEL_SYMBOL;
	if (first >= k) {
		carousel_fec_encode(data - (size_t)first * CAROUSEL_SYMBOL, k,
				    first, run->n, s->parity);
		data = s->parity;
	}
	for (unsigned int i = 0; i < run->n; i++) {
		struct carousel_datagram d = {
			.object = o->id,
			.k = (uint8_t)k,
			.size = o->size,
			.symbol = (uint8_t)(first + i),
			.block = run->block,
			.position = run->position,
		};

		carousel_wire_data(heads[i], &d);
		iov[2 * i] = (struct iovec){ heads[i], CAROUSEL_DATA_HEAD };
		iov[2 * i + 1] = (struct iovec){
			(void *)(data + (size_t)i * CAROUSEL_SYMBOL), CAROUSEL_SYMBOL
		};
	}
	n = transmit(s, iov, run->n);
	if (n <= 0)
		return n ? n : -EAGAIN;
	if ((unsigned int)n < run->n)
		run->position = o->position;
	run->n = (unsigned int)n;
	carousel_send_sent(s, run);
	return n;
}

static void on_timer(void *arg)
{
	const int64_t one = CAROUSEL_DATA_LEN + CAROUSEL_FRAME;
	struct carousel_send *s = arg;
	struct send_run run;
	int busy = 0;

	refill(s);
	for (;;) {
		int64_t room = s->tokens / one;
		int n;

		busy = carousel_send_pick(s, room > 0 ? (unsigned int)room : 1,
					  &run);
		if (!busy || room <= 0)
			break;
		n = send_run(s, &run);
		if (n < 0)
			break;
		s->tokens -= n * one;
		s->stats.bytes += (uint64_t)(n * one);
	}
	for (int i = 0; i < SEND_OBJECTS_MAX && !busy; i++)
		busy = s->objects[i].used && s->objects[i].left;
	if (busy)
		loop_timer_set(s->timer, TICK_MS);
}

static void refuse(struct carousel_send *s, const uint8_t *object,
		   enum carousel_no reason, uint32_t addr, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint8_t out[CAROUSEL_NO_LEN];

	to.sin_addr.s_addr = htonl(addr);
	to.sin_port = htons(port);
	carousel_wire_no(out, object, reason);
	if (s->sockets.data >= 0)
		sendto(s->sockets.data, out, sizeof(out), MSG_DONTWAIT,
		       (struct sockaddr *)&to, sizeof(to));
}

void carousel_send_input(struct carousel_send *s, const void *data, size_t len,
			 uint32_t addr, uint16_t port)
{
	struct carousel_datagram d;
	struct send_object *o;
	enum carousel_no no;
	int rc = 0;

	if ((addr & s->mask) != s->network || !port ||
	    carousel_wire_parse(data, len, &d) || d.type != CAROUSEL_WANT) {
		s->stats.refused++;
		return;
	}
	s->stats.wants++;
	o = carousel_send_find(s, d.object);
	if (!o)
		rc = carousel_send_object_open(s, d.object, &o);
	if (rc)
		no = rc == -ENOENT ? CAROUSEL_NO_BLOB : CAROUSEL_NO_ROOM;
	else
		no = carousel_send_want(s, o, &d, addr, port);
	if (no)
		refuse(s, d.object, no, addr, port);
	if (!rc && o->left)
		loop_timer_set(s->timer, 0);
}

static int read_batch(struct carousel_send *s)
{
	uint8_t text[BATCH][CAROUSEL_WANT_LEN + 1];
	struct sockaddr_in from[BATCH];
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	int n;

	memset(m, 0, sizeof(m));
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ text[i], sizeof(text[i]) };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &from[i];
		m[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	n = recvmmsg(s->sockets.data, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		carousel_send_input(s, text[i], m[i].msg_len,
				    ntohl(from[i].sin_addr.s_addr),
				    ntohs(from[i].sin_port));
	return n;
}

static void on_want(int fd, short revents, void *arg)
{
	(void)fd, (void)revents;
	for (int i = 0; i < ROUNDS && read_batch(arg) == BATCH; i++)
		;
}

/* The network of the interface: WANTs from elsewhere are not heard. */
static void find_network(struct carousel_send *s)
{
	struct ifaddrs *all = NULL;
	unsigned int bits = s->config.prefix;

	s->mask = bits ? ~0u << (32 - bits) : ~0u;
	if (!bits && !getifaddrs(&all)) {
		for (struct ifaddrs *i = all; i; i = i->ifa_next) {
			const struct sockaddr_in *a = (void *)i->ifa_addr;
			const struct sockaddr_in *m = (void *)i->ifa_netmask;

			if (a && m && a->sin_family == AF_INET &&
			    ntohl(a->sin_addr.s_addr) == s->config.interface)
				s->mask = ntohl(m->sin_addr.s_addr);
		}
		freeifaddrs(all);
	}
	s->network = s->config.interface & s->mask;
}

static int allocate(struct carousel_send *s)
{
	s->parity = malloc((size_t)SEND_RUN_MAX * CAROUSEL_SYMBOL);
	for (int i = 0; i < SEND_CACHED; i++) {
		s->cache[i].data = malloc(CAROUSEL_BLOCK);
		if (!s->cache[i].data)
			return -ENOMEM;
	}
	if (s->sockets.data >= 0) {
		s->fd = loop_fd_add(s->loop, s->sockets.data, POLLIN, on_want, s);
		if (!s->fd)
			return -ENOMEM;
	}
	s->timer = loop_timer_add(s->loop, on_timer, s);
	return s->parity && s->timer ? 0 : -ENOMEM;
}

int carousel_send_new(struct loop *loop, const struct carousel_send_config *c,
		      carousel_open_fn open, void *arg,
		      struct carousel_send **out, struct errinfo *err)
{
	struct carousel_send *s;
	int rc = 0;

	if (c->rate_bps < RATE_MIN || c->rate_bps > 100ULL * 1000000000)
		return errinfo_set(err, -EINVAL,
				   "a rate is from 1M to 100G bits a second");
	if (c->parity > 32 || c->prefix > 32)
		return errinfo_set(err, -EINVAL, "parity and prefix: 0 to 32");
	s = calloc(1, sizeof(*s));
	if (!s)
		return errinfo_set(err, -ENOMEM, "out of memory");
	*s = (struct carousel_send){ .loop = loop,
				     .config = *c,
				     .open = open,
				     .arg = arg,
				     .sockets = { -1, -1 },
				     .gso = 1,
				     .filled_ns = now_ns() };
	if (!s->config.crowd)
		s->config.crowd = 2;
	find_network(s);
	if (c->sockets)
		s->sockets = *c->sockets;
	else
		rc = carousel_send_sockets(c, &s->sockets, err);
	s->config.sockets = NULL;
	if (!rc && allocate(s))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (rc) {
		if (c->sockets) /* still the caller's */
			s->sockets = (struct carousel_sockets){ -1, -1 };
		carousel_send_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void carousel_send_free(struct carousel_send *s)
{
	if (!s)
		return;
	for (int i = 0; i < SEND_OBJECTS_MAX; i++)
		carousel_send_object_close(s, &s->objects[i]);
	for (int i = 0; i < SEND_CACHED; i++)
		free(s->cache[i].data);
	free(s->parity);
	loop_fd_del(s->fd);
	loop_timer_del(s->timer);
	if (s->sockets.data >= 0)
		close(s->sockets.data);
	free(s);
}

void carousel_send_stats_get(const struct carousel_send *s,
			     struct carousel_send_stats *out)
{
	*out = s->stats;
}
