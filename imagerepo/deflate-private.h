/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bits, codes and symbols of a deflate stream (RFC 1951).
 */
#ifndef DEFLATE_PRIVATE_H
#define DEFLATE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#define CODE_BITS 15
#define LITERALS  288
#define DISTANCES 32
#define END       256 /* of a block */

struct bits {
	const uint8_t *p;
	uint8_t *out; /* the same, for writing; zeros before */
	size_t at, end;
	int over; /* went past the end */
};

/* n: at most 15. Behind the end are zeros. */
uint32_t imagerepo_bits_take(struct bits *b, int n);
void imagerepo_bits_put(struct bits *b, uint32_t v, int n);

struct code {
	uint8_t len[LITERALS];
	uint16_t bits[LITERALS];          /* first bit lowest */
	uint16_t symbol[1u << CODE_BITS]; /* by the next bits: number * 16 +
					     length; 0: none */
};

struct codes {
	struct code literal, distance;
};

struct token {
	int literal, distance; /* symbols; distance only of a length */
	uint32_t extra, far;   /* their extra bits */
};

/* The header of a block, which says the codes; -EBADMSG, also for a block that
 * is stored as it is. */
int imagerepo_deflate_read_header(struct bits *b, struct codes *c, int *last);
int imagerepo_deflate_read_token(struct bits *b, const struct codes *c,
				 struct token *t);
/* -EBADMSG: the codes have no word for it, or the end is reached. */
int imagerepo_deflate_put_token(struct bits *b, const struct codes *c,
				const struct token *t);

#endif
