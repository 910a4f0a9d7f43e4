/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One NBD connection in the transmission phase. Requests are parsed in
 * batches, as many as one read brings; their replies go out together.
 * A client that asks more than NBD_HELD_MAX or does not take its replies is
 * not read from any more: what it can make us hold is bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nbd-private.h"

#define CMD_READ  0u
#define CMD_WRITE 1u
#define CMD_DISC  2u
#define CMD_FLUSH 3u
#define CMD_TRIM  4u
#define CMD_ZERO  6u

#define NBD_EPERM  1u
#define NBD_ENOMEM 12u
#define NBD_EINVAL 22u

static int is_full(const struct imagedev_nbd *n)
{
	return n->held >= NBD_HELD_N || n->held_bytes >= NBD_HELD_MAX;
}

static void watch(struct imagedev_nbd *n)
{
	loop_fd_set_events(n->event, (short)((is_full(n) ? 0 : POLLIN) |
					     (n->out ? POLLOUT : 0)));
}

static void end(struct imagedev_nbd *n, int rc)
{
	imagedev_nbd_end_fn fn = n->fn;
	void *arg = n->arg;

	imagedev_nbd_close(n);
	if (fn)
		fn(arg, rc);
}

static void reply(struct imagedev_nbd *n, struct nbd_op *op, uint32_t error)
{
	nbd_put(op->head + 4, error, 4);
	if (error)
		op->len = 0;
	imagedev_nbd_put_out(n, op);
}

static void reading_add(struct imagedev_nbd *n, struct nbd_op *op)
{
	op->prev = NULL;
	op->next = n->reading;
	if (op->next)
		op->next->prev = op;
	n->reading = op;
}

static void reading_del(struct imagedev_nbd *n, struct nbd_op *op)
{
	if (op->prev)
		op->prev->next = op->next;
	else
		n->reading = op->next;
	if (op->next)
		op->next->prev = op->prev;
}

static void read_done(void *arg, int rc)
{
	struct nbd_op *op = arg;
	struct imagedev_nbd *n = op->n;

	reading_del(n, op);
	reply(n, op, rc ? NBD_EINVAL : 0);
	if (!n->busy)
		loop_timer_set(n->later, 0);
}

static struct nbd_op *op_of_request(struct imagedev_nbd *n, const uint8_t *in,
				    uint32_t len)
{
	struct nbd_op *op = imagedev_nbd_op_new(n, len);

	if (!op)
		return NULL;
	nbd_put(op->head, NBD_REPLY_MAGIC, 4);
	memcpy(op->head + 8, in + 8, 8); /* the client's handle */
	return op;
}

static int refuse(struct imagedev_nbd *n, const uint8_t *in, uint32_t error)
{
	struct nbd_op *op = op_of_request(n, in, 0);

	if (!op)
		return -ENOMEM;
	reply(n, op, error);
	return 0;
}

static int do_read(struct imagedev_nbd *n, const uint8_t *in)
{
	uint64_t offset = nbd_get(in + 16, 8);
	uint32_t len = (uint32_t)nbd_get(in + 24, 4);
	struct imagedev_piece piece[IMAGEDEV_PIECES];
	struct nbd_op *op;
	int lent = 0;

	if (!len || len > NBD_READ_MAX || offset > imagedev_size(n->dev) ||
	    len > imagedev_size(n->dev) - offset)
		return refuse(n, in, NBD_EINVAL);
	if (len >= NBD_LEND_MIN)
		lent = imagedev_lend(n->dev, offset, len, piece);
	op = op_of_request(n, in, lent ? 0 : len);
	if (!op) {
		imagedev_give_back(n->dev, piece, lent);
		return refuse(n, in, NBD_ENOMEM);
	}
	if (lent) {
		memcpy(op->piece, piece, (size_t)lent * sizeof(piece[0]));
		op->n_pieces = lent;
		op->len = len;
		reply(n, op, 0);
		return 0;
	}
	reading_add(n, op);
	imagedev_read(n->dev, offset, len, op->data, read_done, op);
	return 0;
}

static int request(struct imagedev_nbd *n, const uint8_t *in)
{
	uint32_t type = (uint32_t)nbd_get(in + 6, 2);

	if (nbd_get(in, 4) != NBD_REQUEST_MAGIC)
		return -EPROTO;
	switch (type) {
	case CMD_READ:
		return do_read(n, in);
	case CMD_WRITE:
		n->skip = nbd_get(in + 24, 4);
		return refuse(n, in, NBD_EPERM);
	case CMD_TRIM:
	case CMD_ZERO:
		return refuse(n, in, NBD_EPERM);
	case CMD_FLUSH:
		return refuse(n, in, 0);
	case CMD_DISC:
		n->over = 1;
		return 0;
	}
	return refuse(n, in, NBD_EINVAL);
}

