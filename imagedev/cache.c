/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two bounded caches, both with a second chance for what was used since it
 * was last looked at: units as stored, and pages, the decoded ones.
 */
#include <stdlib.h>

#include "private.h"

static void lru_del(struct unit *u)
{
	u->prev->next = u->next;
	u->next->prev = u->prev;
}

static void lru_add(struct imagedev *dev, struct unit *u)
{
	u->next = dev->lru.next;
	u->prev = &dev->lru;
	u->next->prev = u;
	dev->lru.next = u;
}

void imagedev_cache_drop(struct imagedev *dev, struct unit *u)
{
	lru_del(u);
	imagedev_share_free(u);
	dev->stats.cached_bytes -= u->size;
	if (u->type == UNIT_FRAME)
		dev->stats.bundle_have -= u->size;
	else
		dev->stats.chunks_have--;
}

static void make_room(struct imagedev *dev, uint64_t need)
{
	struct unit *u = dev->lru.prev, *older;
	int second = 0;

	for (; dev->stats.cached_bytes + need > dev->cache_max; u = older) {
		if (u == &dev->lru) {
			if (second++)
				return; /* what is left is in use */
			older = dev->lru.prev;
			continue;
		}
		older = u->prev;
		if (u->pins)
			continue;
		if (u->flags & UNIT_USED) {
			u->flags &= (uint8_t)~UNIT_USED;
			lru_del(u);
			lru_add(dev, u);
			continue;
		}
		imagedev_cache_drop(dev, u);
	}
}

void imagedev_cache_add(struct imagedev *dev, struct unit *u, uint8_t *buf)
{
	u->stored = buf; /* first: it may be a twin's, which has to go */
	make_room(dev, u->size);
	u->flags |= UNIT_HAD;
	u->flags &= (uint8_t)~UNIT_USED;
	lru_add(dev, u);
	dev->stats.cached_bytes += u->size;
	if (u->type == UNIT_FRAME)
		dev->stats.bundle_have += u->size;
	else
		dev->stats.chunks_have++;
}

static void pages_del(struct imagedev *dev, struct page *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		dev->pages_new = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		dev->pages_old = p->prev;
}

static void pages_add(struct imagedev *dev, struct page *p)
{
	p->prev = NULL;
	p->next = dev->pages_new;
	if (p->next)
		p->next->prev = p;
	else
		dev->pages_old = p;
	dev->pages_new = p;
}

void imagedev_page_drop(struct imagedev *dev, struct page *p)
{
	pages_del(dev, p);
	dev->stats.decoded_bytes -= p->cap;
	p->unit->page = NULL;
	free(p);
}

/* Takes the oldest until `cap` fits; returns one of that size, out of the
 * list, if it comes across it. */
static struct page *evict(struct imagedev *dev, uint32_t cap)
{
	struct page *p = dev->pages_old, *newer;
	uint64_t seen = 0;

	while (p && dev->stats.decoded_bytes + cap > dev->decoded_max) {
		newer = p->prev;
		if (p->unit->pins || p->used) {
			seen += p->cap;
			if (seen > 2 * dev->stats.decoded_bytes)
				return NULL; /* all pinned */
			p->used = 0;
			pages_del(dev, p);
			pages_add(dev, p);
		} else if (p->cap == cap) {
			pages_del(dev, p);
			p->unit->page = NULL;
			return p;
		} else {
			imagedev_page_drop(dev, p);
		}
		p = newer ? newer : dev->pages_old;
	}
	return NULL;
}

struct page *imagedev_page_new(struct imagedev *dev, struct unit *u)
{
	uint32_t cap = (u->raw + PAGE_STEP - 1) / PAGE_STEP * PAGE_STEP;
	struct page *p = evict(dev, cap);

	if (!p) {
		p = malloc(sizeof(*p) + cap);
		if (!p)
			return NULL;
		p->cap = cap;
		dev->stats.decoded_bytes += cap;
	}
	p->unit = u;
	p->used = 0;
	u->page = p;
	pages_add(dev, p);
	return p;
}
