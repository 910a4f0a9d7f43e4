/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sent next: repairs of blocks that were just sent, as they complete
 * most receivers soonest; else block after block.
 */
#include <string.h>

#include "clock.h"
#include "send.h"

#define SETTLE_MS 80 /* after its last symbol a block has been complained of */
#define AHEAD_MAX 16u

static void settle(struct send_object *o, int64_t now)
{
	while (o->settled < o->cursor) {
		struct send_block *b = &o->block[o->settled];
		unsigned int k = carousel_block_k(o->size, o->settled);
		unsigned int sent = b->next > k ? b->next - k : 0, least;

		if (b->pending || now - b->sent_ms < SETTLE_MS)
			return;
		/* Where nobody complained less might have done. */
		if (!b->asked && sent)
			sent--;
		o->needed[o->n_needed++ % SEND_SETTLED] = (uint8_t)sent;
		o->settled++;
		if (o->n_needed < SEND_SETTLED)
			continue;
		least = AHEAD_MAX;
		for (int i = 0; i < SEND_SETTLED; i++)
			if (o->needed[i] < least)
				least = o->needed[i];
		o->ahead = least;
	}
}

void carousel_send_start(struct carousel_send *s, struct send_object *o,
			 int64_t now)
{
	o->left = 0;
	o->cursor = o->position = o->settled = 0;
	o->queue_len = 0;
	for (uint32_t b = 0; b < o->blocks; b++) {
		o->block[b] = (struct send_block){
			.pending = carousel_block_k(o->size, b),
			.sent_ms = now,
		};
		o->left += o->block[b].pending;
	}
	s->stats.turns++;
}

void carousel_send_add(struct send_object *o, uint32_t block, unsigned int n)
{
	struct send_block *b = &o->block[block];

	if (n <= b->pending)
		return;
	o->left += n - b->pending;
	b->pending = (uint8_t)n;
	if (n > SEND_REPAIR_MAX || b->queued || block >= o->position)
		return;
	b->queued = 1;
	o->queue[(o->queue_at + o->queue_len++) % o->blocks] = block;
}

/* The first block with something to send at or behind the cursor; what is
 * before it comes when the end was reached. */
static uint32_t advance(struct send_object *o)
{
	for (uint32_t i = 0; i < o->blocks; i++) {
		uint32_t b = (o->cursor + i) % o->blocks;

		if (!o->block[b].pending)
			continue;
		if (o->cursor + i >= o->blocks)
			o->position = o->blocks;
		o->cursor = b;
		if (o->position < b)
			o->position = b;
		break;
	}
	return o->cursor;
}

static void pick_in(struct carousel_send *s, struct send_object *o,
		    unsigned int max, struct send_run *out)
{
	struct send_block *b;
	unsigned int k, run;
	int last;

	while (o->queue_len && !o->block[o->queue[o->queue_at]].pending) {
		o->block[o->queue[o->queue_at]].queued = 0;
		o->queue_at = (o->queue_at + 1) % o->blocks;
		o->queue_len--;
	}
	out->object = o;
	out->repair = o->queue_len > 0;
	out->block = out->repair ? o->queue[o->queue_at] : advance(o);
	b = &o->block[out->block];
	k = carousel_block_k(o->size, out->block);
	if (!out->repair && !b->next && b->pending == k) {
		unsigned int more = o->ahead > s->config.parity
					    ? o->ahead
					    : s->config.parity;

		if (k + more > CAROUSEL_SYMBOLS)
			more = CAROUSEL_SYMBOLS - k;
		if (k < CAROUSEL_K) /* less to lose */
			more = more * k / CAROUSEL_K;
		b->pending = (uint8_t)(k + more);
		o->left += more;
	}
	run = b->pending < max ? b->pending : max;
	if (b->next + run > CAROUSEL_SYMBOLS)
		run = CAROUSEL_SYMBOLS - b->next;
	/* A run is of bytes or of parity. */
	if (b->next < k && b->next + run > k)
		run = k - b->next;
	out->n = run;
	last = !out->repair && run == b->pending && out->block == o->position;
	out->position = o->position + (last ? 1 : 0);
}

int carousel_send_pick(struct carousel_send *s, unsigned int max,
		       struct send_run *out)
{
	int64_t now = clock_boot_ms();

	if (max > SEND_RUN_MAX)
		max = SEND_RUN_MAX;
	for (unsigned int i = 0; i < SEND_OBJECTS_MAX; i++) {
		struct send_object *o =
			&s->objects[(s->turn + i) % SEND_OBJECTS_MAX];

		if (!o->used || !o->left || now < o->start_ms)
			continue;
		s->turn = (s->turn + i + 1) % SEND_OBJECTS_MAX;
		settle(o, now);
		pick_in(s, o, max, out);
		return 1;
	}
	return 0;
}

void carousel_send_sent(struct carousel_send *s, const struct send_run *run)
{
	struct send_object *o = run->object;
	struct send_block *b = &o->block[run->block];
	unsigned int k = carousel_block_k(o->size, run->block);

	if (b->next >= k)
		s->stats.repairs += run->n;
	s->stats.symbols += run->n;
	b->next = (uint8_t)((b->next + run->n) % CAROUSEL_SYMBOLS);
	b->pending = (uint8_t)(b->pending - run->n);
	b->sent_ms = clock_boot_ms();
	o->left -= run->n;
	if (o->position < run->position)
		o->position = run->position;
	if (!run->repair && !b->pending && o->cursor == run->block)
		o->cursor++;
	if (o->cursor >= o->blocks && !o->left)
		o->position = o->blocks;
}
