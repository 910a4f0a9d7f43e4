/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes the symbols of deflate. Extra bits are carried over as they
 * are: what they mean is of no interest here.
 */
#include <errno.h>
#include <string.h>

#include "deflate-private.h"

/* ---- bits -------------------------------------------------------------------- */

static uint32_t peek(const struct bits *b, int n)
{
	size_t byte = b->at / 8;
	uint32_t v = 0;

	for (int i = 0; i < 4 && byte + (size_t)i < (b->end + 7) / 8; i++)
		v |= (uint32_t)b->p[byte + (size_t)i] << (8 * i);
	return v >> (b->at % 8) & ((1u << n) - 1);
}

static void skip(struct bits *b, int n)
{
	b->at += (size_t)n;
	if (b->at > b->end) {
		b->at = b->end;
		b->over = 1;
	}
}

uint32_t imagerepo_bits_take(struct bits *b, int n)
{
	uint32_t v = peek(b, n);

	skip(b, n);
	return v;
}

void imagerepo_bits_put(struct bits *b, uint32_t v, int n)
{
	if (b->end - b->at < (size_t)n) {
		b->over = 1;
		return;
	}
	for (int i = 0; i < n; i++, b->at++)
		b->out[b->at / 8] |= (uint8_t)((v >> i & 1) << (b->at % 8));
}

/* ---- codes ------------------------------------------------------------------- */

static uint16_t reverse(uint32_t v, int n)
{
	uint32_t out = 0;

	for (int i = 0; i < n; i++)
		out |= (v >> i & 1) << (n - 1 - i);
	return (uint16_t)out;
}

/* From c->len (RFC 1951 3.2.2). */
static int make_code(struct code *c, int n)
{
	uint32_t next = 0, count[CODE_BITS + 1] = { 0 }, first[CODE_BITS + 1];

	for (int i = 0; i < n; i++)
		count[c->len[i]]++;
	count[0] = 0;
	for (int l = 1; l <= CODE_BITS; l++) {
		next = (next + count[l - 1]) << 1;
		first[l] = next;
		if (next + count[l] > 1u << l)
			return -EBADMSG;
	}
	memset(c->symbol, 0, sizeof(c->symbol));
	for (int i = 0; i < n; i++) {
		int l = c->len[i];

		if (!l)
			continue;
		c->bits[i] = reverse(first[l]++, l);
		for (uint32_t k = c->bits[i]; k < 1u << CODE_BITS; k += 1u << l)
			c->symbol[k] = (uint16_t)(i * 16 + l);
	}
	return 0;
}

/* -1: none. */
static int symbol(struct bits *b, const struct code *c)
{
	uint16_t s = c->symbol[peek(b, CODE_BITS)];

	skip(b, s & 15);
	return s && !b->over ? s >> 4 : -1;
}

static void fixed_lengths(struct codes *c)
{
	for (int i = 0; i < LITERALS; i++)
		c->literal.len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	memset(c->distance.len, 5, DISTANCES);
}

/* The lengths of both codes, by a third one. */
static int read_lengths(struct bits *b, struct codes *c)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					   11, 4,  12, 3, 13, 2, 14, 1, 15 };
	static const struct {
		uint8_t bits, least;
	} repeat[3] = { { 2, 3 }, { 3, 3 }, { 7, 11 } };
	uint8_t len[LITERALS + DISTANCES] = { 0 };
	int literals = (int)imagerepo_bits_take(b, 5) + 257,
	    distances = (int)imagerepo_bits_take(b, 5) + 1;
	int lengths = (int)imagerepo_bits_take(b, 4) + 4, n = 0, s = 0;

	memset(c->literal.len, 0, LITERALS);
	for (int i = 0; i < lengths; i++)
		c->literal.len[order[i]] = (uint8_t)imagerepo_bits_take(b, 3);
	if (literals > LITERALS || make_code(&c->literal, 19))
		return -EBADMSG;
	while (n < literals + distances && (s = symbol(b, &c->literal)) >= 0) {
		int times = 1;

		if (s == 16 && !n)
			return -EBADMSG;
		if (s >= 16)
			times = (int)imagerepo_bits_take(b, repeat[s - 16].bits) +
				repeat[s - 16].least;
		if (times > literals + distances - n)
			return -EBADMSG;
		memset(len + n,
		       s < 16    ? s
		       : s == 16 ? len[n - 1]
				 : 0,
		       (size_t)times);
		n += times;
	}
	if (s < 0)
		return -EBADMSG;
	memset(c->literal.len, 0, LITERALS);
	memset(c->distance.len, 0, DISTANCES);
	memcpy(c->literal.len, len, (size_t)literals);
	memcpy(c->distance.len, len + literals, (size_t)distances);
	return 0;
}

int imagerepo_deflate_read_header(struct bits *b, struct codes *c, int *last)
{
	uint32_t type;
	int rc = 0;

	*last = (int)imagerepo_bits_take(b, 1);
	type = imagerepo_bits_take(b, 2);
	if (type == 1)
		fixed_lengths(c);
	else
		rc = type == 2 ? read_lengths(b, c) : -EBADMSG;
	if (!rc)
		rc = make_code(&c->literal, LITERALS);
	if (!rc)
		rc = make_code(&c->distance, DISTANCES);
	return rc || b->over ? -EBADMSG : 0;
}

/* ---- symbols ----------------------------------------------------------------- */

static int length_bits(int s)
{
	return s < 265 || s == 285 ? 0 : (s - 261) / 4;
}

static int distance_bits(int s)
{
	return s < 4 ? 0 : s / 2 - 1;
}

int imagerepo_deflate_read_token(struct bits *b, const struct codes *c,
				 struct token *t)
{
	t->literal = symbol(b, &c->literal);
	if (t->literal < 0 || t->literal > 285)
		return -EBADMSG;
	if (t->literal <= END)
		return 0;
	t->extra = imagerepo_bits_take(b, length_bits(t->literal));
	t->distance = symbol(b, &c->distance);
	if (t->distance < 0 || t->distance > 29)
		return -EBADMSG;
	t->far = imagerepo_bits_take(b, distance_bits(t->distance));
	return b->over ? -EBADMSG : 0;
}

static int put_symbol(struct bits *b, const struct code *c, int s)
{
	imagerepo_bits_put(b, c->bits[s], c->len[s]);
	return c->len[s] && !b->over ? 0 : -EBADMSG;
}

int imagerepo_deflate_put_token(struct bits *b, const struct codes *c,
				const struct token *t)
{
	int rc = put_symbol(b, &c->literal, t->literal);

	if (rc || t->literal <= END)
		return rc;
	imagerepo_bits_put(b, t->extra, length_bits(t->literal));
	rc = put_symbol(b, &c->distance, t->distance);
	if (!rc)
		imagerepo_bits_put(b, t->far, distance_bits(t->distance));
	return rc || b->over ? -EBADMSG : 0;
}
