/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the devices of one set have in common: units that are stored alike are
 * on one ring, at most one of each device. What one of them has, or is being
 * sent, the others do not ask for; its bytes lie in memory once, and are freed
 * with the last that has them.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

struct imagedev_set {
	struct imagedev *first;
};

struct entry {
	const uint8_t *sha256;
	struct unit *unit;
};

#define for_each_twin(v, u) \
	for (struct unit *v = (u)->twin; v && v != (u); v = v->twin)

int imagedev_set_new(struct imagedev_set **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void imagedev_set_free(struct imagedev_set *set)
{
	assert(!set || !set->first);
	free(set);
}

/* ---- rings ------------------------------------------------------------------ */

/* Of units that one device has twice, the same comes first each time. */
static int by_content(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = memcmp(x->sha256, y->sha256, HASH_LEN);

	if (d)
		return d;
	if (x->unit->size != y->unit->size)
		return x->unit->size < y->unit->size ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

static int is_alike(const struct entry *a, const struct entry *b)
{
	return !memcmp(a->sha256, b->sha256, HASH_LEN) &&
	       a->unit->size == b->unit->size;
}

/* Of n entries that are alike. */
static void make_ring(const struct entry *e, size_t n)
{
	struct unit *first = e->unit, *last = first;

	for (size_t i = 1; i < n; i++) {
		if (e[i].unit->dev == last->dev)
			continue;
		last->twin = e[i].unit;
		last = e[i].unit;
	}
	if (last != first)
		last->twin = first;
}

static void make_rings(struct entry *e, size_t n)
{
	size_t from = 0;

	qsort(e, n, sizeof(*e), by_content);
	for (size_t i = 1; i <= n; i++) {
		if (i < n && is_alike(&e[from], &e[i]))
			continue;
		make_ring(e + from, i - from);
		from = i;
	}
}

int imagedev_share_join(struct imagedev *dev, struct imagedev_set *set)
{
	struct entry *all;
	size_t n = 0;

	dev->set = set;
	dev->set_next = set->first;
	set->first = dev;
	for (const struct imagedev *d = dev; d; d = d->set_next)
		n += d->n_chunks;
	all = calloc(n ? n : 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	n = 0;
	for (struct imagedev *d = dev; d; d = d->set_next)
		for (uint32_t i = 0; i < d->n_chunks; i++)
			all[n++] = (struct entry){
				imagedev_unit_sha256(d, &d->chunks[i]),
				&d->chunks[i],
			};
	make_rings(all, n);
	free(all);
	return 0;
}

static void leave_ring(struct unit *u)
{
	struct unit *before = u;

	while (before->twin && before->twin != u)
		before = before->twin;
	before->twin = u->twin == before ? NULL : u->twin;
	u->twin = NULL;
}

/* ---- bytes ------------------------------------------------------------------- */

void imagedev_share_free(struct unit *u)
{
	uint8_t *stored = u->stored;

	u->stored = NULL;
	for_each_twin(v, u) if (v->stored == stored) return;
	free(stored);
}

uint8_t *imagedev_share_stored(const struct unit *u)
{
	if (u->bad) /* maybe they have it from each other */
		return NULL;
	for_each_twin(v, u) if (v->stored) return v->stored;
	return NULL;
}

int imagedev_share_take(struct imagedev *dev, struct unit *u)
{
	uint8_t *stored = imagedev_share_stored(u);

	if (!stored)
		return 0;
	dev->stats.shared_bytes += u->size;
	imagedev_unit_arrived(dev, u, stored);
	return 1;
}

int imagedev_share_awaited(const struct unit *u, enum imagedev_priority priority)
{
	for_each_twin(v, u) if (v->flags & UNIT_FLYING &&
				imagedev_flight_priority(v) <= priority) return 1;
	return 0;
}

void imagedev_share_tell(const struct unit *u)
{
	for_each_twin(v, u) if (!v->stored &&
				(v->flags & UNIT_QUEUED || v->dev->fill))
		imagedev_schedule_soon(v->dev);
}

static int has_use(const struct unit *u)
{
	return !u->stored && !u->waiters && !u->bad &&
	       !(u->flags & (UNIT_QUEUED | UNIT_FLYING)) &&
	       u->dev->stats.cached_bytes + u->size <= u->dev->cache_max / 8 * 7;
}

/* What the others will read as well, as far as they have room: the oldest
 * first, so that it is also theirs. The newest of them, which began with what
 * this one had left, may have as much now. */
static void bequeath(struct imagedev *dev, struct imagedev *heir)
{
	if (heir && heir->cache_max < dev->cache_max)
		heir->cache_max = dev->cache_max;
	for (struct unit *u = dev->lru.prev; u != &dev->lru; u = u->prev)
		for_each_twin(v, u) if (has_use(v))
			imagedev_share_take(v->dev, v);
}

void imagedev_share_leave(struct imagedev *dev)
{
	struct imagedev **at = &dev->set->first;

	while (*at != dev)
		at = &(*at)->set_next;
	*at = dev->set_next;
	bequeath(dev, dev->set->first);
	for (uint32_t i = 0; i < dev->n_chunks; i++) {
		struct unit *u = &dev->chunks[i];

		u->flags &= (uint8_t)~UNIT_FLYING;
		imagedev_share_tell(u);
		imagedev_share_free(u);
		leave_ring(u);
	}
	dev->set = NULL;
}
