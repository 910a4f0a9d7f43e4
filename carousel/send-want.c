/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What WANTs lead to.
 */
#include <string.h>

#include "clock.h"
#include "send.h"

#define CROWD_MS  2000 /* askers count as one crowd */
#define GATHER_MS 10   /* after the crowd is there: others of the same moment */
#define FLIGHT_MS 40   /* what was sent longer ago has arrived, or never will */
#define ASKER_MS  600000

static struct send_asker *asker_of(struct send_object *o, uint32_t addr,
				   uint16_t port, int64_t now)
{
	struct send_asker *old = NULL, *a;

	for (unsigned int i = 0; i < o->n_askers; i++) {
		a = &o->askers[i];
		if (a->addr == addr && a->port == port) {
			if (now - a->heard_ms > ASKER_MS)
				a->symbols = 0;
			return a;
		}
		if (!old || a->heard_ms < old->heard_ms)
			old = a;
	}
	if (o->n_askers < SEND_ASKERS_MAX)
		a = &o->askers[o->n_askers++];
	else if (now - old->heard_ms > CROWD_MS)
		a = old;
	else
		return NULL;
	*a = (struct send_asker){ .addr = addr, .port = port };
	return a;
}

static unsigned int crowd(const struct send_object *o, int64_t now)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < o->n_askers; i++)
		n += o->askers[i].whole_ms &&
		     now - o->askers[i].whole_ms < CROWD_MS;
	return n;
}

/* Who asked has been heard; the next turn needs a crowd of its own. */
static void disperse(struct send_object *o)
{
	for (unsigned int i = 0; i < o->n_askers; i++)
		o->askers[i].whole_ms = 0;
}

/* Symbols to be sent for one entry, beyond what is on its way. */
static unsigned int needed(const struct send_object *o,
			   const struct carousel_entry *e, int64_t now)
{
	const struct send_block *b = &o->block[e->block];
	unsigned int flying = 0;

	if (e->last != CAROUSEL_NONE && now - b->sent_ms < FLIGHT_MS)
		flying = (b->next + CAROUSEL_SYMBOLS - 1u - e->last) %
			 CAROUSEL_SYMBOLS;
	return e->missing > flying ? e->missing - flying : 0;
}

static enum carousel_no whole(struct carousel_send *s, struct send_object *o,
			      struct send_asker *a, int64_t now)
{
	uint64_t symbols = (o->size + CAROUSEL_SYMBOL - 1) / CAROUSEL_SYMBOL;

	a->whole_ms = now;
	if (o->left)
		return 0; /* it hears the rest, and asks for what was before */
	if (crowd(o, now) < s->config.crowd)
		return CAROUSEL_NO_CROWD;
	carousel_send_start(s, o, now);
	o->start_ms = now + GATHER_MS;
	disperse(o);
	a->symbols += symbols;
	return 0;
}

static enum carousel_no entries(struct carousel_send *s, struct send_object *o,
				const struct carousel_datagram *d,
				struct send_asker *a, int64_t now)
{
	struct carousel_entry e;
	int few = 0;

	for (unsigned int i = 0; i < d->n; i++) {
		unsigned int n;

		if (carousel_wire_entry(d, i, o->size, &e))
			continue;
		n = needed(o, &e, now);
		if (!n || n <= o->block[e.block].pending)
			continue;
		if (n > SEND_REPAIR_MAX) {
			a->whole_ms = now;
			if (crowd(o, now) < s->config.crowd) {
				few = 1;
				continue;
			}
		}
		a->symbols += n - o->block[e.block].pending;
		o->block[e.block].asked = 1;
		carousel_send_add(o, e.block, n);
	}
	/* While a turn runs there is more to come for it. */
	return few && !o->left ? CAROUSEL_NO_CROWD : 0;
}

enum carousel_no carousel_send_want(struct carousel_send *s,
				    struct send_object *o,
				    const struct carousel_datagram *d,
				    uint32_t addr, uint16_t port)
{
	uint64_t symbols = (o->size + CAROUSEL_SYMBOL - 1) / CAROUSEL_SYMBOL;
	int64_t now = clock_boot_ms();
	struct send_asker *a = asker_of(o, addr, port, now);

	if (!a || a->symbols > CAROUSEL_COPIES * symbols + CAROUSEL_SYMBOLS)
		return CAROUSEL_NO_ROOM;
	a->heard_ms = o->heard_ms = now;
	if (!d->n)
		return whole(s, o, a, now);
	return entries(s, o, d, a, now);
}
