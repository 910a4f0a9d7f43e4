/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carousel - one blob to many nodes at the speed of one: multicast with
 * forward error correction, driven by what receivers say they miss.
 *
 * A blob is cut into symbols of CAROUSEL_SYMBOL bytes (the last padded with
 * zeros), CAROUSEL_K of them a block (the last block fewer). For each block
 * there are symbols 0..k-1, its bytes, and k..254, Reed-Solomon parity over
 * GF(2^8) (a Cauchy matrix, by ISA-L): any k of them give the block.
 *
 * Datagrams, big endian. Multicast, from the sender to all:
 *
 *	DATA	u32 "NSC1"  u8 1  u8 k of this block  u8 symbol  u8 0
 *		u8 object[16]  u64 blob size  u32 block  u32 position
 *		u8 payload[CAROUSEL_SYMBOL]
 *
 * Blocks below `position` have been sent in this turn: who misses some of them
 * may say so now.
 *
 * Unicast, receiver to sender, to the same port:
 *
 *	WANT	u32 "NSC1"  u8 2  u8 0  u16 n  u8 object[16]
 *		n * { u32 block  u8 missing  u8 last  u16 0 }
 *		n = 0: all of it. last: the symbol of the block that came
 *		last (255: none), so that what is on its way is not sent twice.
 *
 * and in reply, unicast, sender to receiver:
 *
 *	NO	u32 "NSC1"  u8 3  u8 reason  u16 0  u8 object[16]
 *
 * `object` is the first half of the blob's SHA-256. Nobody registers and nobody
 * acknowledges: a sender that hears WANT for a blob it holds sends it (once
 * enough receivers want it), block after block. In between it sends parity, not
 * sent before, for the blocks of which somebody misses symbols: the same symbol
 * mends a different loss at every receiver, so that the amount grows with the
 * worst loss of a block, not with the number of receivers. Who missed most asks
 * first; what then comes saves the others from asking. A receiver may join at
 * any block, and asks for the rest elsewhere as soon as nothing useful comes.
 * Nobody is waited for.
 *
 * Nothing here is secret or signed: what comes out is a guess until its digest
 * has been checked by the caller (imagedev_offer); a forged datagram can cost
 * time, never correctness. The sender sends only blobs, only to its group, and
 * never faster than its rate, whatever it is sent; it hears only its own
 * network, and no receiver more than CAROUSEL_COPIES copies of a blob.
 *
 * One thread, no locks; all memory is bounded.
 */
#ifndef CAROUSEL_H
#define CAROUSEL_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "hash.h"
#include "loop.h"

#define CAROUSEL_SYMBOL 1408u /* of 1500: room for headers, VLAN, PPPoE */
/* Losses of a block grow with k, their spread only with its root: at 1 % the
 * worst of 500 receivers misses 8 of 192 symbols (4 %), but 3 of 32 (9 %). */
#define CAROUSEL_K        192u
#define CAROUSEL_SYMBOLS  255u /* of a block, parity included */
#define CAROUSEL_BLOB_MAX (1ULL << 30)
#define CAROUSEL_GROUP    "239.255.78.83"
#define CAROUSEL_PORT     7883
#define CAROUSEL_COPIES   4u

enum carousel_no {
	CAROUSEL_NO_BLOB = 1, /* it is not here */
	CAROUSEL_NO_CROWD,    /* too few want it; others may come */
	CAROUSEL_NO_ROOM,     /* busy with others, or you had enough */
};

/*
 * The sockets of one side. A sandboxed process has them made while it still
 * may; whoever gets them owns them. -1: none.
 */
struct carousel_sockets {
	int data; /* receiver: bound to the group, joined; sender: its only one */
	int ask; /* receiver: connected to the sender */
};

/* ---- receiving ------------------------------------------------------------ */

struct carousel_recv;

/*
 * Where a whole block's bytes shall go: memory of CAROUSEL_K * CAROUSEL_SYMBOL
 * bytes at `offset` of the blob, the caller's, which lives until the data call
 * or _leave. NULL: memory of the receiver's own. Not asked for a blob's last
 * block. What lies there before the data call is anything.
 */
typedef void *(*carousel_place_fn)(void *arg, const char *sha256,
				   uint64_t offset);

