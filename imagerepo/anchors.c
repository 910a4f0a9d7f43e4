/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions picked by content. The hash is a "gear": one shift and one addition
 * a byte, so that bit 63 depends on the last 64 bytes, bit 0 on the last one.
 */
#include <stdlib.h>

#include "anchors.h"
#include "index.h"

#define EVERY_BITS 9 /* log2(ANCHOR_EVERY) */
#define MOST       (1u << 22)

struct entry {
	uint32_t key, block; /* block + 1; 0: free */
};

struct imagerepo_anchors {
	struct entry *entry;
	uint32_t n, room; /* room: power of two */
	int skip;
};

static uint64_t gear[256];

/* splitmix64: any table of odd-looking numbers does. */
__attribute__((constructor)) static void make_gear(void)
{
	uint64_t x = 0;

	for (int i = 0; i < 256; i++) {
		uint64_t z = (x += 0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		gear[i] = z ^ z >> 31;
	}
}

size_t imagerepo_anchors_scan(const uint8_t *p, size_t len, int skip,
			      struct imagerepo_anchor *out, size_t max)
{
	const uint64_t mask = ~UINT64_C(0) << (64 - EVERY_BITS - skip);
	uint64_t h = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		h = (h << 1) + gear[p[i]];
		if (h & mask || i < 64 || n == max)
			continue;
		out[n].key = (uint32_t)(h >> 12);
		out[n++].offset = (uint32_t)i;
	}
	return n;
}

struct imagerepo_anchors *imagerepo_anchors_new(uint64_t disk_size)
{
	struct imagerepo_anchors *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	while (disk_size >> (EVERY_BITS + a->skip) > MOST)
		a->skip++;
	a->room = MOST * 2;
	while (a->room > 4096 && a->room / 4 > disk_size >> (EVERY_BITS + a->skip))
		a->room /= 2;
	a->entry = calloc(a->room, sizeof(*a->entry));
	if (!a->entry) {
		free(a);
		return NULL;
	}
	return a;
}

void imagerepo_anchors_free(struct imagerepo_anchors *a)
{
	if (!a)
		return;
	free(a->entry);
	free(a);
}

int imagerepo_anchors_skip(const struct imagerepo_anchors *a)
{
	return a->skip;
}

static struct entry *find(const struct imagerepo_anchors *a, uint32_t key)
{
	for (uint32_t i = key * 2654435761u;; i++) {
		struct entry *e = &a->entry[i & (a->room - 1)];

		if (!e->block || e->key == key)
			return e;
	}
}

void imagerepo_anchors_add(struct imagerepo_anchors *a, uint32_t key,
			   uint32_t block)
{
	struct entry *e = find(a, key);

	/* Never full, so that a search ends. */
	if (e->block || a->n >= a->room / 4 * 3)
		return;
	e->key = key;
	e->block = block + 1;
	a->n++;
}

uint32_t imagerepo_anchors_find(const struct imagerepo_anchors *a, uint32_t key)
{
	const struct entry *e = find(a, key);

	return e->block ? e->block - 1 : UINT32_MAX;
}
