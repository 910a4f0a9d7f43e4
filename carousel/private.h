/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the carousel share: datagrams, the code, sockets. Parsers
 * and the two state machines know no socket, so that a fuzzer can feed them.
 */
#ifndef CAROUSEL_PRIVATE_H
#define CAROUSEL_PRIVATE_H

#include "carousel.h"

#define CAROUSEL_OBJECT     16u
#define CAROUSEL_PARITY     (CAROUSEL_SYMBOLS / 2) /* of use: min(k, 255 - k) */
#define CAROUSEL_BLOCK      (CAROUSEL_K * CAROUSEL_SYMBOL)
#define CAROUSEL_DATA_HEAD  40u
#define CAROUSEL_DATA_LEN   (CAROUSEL_DATA_HEAD + CAROUSEL_SYMBOL)
#define CAROUSEL_WANT_HEAD  24u
#define CAROUSEL_WANT_ENTRY 8u
#define CAROUSEL_WANT_MAX   128u /* entries */
#define CAROUSEL_WANT_LEN \
	(CAROUSEL_WANT_HEAD + CAROUSEL_WANT_MAX * CAROUSEL_WANT_ENTRY)
#define CAROUSEL_NO_LEN 24u
#define CAROUSEL_NONE   255u /* no symbol */
/* IP, UDP, Ethernet with its preamble, checksum and gap. */
#define CAROUSEL_FRAME (20u + 8u + 14u + 8u + 4u + 12u)

_Static_assert(CAROUSEL_DATA_LEN + 28 <= 1500, "a datagram fits an MTU");
_Static_assert(CAROUSEL_WANT_LEN + 28 <= 1500, "a datagram fits an MTU");

enum carousel_type {
	CAROUSEL_DATA = 1,
	CAROUSEL_WANT,
	CAROUSEL_NO,
};

/* A datagram that was checked; pointers are into it. */
struct carousel_datagram {
	enum carousel_type type;
	const uint8_t *object;
	uint8_t k, symbol; /* DATA */
	uint64_t size;
	uint32_t block, position;
	const uint8_t *payload;
	uint16_t n; /* WANT */
	const uint8_t *entries;
	uint8_t reason; /* NO */
};

struct carousel_entry {
	uint32_t block;
	uint8_t missing, last;
};

uint32_t carousel_blocks(uint64_t size);
/* Symbols of bytes in a block. */
uint8_t carousel_block_k(uint64_t size, uint32_t block);
/* Bytes in a block. */
size_t carousel_block_len(uint64_t size, uint32_t block);

/* 0 or -EBADMSG: length, kind, reserved bits, k, block and position are all
 * checked, so that what follows may use them. */
int carousel_wire_parse(const void *data, size_t len,
			struct carousel_datagram *out);
/* -EBADMSG: entry i of a WANT for a blob of that size. */
int carousel_wire_entry(const struct carousel_datagram *d, unsigned int i,
			uint64_t size, struct carousel_entry *out);
void carousel_wire_data(uint8_t out[CAROUSEL_DATA_HEAD],
			const struct carousel_datagram *d);
/* `out` holds the head and n entries; returns the length. */
size_t carousel_wire_want(uint8_t *out, const uint8_t *object,
			  const struct carousel_entry *e, unsigned int n);
void carousel_wire_no(uint8_t out[CAROUSEL_NO_LEN], const uint8_t *object,
		      enum carousel_no reason);

/* Parity symbols first..first+n-1 of a block whose k symbols lie at data, one
 * behind the other; written to out likewise. k <= first, first + n <= 255. */
void carousel_fec_encode(const uint8_t *data, unsigned int k,
			 unsigned int first, unsigned int n, uint8_t *out);
/* Fills in the symbols of data that are missing (n of them) from n parity
 * symbols. */
int carousel_fec_decode(uint8_t *data, unsigned int k, const uint8_t *missing,
			const uint8_t *symbol, uint8_t *const *parity,
			unsigned int n);

/* 0: the default. */
uint32_t carousel_group(uint32_t group);

/* What came from the network; the fuzzer calls these as well. */
void carousel_recv_input(struct carousel_recv *r, const void *data, size_t len);
void carousel_send_input(struct carousel_send *s, const void *data, size_t len,
			 uint32_t addr, uint16_t port);

/* 0 .. below-1; good enough for back-off. */
unsigned int carousel_random(uint64_t *state, unsigned int below);

#endif