struct carousel_recv_config {
	uint32_t interface; /* IPv4 address of ours, host order; 0: any */
	uint32_t group;     /* 0: the default */
	uint16_t port;      /* 0: the default */
	uint32_t sender;    /* where WANT goes; others' datagrams are dropped */
	uint64_t memory;    /* for blocks that are not whole; 0: 64 MiB */
	const struct carousel_sockets *sockets; /* NULL: opened here */
	carousel_place_fn place;                /* may be NULL */
};

/* A block's bytes, decoded; not verified. May call anything here but _free. */
typedef void (*carousel_data_fn)(void *arg, const char *sha256, uint64_t offset,
				 const void *data, size_t len);
/*
 * Nothing useful is to be expected now: get the rest elsewhere. rc: 0 all came,
 * -ENOENT the sender has no such blob, -EAGAIN it waits for more receivers or
 * has no room, -ETIMEDOUT it is silent. Unless all came the receiver goes on to
 * listen and, ever more rarely, to ask; a data call after this one says that
 * the blob is on the air again.
 */
typedef void (*carousel_idle_fn)(void *arg, const char *sha256, int rc);

struct carousel_recv_stats {
	uint64_t symbols, parity; /* that were of use; parity among them */
	uint64_t useless;         /* seen before, or of a block that is whole */
	uint64_t refused; /* wrong sender, malformed, not wanted, no memory */
	uint64_t wants;
};

int carousel_recv_sockets(const struct carousel_recv_config *c,
			  struct carousel_sockets *out, struct errinfo *err);
/* Takes ownership of c->sockets on success. */
int carousel_recv_new(struct loop *loop, const struct carousel_recv_config *c,
		      carousel_data_fn data, carousel_idle_fn idle, void *arg,
		      struct carousel_recv **out, struct errinfo *err);
void carousel_recv_free(struct carousel_recv *r);
/* Begins to listen and to ask for a blob; 16 at once at most (-ENOSPC). */
int carousel_recv_want(struct carousel_recv *r, const char *sha256,
		       uint64_t size, struct errinfo *err);
/* Leaves; also said when the caller has it from elsewhere. */
void carousel_recv_leave(struct carousel_recv *r, const char *sha256);
/* [offset, offset+len) is here from elsewhere: do not ask for the blocks that
 * lie in it as a whole. */
void carousel_recv_have(struct carousel_recv *r, const char *sha256,
			uint64_t offset, uint64_t len);
/* What arrived in [offset, offset+len) turned out false: forget the blocks that
 * it touches, and do not ask for them again. */
void carousel_recv_bad(struct carousel_recv *r, const char *sha256,
		       uint64_t offset, uint64_t len);
void carousel_recv_stats_get(const struct carousel_recv *r,
			     struct carousel_recv_stats *out);

/* ---- sending -------------------------------------------------------------- */

struct carousel_send;

struct carousel_send_config {
	uint32_t interface; /* IPv4 address of ours; WANTs come to it */
	uint32_t group;
	uint16_t port;
	uint64_t rate_bps;   /* bits a second on the wire, headers included */
	unsigned int crowd;  /* sends once so many ask; 0: 2 */
	unsigned int parity; /* symbols a block before anyone asked, at least;
			      * more are added as losses show */
	unsigned int prefix; /* bits of the network; 0: as the interface has */
	const struct carousel_sockets *sockets; /* NULL: opened here */
};

/* Opens a blob by its digest: a descriptor, which the sender closes, and its
 * size; -ENOENT where there is none. `object`: 32 hex digits, the first half of
 * the digest. */
typedef int (*carousel_open_fn)(void *arg, const char *object, int *fd,
				uint64_t *size);

struct carousel_send_stats {
	uint64_t symbols; /* sent, all */
	uint64_t repairs; /* of them, beyond each block's first k */
	uint64_t bytes;   /* on the wire */
	uint64_t turns;   /* whole blobs begun */
	uint64_t wants, refused;
};

int carousel_send_sockets(const struct carousel_send_config *c,
			  struct carousel_sockets *out, struct errinfo *err);
/* Takes ownership of c->sockets on success. */
int carousel_send_new(struct loop *loop, const struct carousel_send_config *c,
		      carousel_open_fn open, void *arg,
		      struct carousel_send **out, struct errinfo *err);
void carousel_send_free(struct carousel_send *s);
void carousel_send_stats_get(const struct carousel_send *s,
			     struct carousel_send_stats *out);

#endif
