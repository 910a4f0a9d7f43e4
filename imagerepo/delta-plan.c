/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans a delta. A pack of which the new image uses less than half would cost
 * more than it is worth: it is left to be fetched as it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compress.h"
#include "delta-expand.h"
#include "delta-plan.h"
#include "index-private.h"
#include "known.h"
#include "parallel.h"

#define UNIT_RAW (512u * 1024) /* better alone than after a wrong prefix */

struct plan_old {
	const uint8_t *sha256;
	uint32_t end; /* block behind it */
};

/* A stored chunk by its place in the packs. */
struct spot {
	uint32_t pack, offset, length, row;
};

void imagerepo_delta_plan_dispose(struct delta_plan *p)
{
	free(p->row);
	free(p->unit);
	free(p->gap);
	free(p->old);
	memset(p, 0, sizeof(*p));
}

static int by_spot(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->pack != y->pack)
		return x->pack < y->pack ? -1 : 1;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static int by_sha256(const void *a, const void *b)
{
	const struct plan_old *x = a, *y = b;

	return memcmp(x->sha256, y->sha256, HASH_LEN);
}

/* ---- successors --------------------------------------------------------------- */

static int list_old(struct delta_plan *p, const struct index *old)
{
	struct index_chunk c;

	p->old = calloc(imagerepo_index_n_data(old) + 1UL, sizeof(*p->old));
	if (!p->old)
		return -ENOMEM;
	for (uint32_t i = 0; i < imagerepo_index_n_chunks(old); i++) {
		imagerepo_index_chunk(old, i, &c);
		if (c.kind != INDEX_HOLE)
			p->old[p->n_old++] = (struct plan_old){
				c.sha256,
				(uint32_t)((c.offset + c.size) / INDEX_BLOCK)
			};
	}
	qsort(p->old, p->n_old, sizeof(*p->old), by_sha256);
	return 0;
}

uint32_t imagerepo_delta_successor(const struct delta_plan *p,
				   const struct index *new,
				   const struct index *old, uint32_t row,
				   uint32_t same)
{
	struct plan_old key, *found;
	struct index_chunk c;

	(void)old;
	if (!row)
		return same;
	imagerepo_index_chunk(new, p->row[row - 1], &c);
	key.sha256 = c.sha256;
	found = bsearch(&key, p->old, p->n_old, sizeof(key), by_sha256);
	return found ? found->end : same;
}

/* ---- levels --------------------------------------------------------------------- */

struct levels {
	struct imagerepo_repo *r;
	const struct index *ix;
	const uint32_t *row;
	uint8_t *known; /* KNOWN_ROW bytes each, level first */
	const uint8_t *wanted;
	int hint;
};

static int try_level(const struct index_chunk *c, struct imagerepo_tools *t,
		     int level, const void *raw, void *out)
{
	uint8_t is[HASH_LEN];
	int64_t n = imagerepo_compress(imagerepo_tools_cctx(t), level, raw,
				       c->size, out);

	if (n != c->stored)
		return 0;
	hash_bytes(out, (size_t)n, is);
	return !memcmp(is, c->sha256, HASH_LEN);
}

/* The level that gives the chunk as it is stored; 0: none does. */
static int find_level(void *arg, struct imagerepo_tools *t, size_t i,
		      void *slot, struct errinfo *err)
{
	struct levels *l = arg;
	uint8_t *raw = imagerepo_tools_buffer(t, 0, INDEX_CHUNK_MAX);
	void *out = imagerepo_tools_buffer(t, 1, COMPRESS_ROOM(INDEX_CHUNK_MAX));
	uint8_t *level = l->known + i * KNOWN_ROW;
	struct index_chunk c;
	int rc;

	(void)slot;
	imagerepo_index_chunk(l->ix, l->row[i], &c);
	if (*level || !l->wanted[c.pack])
		return 0;
	if (c.kind == INDEX_RAW) {
		*level = (uint8_t)(l->hint ? l->hint : 1);
		return 0;
	}
	if (!raw || !out || !imagerepo_tools_cctx(t))
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_chunk_load(l->r, l->ix, &c, t, raw, err);
	if (rc)
		return rc;
	if (l->hint && try_level(&c, t, l->hint, raw, out))
		*level = (uint8_t)l->hint;
	for (int try = 19; !*level && try > 0; try--)
		if (try_level(&c, t, try, raw, out))
			*level = (uint8_t)try;
	return 0;
}

static int find_levels(struct levels *l, int threads, struct errinfo *err)
{
	struct imagerepo_parallel how = { .n = imagerepo_index_n_data(l->ix),
					  .threads = threads,
					  .run = find_level,
					  .arg = l };

	return how.n ? imagerepo_parallel(&how, err) : 0;
}

/* ---- units and gaps ------------------------------------------------------------- */

