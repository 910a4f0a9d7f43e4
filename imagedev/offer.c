/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that nobody asked for. They come in pieces of the sender's size and in
 * any order, so a unit is put together from parts; how much may lie around
 * unfinished is bounded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "private.h"

#define HOLES 8 /* stretches of a unit, apart from each other */

struct part {
	uint8_t *buf;
	uint32_t n;
	struct {
		uint32_t from, to;
	} have[HOLES];
};

void imagedev_part_free(struct imagedev *dev, struct unit *u)
{
	if (!u->part)
		return;
	dev->part_bytes -= u->size;
	free(u->part->buf);
	free(u->part);
	u->part = NULL;
}

static struct part *part_of(struct imagedev *dev, struct unit *u)
{
	struct part *p = u->part;

	if (p || dev->part_bytes + u->size > dev->cache_max / 4)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->buf = malloc(u->size);
	if (!p->buf) {
		free(p);
		return NULL;
	}
	dev->part_bytes += u->size;
	u->part = p;
	return p;
}

/* Notes [from, to); returns 1 if it may be kept. */
static int merge(struct part *p, uint32_t from, uint32_t to)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		if (p->have[i].to < from || p->have[i].from > to) {
			p->have[k++] = p->have[i];
			continue;
		}
		from = p->have[i].from < from ? p->have[i].from : from;
		to = p->have[i].to > to ? p->have[i].to : to;
	}
	p->n = k;
	if (k == HOLES)
		return 0;
	p->have[k].from = from;
	p->have[k].to = to;
	p->n = k + 1;
	return 1;
}

/* What came before the head says where the frames are. */
struct early {
	struct early *next;
	uint64_t offset;
	size_t len;
	uint8_t data[];
};

static void keep_early(struct imagedev *dev, uint64_t offset, const void *data,
		       size_t len)
{
	struct early *e;

	if (offset + len <= dev->bundle_head ||
	    dev->part_bytes + len > dev->cache_max / 4)
		return;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return;
	e->next = dev->early;
	e->offset = offset;
	e->len = len;
	memcpy(e->data, data, len);
	dev->early = e;
	dev->part_bytes += len;
}

static int is_wanted(const struct imagedev *dev, const struct unit *u)
{
	if (u->stored || (u->type == UNIT_HEAD && u->flags & UNIT_HAD))
		return 0;
	return u->waiters || u->type == UNIT_HEAD ||
	       dev->stats.cached_bytes + u->size <= dev->cache_max / 8 * 7;
}

static int finish(struct imagedev *dev, struct unit *u)
{
	uint8_t *buf = u->part->buf;

	u->part->buf = NULL;
	imagedev_part_free(dev, u);
	if (imagedev_unit_complete(dev, u, buf))
		return -EBADMSG;
	dev->stats.offered_bytes += u->size;
	return 0;
}

/* data: what lies at `offset` of the blob and overlaps the unit. */
static int put(struct imagedev *dev, struct unit *u, uint64_t offset,
	       const uint8_t *data, size_t len)
{
	uint64_t from = offset > u->offset ? offset : u->offset;
	uint64_t to = u->offset + u->size;
	struct part *p;

	if (to > offset + len)
		to = offset + len;
	if (from >= to || !is_wanted(dev, u))
		return 0;
	p = part_of(dev, u);
	if (!p)
		return 0;
	if (merge(p, (uint32_t)(from - u->offset), (uint32_t)(to - u->offset)))
		memcpy(p->buf + (from - u->offset), data + (from - offset),
		       to - from);
	if (p->n == 1 && !p->have[0].from && p->have[0].to == u->size)
		return finish(dev, u);
	return 0;
}

static int put_all(struct imagedev *dev, struct unit *list, uint32_t n,
		   uint32_t blob, uint64_t offset, const void *data, size_t len)
{
	uint32_t low = 0, high = n;
	int rc = 0;

	/* the first that ends behind offset */
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (list[mid].blob < blob ||
		    (list[mid].blob == blob &&
		     list[mid].offset + list[mid].size <= offset))
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n && list[low].blob == blob &&
	       list[low].offset < offset + len;
	     low++)
		rc |= put(dev, &list[low], offset, data, len);
	return rc ? -EBADMSG : 0;
}

void imagedev_early_use(struct imagedev *dev)
{
	struct early *e;

	while ((e = dev->early)) {
		dev->early = e->next;
		dev->part_bytes -= e->len;
		if (dev->bundle)
			put_all(dev, dev->frames, dev->n_frames, NONE,
				e->offset, e->data, e->len);
		free(e);
	}
}

static uint32_t pack_of(const struct imagedev *dev, const char *sha256)
{
	uint32_t n = imagerepo_index_n_packs(dev->index);
	uint8_t digest[HASH_LEN];
	struct index_pack p;

	if (parse_hex(sha256, digest, sizeof(digest)))
		return NONE;
	for (uint32_t i = 0; i < n; i++) {
		imagerepo_index_pack(dev->index, i, &p);
		if (!memcmp(p.sha256, digest, HASH_LEN))
			return i;
	}
	return NONE;
}

int imagedev_offer(struct imagedev *dev, const char *sha256, uint64_t offset,
		   const void *data, size_t len)
{
	uint32_t pack;
	int rc = 0;

	if (!len || offset > UINT64_MAX - len)
		return 0;
	if (!strcmp(sha256, dev->bundle_sha256)) {
		if (!dev->bundle)
			rc = put(dev, &dev->head, offset, data, len);
		if (!rc && !dev->bundle && dev->bundle_sha256[0])
			keep_early(dev, offset, data, len);
		if (!rc && dev->bundle)
			rc = put_all(dev, dev->frames, dev->n_frames, NONE,
				     offset, data, len);
		return rc;
	}
	pack = pack_of(dev, sha256);
	if (pack == NONE)
		return 0;
	return put_all(dev, dev->chunks, dev->n_chunks, pack, offset, data, len);
}

void imagedev_carousel(struct imagedev *dev, int on)
{
	int was = dev->on_air;

	dev->on_air = on;
	if (on && !was)
		imagedev_bundle_recall(dev);
	for (uint32_t i = 0; !on && i < dev->n_frames; i++) {
		struct unit *u = &dev->frames[i];

		if (u->flags & UNIT_AIR && !u->tries)
			u->due_ms = 0;
		u->flags &= (uint8_t)~UNIT_AIR;
	}
	if (dev->later)
		imagedev_schedule_soon(dev);
}

int imagedev_bundle_had(const struct imagedev *dev, uint64_t from,
			uint64_t *start, uint64_t *end)
{
	uint64_t at = dev->bundle_head;

	*start = *end = 0;
	if (!dev->bundle)
		return -ENOENT;
	if (from < at)
		*end = at;
	for (uint32_t i = 0; i < dev->n_frames; i++) {
		const struct unit *u = &dev->frames[i];
		int had = (u->flags & UNIT_HAD) && u->offset >= from;

		if (had && !*end)
			*start = *end = u->offset;
		if (had && u->offset == *end)
			*end += u->size;
		else if (*end)
			break;
	}
	return *end ? 0 : -ENOENT;
}
