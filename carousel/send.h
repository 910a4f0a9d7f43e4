/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sender's state: objects, what of each block is to be sent, who asks.
 */
#ifndef CAROUSEL_SEND_H
#define CAROUSEL_SEND_H

#include "private.h"

#define SEND_OBJECTS_MAX 16
#define SEND_ASKERS_MAX  512 /* of an object; others wait until one is old */
#define SEND_RUN_MAX     44u /* datagrams at once: 64 KiB */
#define SEND_CACHED      4   /* blocks in memory */
#define SEND_REPAIR_MAX  32u /* more than that is no repair but a new turn */
#define SEND_SETTLED     8   /* blocks that tell how much parity is needed */

struct send_block {
	uint8_t next;    /* symbol to be sent next; goes round */
	uint8_t pending; /* symbols to be sent */
	uint8_t queued;  /* it is in the object's queue */
	uint8_t asked;   /* somebody missed some, in this turn */
	int64_t sent_ms; /* its last symbol */
};

struct send_asker {
	uint32_t addr;
	uint16_t port;
	int64_t heard_ms, whole_ms; /* last asked for anything, for very much */
	uint64_t symbols;           /* got on its behalf */
};

struct send_object {
	int used, fd;
	uint8_t id[CAROUSEL_OBJECT];
	uint64_t size;
	uint32_t blocks, cursor, position;
	uint32_t settled; /* blocks below have told what they needed */
	struct send_block *block;
	uint64_t left;   /* pending, of all blocks */
	uint32_t *queue; /* repairs, a ring of `blocks` */
	uint32_t queue_at, queue_len;
	int64_t start_ms; /* not before: the crowd gathers */
	int64_t heard_ms;
	uint8_t needed[SEND_SETTLED]; /* parity of the last settled blocks */
	unsigned int n_needed, ahead; /* ahead: parity sent unasked */
	struct send_asker *askers;
	unsigned int n_askers;
};

struct send_cache {
	const struct send_object *object;
	uint32_t block;
	uint64_t used;
	uint8_t *data; /* CAROUSEL_BLOCK, zeros behind the end */
};

/* Symbols of one block, sent together. */
struct send_run {
	struct send_object *object;
	uint32_t block, position;
	unsigned int n;
	int repair;
};

struct carousel_send {
	struct loop *loop;
	struct carousel_send_config config;
	struct carousel_sockets sockets;
	struct loop_fd *fd;
	struct loop_timer *timer;
	carousel_open_fn open;
	void *arg;
	uint32_t network, mask;
	struct send_object objects[SEND_OBJECTS_MAX];
	unsigned int turn; /* object that is next */
	struct send_cache cache[SEND_CACHED];
	uint64_t cache_clock;
	int gso;                   /* the kernel cuts */
	int64_t tokens, filled_ns; /* bytes on the wire */
	int64_t opens_ms;          /* files looked for, at a rate */
	unsigned int opens;
	uint8_t *parity; /* SEND_RUN_MAX symbols */
	struct carousel_send_stats stats;
};

/* send-object.c */
struct send_object *carousel_send_find(struct carousel_send *s,
				       const uint8_t *id);
int carousel_send_object_open(struct carousel_send *s, const uint8_t *id,
			      struct send_object **out);
void carousel_send_object_close(struct carousel_send *s, struct send_object *o);
/* Closes what nobody has asked for in a while. */
void carousel_send_expire(struct carousel_send *s, int64_t now);
/* The block's k symbols, zero padded; NULL if it cannot be read. */
const uint8_t *carousel_send_block(struct carousel_send *s,
				   const struct send_object *o, uint32_t block);

/* send-want.c */
enum carousel_no carousel_send_want(struct carousel_send *s,
				    struct send_object *o,
				    const struct carousel_datagram *d,
				    uint32_t addr, uint16_t port);

/* send-plan.c: what is next (at most max symbols), and that it was sent. */
int carousel_send_pick(struct carousel_send *s, unsigned int max,
		       struct send_run *out);
void carousel_send_sent(struct carousel_send *s, const struct send_run *run);
void carousel_send_start(struct carousel_send *s, struct send_object *o,
			 int64_t now);
/* Makes `n` symbols of the block pending, at once if they are a repair. */
void carousel_send_add(struct send_object *o, uint32_t block, unsigned int n);

#endif
