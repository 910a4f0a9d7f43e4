/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what is alike by anchors: each one of the new bytes that is on the old
 * disk is a vote for its neighbourhood there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "delta-match.h"

#define CHUNK_ANCHORS 2048u /* of INDEX_CHUNK_MAX bytes: four times the mean */
#define UNIT_ANCHORS  8192u
#define AROUND        8u  /* blocks before and behind a vote */
#define APART         24u /* blocks between two neighbourhoods */

/* ---- the old disk ------------------------------------------------------------ */

struct scanning {
	struct imagerepo_repo *r;
	const struct index *ix;
	struct imagerepo_anchors *a;
	imagerepo_repo_progress_fn progress;
	void *arg;
};

struct found {
	size_t n;
	struct imagerepo_anchor anchor[CHUNK_ANCHORS];
};

static int run_chunk(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		     struct errinfo *err)
{
	const struct scanning *s = arg;
	uint8_t *raw = imagerepo_tools_buffer(t, 0, INDEX_CHUNK_MAX);
	struct found *f = slot;
	struct index_chunk c;
	int rc;

	f->n = 0;
	imagerepo_index_chunk(s->ix, (uint32_t)i, &c);
	if (c.kind == INDEX_HOLE)
		return 0;
	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_chunk_load(s->r, s->ix, &c, t, raw, err);
	if (!rc)
		f->n = imagerepo_anchors_scan(raw, c.size,
					      imagerepo_anchors_skip(s->a),
					      f->anchor, CHUNK_ANCHORS);
	return rc;
}

static int done_chunk(void *arg, size_t i, void *slot, struct errinfo *err)
{
	const struct scanning *s = arg;
	const struct found *f = slot;
	struct index_chunk c;

	(void)err;
	imagerepo_index_chunk(s->ix, (uint32_t)i, &c);
	for (size_t k = 0; k < f->n; k++)
		imagerepo_anchors_add(s->a, f->anchor[k].key,
				      (uint32_t)((c.offset + f->anchor[k].offset) /
						 INDEX_BLOCK));
	if (s->progress && i % 256 == 0)
		s->progress(IMAGEREPO_STEP_DELTA, c.offset / 4,
			    imagerepo_index_disk_size(s->ix), s->arg);
	return 0;
}

int imagerepo_delta_scan(struct imagerepo_repo *r, const struct index *old,
			 int threads, imagerepo_repo_progress_fn progress,
			 void *arg, struct imagerepo_anchors **out,
			 struct errinfo *err)
{
	struct scanning s = { r, old, NULL, progress, arg };
	struct imagerepo_parallel how = { .n = imagerepo_index_n_chunks(old),
					  .threads = threads,
					  .slot_size = sizeof(struct found),
					  .run = run_chunk,
					  .done = done_chunk,
					  .arg = &s };
	int rc;

	s.a = imagerepo_anchors_new(imagerepo_index_disk_size(old));
	if (!s.a)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_parallel(&how, err);
	if (rc) {
		imagerepo_anchors_free(s.a);
		return rc;
	}
	*out = s.a;
	return 0;
}

/* ---- a run of new chunks ------------------------------------------------------ */

struct place {
	uint32_t first, end, votes;
};

static int by_block(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int by_votes(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->votes != y->votes)
		return x->votes > y->votes ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static int by_place(const void *a, const void *b)
{
	const struct delta_extent *x = a, *y = b;

	return (x->block > y->block) - (x->block < y->block);
}

/* Sorted votes to neighbourhoods; returns how many. */
static uint32_t group(const uint32_t *vote, size_t n, uint32_t disk_blocks,
		      struct place *out)
{
	uint32_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t first = vote[i] > AROUND ? vote[i] - AROUND : 0;
		uint32_t end = vote[i] + AROUND + 1;

		if (end > disk_blocks)
			end = disk_blocks;
		if (n_out && first <= out[n_out - 1].end + APART) {
			out[n_out - 1].end = end;
			out[n_out - 1].votes++;
		} else {
			out[n_out++] = (struct place){ first, end, 1 };
		}
	}
	return n_out;
}

static uint32_t pick(struct place *place, uint32_t n, size_t budget,
		     struct delta_extent *out)
{
	uint32_t left = (uint32_t)(budget / INDEX_BLOCK), n_out = 0;

	qsort(place, n, sizeof(*place), by_votes);
	for (uint32_t i = 0; i < n && n_out < DELTA_EXTENTS_MAX && left; i++) {
		uint32_t blocks = place[i].end - place[i].first;

		if (blocks > left)
			blocks = left;
		out[n_out++] = (struct delta_extent){ place[i].first, blocks };
		left -= blocks;
	}
	qsort(out, n_out, sizeof(*out), by_place);
	return n_out;
}

uint32_t imagerepo_delta_match(const struct imagerepo_anchors *a,
			       uint32_t disk_blocks, const uint8_t *raw,
			       size_t len, uint32_t near, size_t budget,
			       struct delta_extent *out)
{
	struct imagerepo_anchor found[UNIT_ANCHORS];
	uint32_t vote[UNIT_ANCHORS + 2];
	struct place place[UNIT_ANCHORS + 2];
	size_t n = imagerepo_anchors_scan(raw, len, imagerepo_anchors_skip(a),
					  found, UNIT_ANCHORS);
	size_t votes = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t block = imagerepo_anchors_find(a, found[i].key);

		if (block < disk_blocks)
			vote[votes++] = block;
	}
	if (near < disk_blocks) {
		uint64_t end = near + len / INDEX_BLOCK;

		vote[votes++] = near;
		vote[votes++] =
			end < disk_blocks ? (uint32_t)end : disk_blocks - 1;
	}
	qsort(vote, votes, sizeof(*vote), by_block);
	return pick(place, group(vote, votes, disk_blocks, place), budget, out);
}