static int add_gap(struct delta_plan *p, uint32_t pack, uint32_t offset,
		   uint32_t end)
{
	struct delta_gap *more;

	if (offset >= end)
		return 0;
	if (p->n_gaps % 1024 == 0) {
		more = reallocarray(p->gap, p->n_gaps + 1024UL, sizeof(*more));
		if (!more)
			return -ENOMEM;
		p->gap = more;
	}
	p->gap[p->n_gaps++] = (struct delta_gap){ pack, offset, end - offset, 0 };
	return 0;
}

/* The spots of one pack: which rows go into units, and what lies between. */
static int plan_pack(struct delta_plan *p, const struct index *new,
		     const struct spot *s, uint32_t n, uint8_t *take)
{
	uint32_t pack = s->pack, at = 0;
	struct index_pack info;
	uint64_t used = 0;
	int rc = 0;

	imagerepo_index_pack(new, pack, &info);
	for (uint32_t i = 0; i < n; i++)
		if (!i || s[i].offset != s[i - 1].offset)
			used += s[i].length;
	if (used < info.size / 2)
		return 0;
	for (uint32_t i = 0; !rc && i < n; i++) {
		if (s[i].offset < at) /* the same chunk again */
			continue;
		rc = add_gap(p, pack, at, s[i].offset);
		take[s[i].row] = 1;
		at = s[i].offset + s[i].length;
	}
	return rc ? rc : add_gap(p, pack, at, info.size);
}

static int plan_packs(struct delta_plan *p, const struct index *new,
		      const struct levels *l, uint8_t *take)
{
	uint32_t n = 0, n_rows = imagerepo_index_n_data(new);
	auto_free struct spot *spot = calloc(n_rows + 1UL, sizeof(*spot));
	int rc = 0;

	if (!spot)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_rows; i++) {
		struct index_chunk c;

		imagerepo_index_chunk(new, p->row[i], &c);
		/* what cannot be made again is a gap */
		if (l->wanted[c.pack] && l->known[(size_t)i * KNOWN_ROW])
			spot[n++] = (struct spot){ c.pack, c.pack_offset,
						   c.stored, i };
	}
	qsort(spot, n, sizeof(*spot), by_spot);
	for (uint32_t i = 0, end; !rc && i < n; i = end) {
		for (end = i; end < n && spot[end].pack == spot[i].pack; end++)
			;
		rc = plan_pack(p, new, spot + i, end - i, take);
	}
	return rc;
}

/* Runs of rows that were taken, of one level; a gzip file stays in one. */
static int plan_units(struct delta_plan *p, const struct index *new,
		      const uint8_t *known, const uint8_t *take,
		      const uint8_t *joined)
{
	uint32_t n_rows = imagerepo_index_n_data(new);
	struct delta_unit *u = NULL;
	size_t len = 0;

	p->unit = calloc(n_rows + 1UL, sizeof(*p->unit));
	if (!p->unit)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_rows; i++) {
		uint8_t level = known[(size_t)i * KNOWN_ROW];
		struct index_chunk c;

		if (!take[i]) {
			u = NULL;
			continue;
		}
		imagerepo_index_chunk(new, p->row[i], &c);
		if (!u || u->level != level ||
		    len + c.size > (joined[i] ? DELTA_UNIT_MAX : UNIT_RAW)) {
			u = &p->unit[p->n_units++];
			u->first = i;
			u->level = level;
			len = 0;
		}
		u->chunks++;
		len += c.size;
	}
	return 0;
}

int imagerepo_delta_plan(struct imagerepo_repo *r, const struct index *old,
			 const struct image_blob *new_blob,
			 const struct index *new, int level, int threads,
			 struct delta_plan *p, struct errinfo *err)
{
	auto_free uint8_t *known = NULL, *wanted = NULL, *take = NULL;
	auto_free uint8_t *joined = NULL;
	struct levels l = { .r = r, .ix = new, .hint = level };
	int rc;

	memset(p, 0, sizeof(*p));
	wanted = imagerepo_index_new_packs(new, old);
	take = calloc(1, imagerepo_index_n_data(new) + 1UL);
	joined = calloc(1, imagerepo_index_n_data(new) + 1UL);
	p->row = imagerepo_index_rows(new);
	if (!wanted || !take || !joined || !p->row || list_old(p, old))
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_known_rows(r, new_blob, new, threads, &known, err);
	if (rc)
		return rc;
	l.row = p->row;
	l.known = known;
	l.wanted = wanted;
	rc = find_levels(&l, threads, err);
	if (rc)
		return rc;
	if (plan_packs(p, new, &l, take))
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_delta_join(r, new_blob, new, p->row, take, joined, err);
	if (!rc && plan_units(p, new, known, take, joined))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	return rc;
}
