/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies on their way out: as many as there are in one sendmsg, their data
 * where it lies in the cache, or in a buffer. Buffers are used again.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "nbd-private.h"

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

struct nbd_op *imagedev_nbd_op_new(struct imagedev_nbd *n, uint32_t len)
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
	op->n_pieces = 0;
	n->held++;
	n->held_bytes += class_bytes(class);
	return op;
}

static void op_free(struct imagedev_nbd *n, struct nbd_op *op)
{
	size_t bytes = class_bytes(op->class);

	imagedev_give_back(n->dev, op->piece, op->n_pieces);
	n->held--;
	n->held_bytes -= bytes;
	if (n->spare_bytes + bytes > NBD_SPARE_MAX) {
		free(op);
		return;
	}
	op->n_pieces = 0;
	op->next = n->spare[op->class];
	n->spare[op->class] = op;
	n->spare_bytes += bytes;
}

void imagedev_nbd_put_out(struct imagedev_nbd *n, struct nbd_op *op)
{
	op->next = NULL;
	*n->out_tail = op;
	n->out_tail = &op->next;
}

/* The handshake's words share the queue: an op without a head. */
#define HEADLESS 0xffu

int imagedev_nbd_say(struct imagedev_nbd *n, const void *data, size_t len)
{
	struct nbd_op *op = imagedev_nbd_op_new(n, (uint32_t)len);

	if (!op)
		return -ENOMEM;
	op->head[0] = HEADLESS;
	memcpy(op->data, data, len);
	imagedev_nbd_put_out(n, op);
	return 0;
}

static size_t head_len(const struct nbd_op *op)
{
	return op->head[0] == HEADLESS ? 0 : NBD_REPLY_LEN;
}

/* The reply's bytes from `done` on; returns how many pieces. */
static int gather_op(struct nbd_op *op, size_t done, struct iovec *iov)
{
	struct imagedev_piece own = { .data = op->data, .len = op->len };
	const struct imagedev_piece *p = op->n_pieces ? op->piece : &own;
	size_t head = head_len(op);
	int n = op->n_pieces ? op->n_pieces : !!op->len, k = 0;

	if (done < head)
		iov[k++] = (struct iovec){ op->head + done, head - done };
	done -= done < head ? done : head;
	for (int i = 0; i < n; done -= done < p[i].len ? done : p[i].len, i++)
		if (done < p[i].len)
			iov[k++] = (struct iovec){ (void *)(p[i].data + done),
						   p[i].len - done };
	return k;
}

/* Gathers replies from the first unsent byte; returns how many pieces. */
static int gather(struct imagedev_nbd *n, struct iovec *iov)
{
	size_t done = n->out_done;
	int k = 0;

	for (struct nbd_op *op = n->out;
	     op && k + 1 + IMAGEDEV_PIECES <= NBD_IOV; op = op->next) {
		k += gather_op(op, done, iov + k);
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

int imagedev_nbd_flush(struct imagedev_nbd *n)
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

static void free_list(struct imagedev_nbd *n, struct nbd_op *op)
{
	struct nbd_op *next;

	for (; op; op = next) {
		next = op->next;
		imagedev_give_back(n->dev, op->piece, op->n_pieces);
		free(op);
	}
}

void imagedev_nbd_out_free(struct imagedev_nbd *n)
{
	free_list(n, n->out);
	for (int c = 0; c < NBD_CLASSES; c++)
		free_list(n, n->spare[c]);
}
