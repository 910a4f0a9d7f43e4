/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's state: objects, blocks, and what is asked when.
 */
#ifndef CAROUSEL_RECV_H
#define CAROUSEL_RECV_H

#include "private.h"

#define RECV_OBJECTS_MAX 16
#define RECV_MEMORY      (64ULL << 20)
#define RECV_MESSAGE     65536 /* what the kernel joins is shorter */

/* Symbols of a block that is not whole yet. */
struct recv_block {
	uint8_t have[32];                 /* bit per symbol */
	uint8_t *parity[CAROUSEL_PARITY]; /* in order of arrival */
	uint8_t symbol[CAROUSEL_PARITY];  /* which these are */
	uint8_t n_data, n_parity;
	uint8_t *data;  /* k symbols: own, or where the caller wants them */
	uint32_t bytes; /* of this, for the account */
	uint8_t own[];
};

struct recv_slot {
	struct recv_block *block; /* NULL: nothing yet */
	int64_t ask_ms;           /* not before; 0: not known to be missing */
	uint8_t done, last, tries;
};

struct recv_object {
	int used, dead;
	uint8_t id[CAROUSEL_OBJECT];
	char sha256[HASH_HEX];
	uint64_t size;
	uint32_t blocks, left, first; /* all below first are done */
	struct recv_slot *slots;
	uint32_t position; /* of the sender, the highest heard */
	int heard;         /* any DATA of it so far */
	int told;          /* that it is idle */
	unsigned int tries;
	int64_t heard_ms; /* any DATA of it */
	int64_t useful_ms, ask_ms;
	int64_t refused_ms; /* then the sender's "too few" counts; 0: no */
};

/* What is likely to come next: the sender sends in order. */
struct recv_next {
	struct recv_object *object;
	uint32_t block;
	unsigned int symbol; /* may be behind the block's last */
};

struct carousel_recv {
	struct loop *loop;
	struct carousel_recv_config config;
	struct carousel_sockets sockets;
	struct loop_fd *data_fd, *ask_fd;
	struct loop_timer *timer;
	carousel_data_fn data;
	carousel_idle_fn idle;
	void *arg;
	struct recv_object objects[RECV_OBJECTS_MAX];
	struct loop_timer *gather; /* reads, while datagrams come */
	int64_t now;               /* of the read that is being worked on */
	uint64_t memory, random;
	int depth; /* callbacks that run: objects are freed afterwards */
	struct carousel_recv_stats stats;
	struct recv_next next;
	uint8_t *buffers; /* two of RECV_MESSAGE */
};

/* recv.c: a datagram; DATA that was parsed; frees what has been left. `now` is
 * set before. */
void carousel_recv_one(struct carousel_recv *r, const void *data, size_t len);
void carousel_recv_data(struct carousel_recv *r,
			const struct carousel_datagram *d);
void carousel_recv_sweep(struct carousel_recv *r);

/* recv-read.c: reads what is there, and comes again while there is something;
 * arg: the receiver. */
void carousel_recv_gather(void *arg);

/* recv-block.c: 1 it was of use, 0 it was known, -ENOMEM */
int carousel_recv_symbol(struct carousel_recv *r, struct recv_object *o,
			 const struct carousel_datagram *d);
/* The block's, made if need be; NULL: it is whole, or there is no memory. */
struct recv_block *carousel_recv_block(struct carousel_recv *r,
				       struct recv_object *o, uint32_t block);
void carousel_recv_block_drop(struct carousel_recv *r, struct recv_object *o,
			      uint32_t block);
int carousel_recv_has(const struct recv_block *b, unsigned int symbol);
int carousel_recv_room(const struct carousel_recv *r);
unsigned int carousel_recv_missing(const struct recv_object *o, uint32_t block);
/* That block needs nothing any more. */
void carousel_recv_done(struct carousel_recv *r, struct recv_object *o,
			uint32_t block);

/* recv-ask.c: asks what is due; returns when to come again. */
int64_t carousel_recv_tick(struct carousel_recv *r, struct recv_object *o,
			   int64_t now);
void carousel_recv_refused(struct carousel_recv *r, struct recv_object *o,
			   enum carousel_no reason);
void carousel_recv_tell(struct carousel_recv *r, struct recv_object *o, int rc);
/* When a block that just got a symbol may be asked for. */
int64_t carousel_recv_patience(struct carousel_recv *r);

#endif
