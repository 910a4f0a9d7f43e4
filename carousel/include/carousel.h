/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carousel - one blob to many nodes at the speed of one: multicast with
 * forward error correction, driven by what receivers say they miss.
 *
 * A blob is cut into symbols of CAROUSEL_SYMBOL bytes (the last padded with
 * zeros), k of them a block (the last block fewer). For each block there are
 * symbols 0..k-1, its bytes, and k..254, Reed-Solomon parity over GF(2^8)
 * (ISA-L's Cauchy matrix): any k of them give the block.
 *
 * Datagrams, big endian. Multicast, sender to all:
 *
 *	DATA	u32 "NSC1"  u8 1  u8 k of this block  u8 symbol  u8 0
 *		u8 object[16]  u32 block  u64 blob size
 *		u8 payload[CAROUSEL_SYMBOL]
 *
 * Unicast, receiver to sender:
 *
 *	WANT	u32 "NSC1"  u8 2  u8 0  u16 n  u8 object[16]
 *		n * { u32 block  u8 missing  u8 0[3] }	n = 0: all of it
 *
 * and in reply, unicast, sender to receiver:
 *
 *	NO	u32 "NSC1"  u8 3  u8 reason  u16 0  u8 object[16]
 *
 * `object` is the first half of the blob's SHA-256. Nobody registers and nobody
 * acknowledges: a sender that hears WANT for a blob it holds sends it (once
 * enough receivers want it), block after block, then symbols that were not
 * sent yet for the blocks that somebody still misses, and stops when nobody
 * asks. A receiver may join at any block, hears whether another has asked for
 * the same already, and asks for the rest elsewhere as soon as nothing
 * useful comes. Nobody is waited for.
 *
 * Nothing here is secret or signed: what comes out is a guess until its digest
 * has been checked by the caller (imagedev_offer); a forged datagram can cost
 * time, never correctness. The sender sends only blobs, only to its group,
 * never faster than its rate, whatever it is sent.
 */
#ifndef CAROUSEL_H
#define CAROUSEL_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "hash.h"
#include "loop.h"

#define CAROUSEL_SYMBOL    1408u
#define CAROUSEL_K         96u /* symbols of a block, but the last */
#define CAROUSEL_BLOB_MAX  (1ULL << 30)
#define CAROUSEL_GROUP     "239.255.78.83"
#define CAROUSEL_PORT      7883

/* ---- receiving ------------------------------------------------------------ */

struct carousel_recv;

struct carousel_recv_config {
	uint32_t interface; /* IPv4 address of ours, host order; 0: any */
	uint32_t group;     /* 0: the default */
	uint16_t port;      /* 0: the default */
	uint32_t sender;    /* where WANT goes; others' datagrams are dropped */
};

/* A block's bytes, decoded; not verified. */
typedef void (*carousel_data_fn)(void *arg, const char *sha256, uint64_t offset,
				 const void *data, size_t len);
/* Nothing useful is to be expected now (rc: 0 all came, -ENOENT the sender
 * will not, -ETIMEDOUT it is silent): get the rest elsewhere. */
typedef void (*carousel_idle_fn)(void *arg, const char *sha256, int rc);

int carousel_recv_new(struct loop *loop, const struct carousel_recv_config *c,
		      carousel_data_fn data, carousel_idle_fn idle, void *arg,
		      struct carousel_recv **out, struct errinfo *err);
void carousel_recv_free(struct carousel_recv *r);
/* Begins to listen and to ask for a blob; several at once is fine. */
int carousel_recv_want(struct carousel_recv *r, const char *sha256,
		       uint64_t size, struct errinfo *err);
/* Leaves; also said when the caller has it from elsewhere. */
void carousel_recv_leave(struct carousel_recv *r, const char *sha256);
/* What arrived in [offset, offset+len) turned out false: forget it, and do not
 * ask for it again. */
void carousel_recv_bad(struct carousel_recv *r, const char *sha256,
		       uint64_t offset, uint64_t len);

/* ---- sending -------------------------------------------------------------- */

struct carousel_send;

struct carousel_send_config {
	uint32_t interface, group;
	uint16_t port;
	uint64_t rate_bps;   /* bits a second on the wire, headers included */
	unsigned int crowd;  /* sends once so many ask; 0: 2 */
	unsigned int parity; /* symbols a block before anyone asked; 0: 3 */
};

/* Opens a blob by its digest: a descriptor, which the sender closes, and its
 * size; -ENOENT where there is none. `object`: 32 hex digits, the first half of
 * the digest. */
typedef int (*carousel_open_fn)(void *arg, const char *object, int *fd,
				uint64_t *size);

int carousel_send_new(struct loop *loop, const struct carousel_send_config *c,
		      carousel_open_fn open, void *arg,
		      struct carousel_send **out, struct errinfo *err);
void carousel_send_free(struct carousel_send *s);

#endif
