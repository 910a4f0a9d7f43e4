/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbols to blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recv.h"

int carousel_recv_has(const struct recv_block *b, unsigned int symbol)
{
	return b->have[symbol / 8] >> symbol % 8 & 1;
}

static void block_free(struct carousel_recv *r, struct recv_block *b)
{
	for (unsigned int i = 0; i < b->n_parity; i++)
		free(b->parity[i]);
	r->memory -= b->bytes + (uint64_t)b->n_parity * CAROUSEL_SYMBOL;
	free(b);
}

void carousel_recv_block_drop(struct carousel_recv *r, struct recv_object *o,
			      uint32_t block)
{
	struct recv_block *b = o->slots[block].block;

	if (!b)
		return;
	o->slots[block].block = NULL;
	block_free(r, b);
}

void carousel_recv_done(struct carousel_recv *r, struct recv_object *o,
			uint32_t block)
{
	struct recv_slot *s = &o->slots[block];

	carousel_recv_block_drop(r, o, block);
	if (s->done)
		return;
	s->done = 1;
	o->left--;
	while (o->first < o->blocks && o->slots[o->first].done)
		o->first++;
}

int carousel_recv_room(const struct carousel_recv *r)
{
	return r->memory + sizeof(struct recv_block) + CAROUSEL_BLOCK <=
	       r->config.memory;
}

unsigned int carousel_recv_missing(const struct recv_object *o, uint32_t block)
{
	const struct recv_block *b = o->slots[block].block;
	unsigned int k = carousel_block_k(o->size, block);

	return b ? k - b->n_data - b->n_parity : k;
}

static struct recv_block *block_new(struct carousel_recv *r,
				    struct recv_object *o, uint32_t block)
{
	size_t len = sizeof(struct recv_block);
	uint8_t *place = NULL;
	struct recv_block *b;

	if (r->config.place && block + 1 < o->blocks)
		place = r->config.place(r->arg, o->sha256,
					(uint64_t)block * CAROUSEL_BLOCK);
	if (!place)
		len += (size_t)carousel_block_k(o->size, block) * CAROUSEL_SYMBOL;
	if (r->memory + len > r->config.memory)
		return NULL;
	b = malloc(len);
	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b)); /* not the data: pages come as they fill */
	b->data = place ? place : b->own;
	b->bytes = (uint32_t)len;
	r->memory += len;
	o->slots[block].block = b;
	return b;
}

struct recv_block *carousel_recv_block(struct carousel_recv *r,
				       struct recv_object *o, uint32_t block)
{
	const struct recv_slot *s = &o->slots[block];

	if (s->done)
		return NULL;
	return s->block ? s->block : block_new(r, o, block);
}

static int add_parity(struct carousel_recv *r, struct recv_block *b,
		      const struct carousel_datagram *d)
{
	uint8_t *p;

	if (b->n_parity == CAROUSEL_PARITY)
		return -ENOMEM;
	if (r->memory + CAROUSEL_SYMBOL > r->config.memory)
		return -ENOMEM;
	p = malloc(CAROUSEL_SYMBOL);
	if (!p)
		return -ENOMEM;
	memcpy(p, d->payload, CAROUSEL_SYMBOL);
	r->memory += CAROUSEL_SYMBOL;
	b->symbol[b->n_parity] = d->symbol;
	b->parity[b->n_parity++] = p;
	r->stats.parity++;
	return 0;
}

/* It is whole. */
static void deliver(struct carousel_recv *r, struct recv_object *o,
		    uint32_t block, unsigned int k)
{
	struct recv_block *b = o->slots[block].block;
	uint8_t missing[CAROUSEL_PARITY];
	unsigned int n = 0;

	for (unsigned int i = 0; i < k && n < CAROUSEL_PARITY; i++)
		if (!carousel_recv_has(b, i))
			missing[n++] = (uint8_t)i;
	if (carousel_fec_decode(b->data, k, missing, b->symbol, b->parity, n)) {
		carousel_recv_block_drop(r, o, block);
		return;
	}
	/* It counts as done before the call: _bad in there must find it so. */
	o->slots[block].block = NULL;
	carousel_recv_done(r, o, block);
	r->data(r->arg, o->sha256, (uint64_t)block * CAROUSEL_BLOCK, b->data,
		carousel_block_len(o->size, block));
	block_free(r, b);
}

int carousel_recv_symbol(struct carousel_recv *r, struct recv_object *o,
			 const struct carousel_datagram *d)
{
	struct recv_slot *s = &o->slots[d->block];
	struct recv_block *b = s->block;

	if (s->done || (b && carousel_recv_has(b, d->symbol)))
		return 0;
	if (!b)
		b = block_new(r, o, d->block);
	if (!b)
		return -ENOMEM;
	if (d->symbol < d->k) {
		uint8_t *to = b->data + (size_t)d->symbol * CAROUSEL_SYMBOL;

		if (to != d->payload) /* it was read to there */
			memcpy(to, d->payload, CAROUSEL_SYMBOL);
		b->n_data++;
	} else if (add_parity(r, b, d)) {
		return -ENOMEM;
	}
	b->have[d->symbol / 8] |= (uint8_t)(1 << d->symbol % 8);
	s->last = d->symbol;
	r->stats.symbols++;
	if (b->n_data + b->n_parity == d->k)
		deliver(r, o, d->block, d->k);
	return 1;
}
