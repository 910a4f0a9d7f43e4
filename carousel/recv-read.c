/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams from the socket. The kernel joins those of a run (UDP_GRO), so one
 * read brings some 40 of them, and as a sender sends in order, their bytes are
 * read to where they belong: a run that is another than was expected is copied
 * from there.
 */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "recv.h"

#define RUN       46u /* RECV_MESSAGE has no more */
#define GATHER_MS 2
#define READS_MAX 256 /* before others have a turn */

/* Where a read puts what it brings: n datagrams' heads and bytes, the rest to
 * `tail`. */
struct aim {
	struct recv_object *object;
	struct recv_block *block;
	uint32_t number;
	unsigned int first, n;
	uint8_t *bytes, *tail;
	uint8_t heads[RUN][CAROUSEL_DATA_HEAD];
};

static void take_aim(struct carousel_recv *r, struct aim *a)
{
	struct recv_object *o = r->next.object;
	unsigned int k;

	a->n = 0;
	a->tail = r->buffers;
	if (!o || !o->used || o->dead || r->next.block >= o->blocks)
		return;
	a->object = o;
	a->number = r->next.block;
	a->first = r->next.symbol;
	if (a->first >= carousel_block_k(o->size, a->number)) {
		a->first = 0;
		if (++a->number == o->blocks)
			return;
	}
	a->block = carousel_recv_block(r, o, a->number);
	if (!a->block)
		return;
	k = carousel_block_k(o->size, a->number);
	a->bytes = a->block->data + (size_t)a->first * CAROUSEL_SYMBOL;
	while (a->n < RUN && a->first + a->n < k &&
	       !carousel_recv_has(a->block, a->first + a->n))
		a->n++;
}

static size_t fill_iov(struct aim *a, struct iovec *iov)
{
	size_t n = 0;

	for (unsigned int i = 0; i < a->n; i++) {
		iov[n++] = (struct iovec){ a->heads[i], CAROUSEL_DATA_HEAD };
		iov[n++] = (struct iovec){ a->bytes + (size_t)i * CAROUSEL_SYMBOL,
					   CAROUSEL_SYMBOL };
	}
	iov[n++] = (struct iovec){ a->tail, RECV_MESSAGE };
	return n;
}

/* Were these datagrams the ones that were expected? */
static int is_hit(const struct aim *a, unsigned int n,
		  struct carousel_datagram *d)
{
	for (unsigned int i = 0; i < n; i++) {
		if (carousel_wire_parse(a->heads[i], CAROUSEL_DATA_LEN, &d[i]) ||
		    memcmp(d[i].object, a->object->id, CAROUSEL_OBJECT) ||
		    d[i].size != a->object->size || d[i].block != a->number ||
		    d[i].symbol != a->first + i)
			return 0;
		d[i].payload = a->bytes + (size_t)i * CAROUSEL_SYMBOL;
	}
	return 1;
}

/* The block may be whole, or gone, after any of them; so is where they lie. */
static void take_hit(struct carousel_recv *r, const struct aim *a,
		     unsigned int n, const struct carousel_datagram *d)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!a->object->used || a->object->dead ||
		    a->object->slots[a->number].block != a->block) {
			r->stats.useless += n - i;
			return;
		}
		carousel_recv_data(r, &d[i]);
	}
}

/* The message in one piece. */
static const uint8_t *flatten(struct carousel_recv *r, struct aim *a, size_t len)
{
	uint8_t *out = r->buffers + RECV_MESSAGE, *p = out;
	struct iovec iov[2 * RUN + 1];
	size_t n = fill_iov(a, iov);

	if (!a->n)
		return a->tail;
	for (size_t i = 0; i < n && len; i++) {
		size_t part = iov[i].iov_len < len ? iov[i].iov_len : len;

		memcpy(p, iov[i].iov_base, part);
		p += part;
		len -= part;
	}
	return out;
}

static void take(struct carousel_recv *r, struct aim *a, size_t len, size_t step)
{
	struct carousel_datagram d[RUN];
	unsigned int n = (unsigned int)(len / CAROUSEL_DATA_LEN);
	const uint8_t *p;

	n = n < a->n ? n : a->n;
	if (n && step == CAROUSEL_DATA_LEN && is_hit(a, n, d)) {
		take_hit(r, a, n, d);
		len -= (size_t)n * CAROUSEL_DATA_LEN;
		if (n < a->n) { /* a last part is no datagram of ours */
			r->stats.refused += len > 0;
			return;
		}
		p = a->tail;
	} else {
		p = flatten(r, a, len);
	}
	while (len) {
		size_t one = len < step ? len : step;

		carousel_recv_one(r, p, one);
		p += one;
		len -= one;
	}
}

/* Length of the datagrams that the kernel has joined, 0: it has not. */
static size_t joined(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int size;

		if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		return size > 0 ? (size_t)size : 0;
	}
	return 0;
}

static int is_senders(const struct carousel_recv *r, const struct msghdr *m)
{
	const struct sockaddr_in *from = m->msg_name;
	uint16_t port = r->config.port ? r->config.port : CAROUSEL_PORT;

	return m->msg_namelen >= sizeof(*from) && from->sin_family == AF_INET &&
	       ntohl(from->sin_addr.s_addr) == r->config.sender &&
	       ntohs(from->sin_port) == port && !(m->msg_flags & MSG_TRUNC);
}

/* 0: there was nothing. */
static int read_one(struct carousel_recv *r)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int)) * 2];
	} control;
	struct iovec iov[2 * RUN + 1];
	struct sockaddr_in from;
	struct msghdr m = { &from,    sizeof(from),    iov, 0,
			    &control, sizeof(control), 0 };
	struct aim aim;
	ssize_t len;
	size_t step;

	take_aim(r, &aim);
	m.msg_iovlen = fill_iov(&aim, iov);
	len = recvmsg(r->sockets.data, &m, MSG_DONTWAIT);
	if (len < 0)
		return 0;
	step = joined(&m);
	if (is_senders(r, &m))
		take(r, &aim, (size_t)len, step ? step : (size_t)len);
	else
		r->stats.refused++;
	return 1;
}

/* While datagrams come one read takes those of some milliseconds: to be woken
 * for each costs more than to read it. The socket holds many times as much. */
void carousel_recv_gather(void *arg)
{
	struct carousel_recv *r = arg;
	int n = 0;

	r->now = clock_boot_ms();
	while (n < READS_MAX && read_one(r))
		n++;
	carousel_recv_sweep(r);
	if (n)
		loop_timer_set(r->gather, GATHER_MS);
	loop_fd_set_events(r->data_fd, n ? 0 : POLLIN);
}
