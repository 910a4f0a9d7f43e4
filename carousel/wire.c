/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams to structs and back.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "private.h"

#define MAGIC 0x4e534331u /* "NSC1" */

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

uint32_t carousel_blocks(uint64_t size)
{
	return (uint32_t)((size + CAROUSEL_BLOCK - 1) / CAROUSEL_BLOCK);
}

size_t carousel_block_len(uint64_t size, uint32_t block)
{
	uint64_t left = size - (uint64_t)block * CAROUSEL_BLOCK;

	return left < CAROUSEL_BLOCK ? (size_t)left : CAROUSEL_BLOCK;
}

uint8_t carousel_block_k(uint64_t size, uint32_t block)
{
	size_t len = carousel_block_len(size, block);

	return (uint8_t)((len + CAROUSEL_SYMBOL - 1) / CAROUSEL_SYMBOL);
}

static int parse_data(const uint8_t *p, size_t len, struct carousel_datagram *d)
{
	if (len != CAROUSEL_DATA_LEN || p[7])
		return -EBADMSG;
	d->k = p[5];
	d->symbol = p[6];
	d->size = (uint64_t)get32(p + 24) << 32 | get32(p + 28);
	d->block = get32(p + 32);
	d->position = get32(p + 36);
	d->payload = p + CAROUSEL_DATA_HEAD;
	if (!d->size || d->size > CAROUSEL_BLOB_MAX ||
	    d->block >= carousel_blocks(d->size) ||
	    d->position > carousel_blocks(d->size))
		return -EBADMSG;
	if (d->k != carousel_block_k(d->size, d->block) ||
	    d->symbol >= CAROUSEL_SYMBOLS)
		return -EBADMSG;
	return 0;
}

static int parse_want(const uint8_t *p, size_t len, struct carousel_datagram *d)
{
	d->n = (uint16_t)(p[6] << 8 | p[7]);
	d->entries = p + CAROUSEL_WANT_HEAD;
	if (p[5] || d->n > CAROUSEL_WANT_MAX ||
	    len != CAROUSEL_WANT_HEAD + d->n * CAROUSEL_WANT_ENTRY)
		return -EBADMSG;
	return 0;
}

static int parse_no(const uint8_t *p, size_t len, struct carousel_datagram *d)
{
	d->reason = p[5];
	if (len != CAROUSEL_NO_LEN || p[6] || p[7] ||
	    d->reason < CAROUSEL_NO_BLOB || d->reason > CAROUSEL_NO_ROOM)
		return -EBADMSG;
	return 0;
}

int carousel_wire_parse(const void *data, size_t len,
			struct carousel_datagram *out)
{
	const uint8_t *p = data;

	memset(out, 0, sizeof(*out));
	if (len < CAROUSEL_NO_LEN || get32(p) != MAGIC)
		return -EBADMSG;
	out->type = p[4];
	out->object = p + 8;
	switch (out->type) {
	case CAROUSEL_DATA:
		return parse_data(p, len, out);
	case CAROUSEL_WANT:
		return parse_want(p, len, out);
	case CAROUSEL_NO:
		return parse_no(p, len, out);
	}
	return -EBADMSG;
}

int carousel_wire_entry(const struct carousel_datagram *d, unsigned int i,
			uint64_t size, struct carousel_entry *out)
{
	const uint8_t *p = d->entries + (size_t)i * CAROUSEL_WANT_ENTRY;

	out->block = get32(p);
	out->missing = p[4];
	out->last = p[5];
	if (p[6] || p[7] || out->block >= carousel_blocks(size) ||
	    !out->missing || out->missing > carousel_block_k(size, out->block))
		return -EBADMSG;
	return 0;
}

static void head(uint8_t *out, enum carousel_type type, const uint8_t *object)
{
	put32(out, MAGIC);
	out[4] = (uint8_t)type;
	out[5] = out[6] = out[7] = 0;
	memcpy(out + 8, object, CAROUSEL_OBJECT);
}

void carousel_wire_data(uint8_t out[CAROUSEL_DATA_HEAD],
			const struct carousel_datagram *d)
{
	head(out, CAROUSEL_DATA, d->object);
	out[5] = d->k;
	out[6] = d->symbol;
	put32(out + 24, (uint32_t)(d->size >> 32));
	put32(out + 28, (uint32_t)d->size);
	put32(out + 32, d->block);
	put32(out + 36, d->position);
}

size_t carousel_wire_want(uint8_t *out, const uint8_t *object,
			  const struct carousel_entry *e, unsigned int n)
{
	uint8_t *p = out + CAROUSEL_WANT_HEAD;

	head(out, CAROUSEL_WANT, object);
	out[6] = (uint8_t)(n >> 8);
	out[7] = (uint8_t)n;
	for (unsigned int i = 0; i < n; i++, p += CAROUSEL_WANT_ENTRY) {
		put32(p, e[i].block);
		p[4] = e[i].missing;
		p[5] = e[i].last;
		p[6] = p[7] = 0;
	}
	return (size_t)(p - out);
}

void carousel_wire_no(uint8_t out[CAROUSEL_NO_LEN], const uint8_t *object,
		      enum carousel_no reason)
{
	head(out, CAROUSEL_NO, object);
	out[5] = (uint8_t)reason;
}

unsigned int carousel_random(uint64_t *state, unsigned int below)
{
	uint64_t x = *state | 1;

	x ^= x << 13; /* xorshift64, Marsaglia 2003 */
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return (unsigned int)((x >> 33) % below);
}