static ssize_t eat(struct imagedev_nbd *n, const uint8_t *in, size_t len)
{
	int rc;

	if (n->skip) {
		size_t k = len < n->skip ? len : (size_t)n->skip;

		n->skip -= k;
		return (ssize_t)k;
	}
	if (n->state < NBD_SENDING)
		return imagedev_nbd_option(n, in, len);
	if (len < NBD_REQUEST_LEN)
		return 0;
	rc = request(n, in);
	return rc ? rc : (ssize_t)NBD_REQUEST_LEN;
}

/* Handles all whole requests that are here. */
static int parse(struct imagedev_nbd *n)
{
	size_t at = 0;
	ssize_t k = 0;

	while (at < n->in_len && !n->over && !is_full(n) &&
	       n->state != NBD_LAST_WORDS) {
		k = eat(n, n->in + at, n->in_len - at);
		if (k <= 0)
			break;
		at += (size_t)k;
	}
	n->in_len -= at;
	memmove(n->in, n->in + at, n->in_len);
	return k < 0 ? (int)k : 0;
}

static int fill(struct imagedev_nbd *n)
{
	ssize_t len;

	if (n->in_len == sizeof(n->in) || is_full(n))
		return 0;
	len = recv(n->fd, n->in + n->in_len, sizeof(n->in) - n->in_len,
		   MSG_DONTWAIT);
	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!len)
		return -ECONNRESET;
	n->in_len += (size_t)len;
	return 0;
}

/* Parses, answers, and again while sending makes room for what is here. */
static void work(struct imagedev_nbd *n, int rc)
{
	n->busy = 1;
	for (size_t before = SIZE_MAX; !rc && n->in_len != before;) {
		before = n->in_len;
		rc = parse(n);
		if (!rc)
			rc = imagedev_nbd_flush(n);
	}
	n->busy = 0;
	if (!rc && n->state == NBD_LAST_WORDS && !n->out)
		n->over = 1;
	if (rc || n->over)
		end(n, rc);
	else
		watch(n);
}

static void ready(int fd, short revents, void *arg)
{
	struct imagedev_nbd *n = arg;

	(void)fd;
	if (is_full(n) && revents & (POLLERR | POLLHUP | POLLNVAL))
		end(n, -ECONNRESET);
	else
		work(n, revents & ~POLLOUT ? fill(n) : 0);
}

static void later(void *arg)
{
	work(arg, 0);
}

int imagedev_nbd_serve(struct loop *loop, struct imagedev *dev, int fd,
		       enum imagedev_nbd_start start, imagedev_nbd_end_fn fn,
		       void *arg, struct imagedev_nbd **out, struct errinfo *err)
{
	struct imagedev_nbd *n = calloc(1, sizeof(*n));
	int room = 4 << 20;

	if (!n)
		goto no_memory;
	n->loop = loop;
	n->dev = dev;
	n->fd = fd;
	n->fn = fn;
	n->arg = arg;
	n->out_tail = &n->out;
	n->event = loop_fd_add(loop, fd, POLLIN, ready, n);
	n->later = loop_timer_add(loop, later, n);
	if (!n->event || !n->later)
		goto no_memory;
	/* as much as the system grants */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	n->state = start == IMAGEDEV_NBD_NEWSTYLE ? NBD_FLAGS : NBD_SENDING;
	if (n->state == NBD_FLAGS &&
	    (imagedev_nbd_greet(n) || imagedev_nbd_flush(n)))
		goto no_memory;
	watch(n);
	*out = n;
	return 0;
no_memory:
	if (n)
		imagedev_nbd_close(n);
	else
		close(fd);
	return errinfo_set(err, -ENOMEM, "nbd: no memory, or no client");
}

void imagedev_nbd_close(struct imagedev_nbd *n)
{
	struct nbd_op *op;

	if (!n)
		return;
	while ((op = n->reading)) {
		imagedev_cancel(n->dev, op);
		reading_del(n, op);
		free(op);
	}
	loop_fd_del(n->event);
	loop_timer_del(n->later);
	close(n->fd);
	imagedev_nbd_out_free(n);
	free(n);
}
