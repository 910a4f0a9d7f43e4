/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of an NBD connection share: nbd-option.c haggles, nbd.c takes
 * requests, nbd-out.c sends replies. Numbers as in doc/proto.md; all of the
 * wire is big endian.
 */
#ifndef IMAGEDEV_NBD_PRIVATE_H
#define IMAGEDEV_NBD_PRIVATE_H

#include <endian.h>
#include <string.h>
#include <sys/uio.h>

#include "imagedev_nbd.h"

#define NBD_INIT_MAGIC    0x4e42444d41474943ULL /* "NBDMAGIC" */
#define NBD_OPT_MAGIC     0x49484156454f5054ULL /* "IHAVEOPT" */
#define NBD_OPT_REPLY     0x0003e889045565a9ULL
#define NBD_REQUEST_MAGIC 0x25609513u
#define NBD_REPLY_MAGIC   0x67446698u

#define NBD_REQUEST_LEN 28u
#define NBD_REPLY_LEN   16u

#define NBD_IN         (64u * 1024) /* bytes of requests read at once */
#define NBD_OPTION_MAX 4096u        /* longer options are not for us */
#define NBD_READ_MAX   (32u << 20)  /* as the protocol advises */
#define NBD_HELD_MAX   (32u << 20)  /* bytes of reads on the way */
#define NBD_HELD_N     256u         /* and how many; then we stop reading */
#define NBD_SPARE_MAX  (4u << 20)   /* bytes of buffers kept for reuse */
#define NBD_CLASS_MIN  12           /* buffers: powers of two from 4 KiB */
#define NBD_CLASSES    14           /* to 32 MiB */
#define NBD_IOV        128
#define NBD_LEND_MIN   (16u * 1024) /* shorter reads are copied */

enum nbd_state { NBD_FLAGS, NBD_OPTIONS, NBD_SENDING, NBD_LAST_WORDS };

/* One request; its reply once it is done. */
struct nbd_op {
	struct nbd_op *next, *prev; /* prev: while imagedev reads */
	struct imagedev_nbd *n;
	uint8_t head[NBD_REPLY_LEN];
	uint32_t len; /* of data */
	int class;
	uint8_t *data; /* behind the struct */
	int n_pieces;  /* lent instead */
	struct imagedev_piece piece[IMAGEDEV_PIECES];
};

struct imagedev_nbd {
	struct loop *loop;
	struct imagedev *dev;
	int fd;
	struct loop_fd *event;
	struct loop_timer *later; /* replies that came about meanwhile */
	enum nbd_state state;
	imagedev_nbd_end_fn fn;
	void *arg;

	uint8_t in[NBD_IN];
	size_t in_len;
	uint64_t skip; /* bytes of a refused write, or option, that still come */
	int no_zeroes;

	struct nbd_op *out, **out_tail; /* replies, in order */
	size_t out_done;                /* bytes of the first that are sent */
	struct nbd_op *spare[NBD_CLASSES];
	size_t spare_bytes, held_bytes;
	unsigned int held;      /* ops that live */
	struct nbd_op *reading; /* those in imagedev */
	int busy;               /* inside our own handler: do not send yet */
	int over;               /* it ends once the handler is done */
};

/* Eats what it can of `in`; returns bytes eaten, 0: needs more, or -EPROTO. */
ssize_t imagedev_nbd_option(struct imagedev_nbd *n, const uint8_t *in,
			    size_t len);
/* The first words, at connection. */
int imagedev_nbd_greet(struct imagedev_nbd *n);
/* Puts bytes out; for the handshake. */
int imagedev_nbd_say(struct imagedev_nbd *n, const void *data, size_t len);

/* nbd-out.c */
struct nbd_op *imagedev_nbd_op_new(struct imagedev_nbd *n, uint32_t len);
void imagedev_nbd_put_out(struct imagedev_nbd *n, struct nbd_op *op);
int imagedev_nbd_flush(struct imagedev_nbd *n); /* what the socket takes */
void imagedev_nbd_out_free(struct imagedev_nbd *n);

static inline uint64_t nbd_get(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static inline void nbd_put(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

#endif
