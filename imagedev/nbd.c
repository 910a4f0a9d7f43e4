/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One NBD connection in the transmission phase. Requests are parsed in
 * batches, as many as one read brings; their replies go out in one sendmsg.
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

static int class_of(uint32_t len)
{
	int c = 0;

	while (c < NBD_CLASSES - 1 && (1u << (NBD_CLASS_MIN + c)) < len)
		c++;
	return c;
}

static size_t class_bytes(int class)
{
	return (size_t)1 << (NBD_CLASS_MIN + class);
}

static struct nbd_op *op_new(struct imagedev_nbd *n, uint32_t len)
{
	int class = class_of(len);
	struct nbd_op *op = n->spare[class];

	if (op) {
		n->spare[class] = op->next;
		n->spare_bytes -= class_bytes(class);
	} else {
		op = malloc(sizeof(*op) + class_bytes(class));
		if (!op)
			return NULL;
		op->n = n;
		op->class = class;
		op->data = (uint8_t *)(op + 1);
	}
	op->next = NULL;
	op->len = len;
	n->held++;
	n->held_bytes += class_bytes(class);
	return op;
}

static void op_free(struct imagedev_nbd *n, struct nbd_op *op)
{
	size_t bytes = class_bytes(op->class);

	n->held--;
	n->held_bytes -= bytes;
	if (n->spare_bytes + bytes > NBD_SPARE_MAX) {
		free(op);
		return;
	}
	op->next = n->spare[op->class];
	n->spare[op->class] = op;
	n->spare_bytes += bytes;
}

static void put_out(struct imagedev_nbd *n, struct nbd_op *op)
{
	op->next = NULL;
	*n->out_tail = op;
	n->out_tail = &op->next;
}

/* The handshake's words share the queue: an op without a head. */
#define HEADLESS 0xffu

int imagedev_nbd_say(struct imagedev_nbd *n, const void *data, size_t len)
{
	struct nbd_op *op = op_new(n, (uint32_t)len);

	if (!op)
		return -ENOMEM;
	op->head[0] = HEADLESS;
	memcpy(op->data, data, len);
	put_out(n, op);
	return 0;
}

static size_t head_len(const struct nbd_op *op)
{
	return op->head[0] == HEADLESS ? 0 : NBD_REPLY_LEN;
}

/* Gathers replies from the first unsent byte; returns how many pieces. */
static int gather(struct imagedev_nbd *n, struct iovec *iov)
{
	size_t done = n->out_done;
	int k = 0;

	for (struct nbd_op *op = n->out; op && k + 2 <= NBD_IOV; op = op->next) {
		size_t head = head_len(op);

		if (done < head) {
			iov[k++] = (struct iovec){ op->head + done, head - done };
			done = head;
		}
		if (op->len > done - head)
			iov[k++] = (struct iovec){ op->data + (done - head),
						   op->len - (done - head) };
		done = 0;
	}
	return k;
}

static void sent(struct imagedev_nbd *n, size_t bytes)
{
	bytes += n->out_done;
	while (n->out && bytes >= head_len(n->out) + n->out->len) {
		struct nbd_op *op = n->out;

		bytes -= head_len(op) + op->len;
		n->out = op->next;
		op_free(n, op);
	}
	if (!n->out)
		n->out_tail = &n->out;
	n->out_done = bytes;
}

static int flush(struct imagedev_nbd *n)
{
	struct iovec iov[NBD_IOV];

	while (n->out) {
		struct msghdr msg = { .msg_iov = iov };
		ssize_t len;

		msg.msg_iovlen = (size_t)gather(n, iov);
		len = sendmsg(n->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		sent(n, (size_t)len);
	}
	return 0;
}

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
	put_out(n, op);
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
	struct nbd_op *op = op_new(n, len);

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
	struct nbd_op *op;

	if (!len || len > NBD_READ_MAX || offset > imagedev_size(n->dev) ||
	    len > imagedev_size(n->dev) - offset)
		return refuse(n, in, NBD_EINVAL);
	op = op_of_request(n, in, len);
	if (!op)
		return refuse(n, in, NBD_ENOMEM);
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
			rc = flush(n);
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
	if (n->state == NBD_FLAGS && (imagedev_nbd_greet(n) || flush(n)))
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
	while ((op = n->out)) {
		n->out = op->next;
		free(op);
	}
	for (int c = 0; c < NBD_CLASSES; c++)
		while ((op = n->spare[c])) {
			n->spare[c] = op->next;
			free(op);
		}
	free(n);
}
