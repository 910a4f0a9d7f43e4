/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at all of the old disk: first at its chunks, then at the gzip files
 * whose heads were seen there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "deflate.h"
#include "delta-expand.h"
#include "delta-match.h"

#define CHUNK_ANCHORS 2048u /* of INDEX_CHUNK_MAX bytes: four times the mean */
#define CHUNK_BLOCKS  (INDEX_CHUNK_MAX / INDEX_BLOCK)
#define TEXT_STEP     (64u * 1024) /* read of a gzip file at first */
#define TEXT_ANCHORS  (DELTA_PLAIN_MAX / ANCHOR_EVERY * 2)

struct scanning {
	struct imagerepo_repo *r;
	const struct image_blob *blob;
	const struct index *ix;
	struct delta_old *old;
	imagerepo_repo_progress_fn progress;
	void *arg;
};

/* ---- chunks ------------------------------------------------------------------- */

struct found {
	size_t n, n_heads;
	struct imagerepo_anchor anchor[CHUNK_ANCHORS];
	uint32_t head[CHUNK_BLOCKS]; /* blocks of the chunk */
};

static int run_chunk(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		     struct errinfo *err)
{
	const struct scanning *s = arg;
	uint8_t *raw = imagerepo_tools_buffer(t, 0, INDEX_CHUNK_MAX);
	struct found *f = slot;
	struct index_chunk c;
	int rc;

	f->n = f->n_heads = 0;
	imagerepo_index_chunk(s->ix, (uint32_t)i, &c);
	if (c.kind == INDEX_HOLE)
		return 0;
	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_chunk_load(s->r, s->ix, &c, t, raw, err);
	if (rc)
		return rc;
	f->n = imagerepo_anchors_scan(raw, c.size,
				      imagerepo_anchors_skip(s->old->anchors),
				      f->anchor, CHUNK_ANCHORS);
	for (uint32_t k = 0; k < c.size / INDEX_BLOCK; k++)
		if (imagerepo_gzip_head(raw + (size_t)k * INDEX_BLOCK,
					INDEX_BLOCK))
			f->head[f->n_heads++] = k;
	return 0;
}

static int add_text(struct delta_old *o, uint32_t block)
{
	struct delta_text *more;

	if (o->n_texts == o->room) {
		o->room = o->room * 2 + 1024;
		more = reallocarray(o->text, o->room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		o->text = more;
	}
	o->text[o->n_texts++] = (struct delta_text){ .block = block };
	return 0;
}

static int done_chunk(void *arg, size_t i, void *slot, struct errinfo *err)
{
	const struct scanning *s = arg;
	const struct found *f = slot;
	struct index_chunk c;

	imagerepo_index_chunk(s->ix, (uint32_t)i, &c);
	for (size_t k = 0; k < f->n; k++)
		imagerepo_anchors_add(s->old->anchors, f->anchor[k].key,
				      (uint32_t)((c.offset + f->anchor[k].offset) /
						 INDEX_BLOCK));
	for (size_t k = 0; k < f->n_heads; k++)
		if (add_text(s->old,
			     (uint32_t)(c.offset / INDEX_BLOCK) + f->head[k]))
			return errinfo_set(err, -ENOMEM, "out of memory");
	if (s->progress && i % 256 == 0)
		s->progress(IMAGEREPO_STEP_DELTA, c.offset / 4,
			    imagerepo_index_disk_size(s->ix), s->arg);
	return 0;
}

/* ---- texts -------------------------------------------------------------------- */

struct anchored {
	struct imagerepo_anchor *anchor;
	size_t n;
};

static void close_disk(void *disk)
{
	imagerepo_disk_close(disk);
}

/* Reads more and more until the stream ends. */
static int read_text(struct imagerepo_disk *disk, struct delta_text *t,
		     uint8_t *raw, uint8_t *text, size_t *len,
		     struct errinfo *err)
{
	uint64_t at = (uint64_t)t->block * INDEX_BLOCK;
	uint64_t left = imagerepo_disk_size(disk) - at;
	int rc = -EPIPE;

	for (size_t n = TEXT_STEP; rc == -EPIPE && n <= DELTA_UNIT_MAX; n *= 2) {
		size_t now = n < left ? n : (size_t)left, used;

		rc = imagerepo_disk_read(disk, at, raw, now, err);
		if (rc)
			return rc;
		rc = imagerepo_delta_text(raw, now, text, DELTA_PLAIN_MAX, len,
					  &used);
		t->blocks = (uint32_t)((used + INDEX_BLOCK - 1) / INDEX_BLOCK);
		t->text = rc ? 0 : (uint32_t)*len;
	}
	return rc == -ENOMEM ? errinfo_set(err, rc, "out of memory") : 0;
}

static int run_text(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		    struct errinfo *err)
{
	const struct scanning *s = arg;
	uint8_t *raw = imagerepo_tools_buffer(t, 0, DELTA_UNIT_MAX);
	uint8_t *text = imagerepo_tools_buffer(t, 1, DELTA_PLAIN_MAX);
	void **disk = imagerepo_tools_own(t, close_disk);
	struct anchored *a = slot;
	size_t len = 0;
	int rc = raw && text ? 0 : errinfo_set(err, -ENOMEM, "out of memory");

	a->n = 0;
	if (!rc && !*disk)
		rc = imagerepo_disk_open(s->r, s->blob,
					 (struct imagerepo_disk **)disk, err);
	if (!rc)
		rc = read_text(*disk, &s->old->text[i], raw, text, &len, err);
	if (rc || !s->old->text[i].text)
		return rc;
	if (!a->anchor)
		a->anchor = calloc(TEXT_ANCHORS, sizeof(*a->anchor));
	if (!a->anchor)
		return errinfo_set(err, -ENOMEM, "out of memory");
	a->n = imagerepo_anchors_scan(text, len,
				      imagerepo_anchors_skip(s->old->anchors),
				      a->anchor, TEXT_ANCHORS);
	return 0;
}

static int done_text(void *arg, size_t i, void *slot, struct errinfo *err)
{
	const struct scanning *s = arg;
	const struct anchored *a = slot;

	(void)err;
	for (size_t k = 0; k < a->n; k++)
		imagerepo_anchors_add(s->old->anchors, a->anchor[k].key,
				      s->old->text[i].block | DELTA_TEXT);
	return 0;
}

static void dispose_text(void *slot)
{
	struct anchored *a = slot;

	free(a->anchor);
}

/* ---- both --------------------------------------------------------------------- */

void imagerepo_delta_old_dispose(struct delta_old *o)
{
	imagerepo_anchors_free(o->anchors);
	free(o->text);
	memset(o, 0, sizeof(*o));
}

int imagerepo_delta_scan(struct imagerepo_repo *r, const struct image_blob *old,
			 const struct index *ix, int threads,
			 imagerepo_repo_progress_fn progress, void *arg,
			 struct delta_old *out, struct errinfo *err)
{
	struct scanning s = { r, old, ix, out, progress, arg };
	struct imagerepo_parallel chunks = { .n = imagerepo_index_n_chunks(ix),
					     .threads = threads,
					     .slot_size = sizeof(struct found),
					     .run = run_chunk,
					     .done = done_chunk,
					     .arg = &s };
	struct imagerepo_parallel texts = { .threads = threads,
					    .slot_size = sizeof(struct anchored),
					    .run = run_text,
					    .done = done_text,
					    .dispose = dispose_text,
					    .arg = &s };
	int rc;

	memset(out, 0, sizeof(*out));
	out->disk_blocks =
		(uint32_t)(imagerepo_index_disk_size(ix) / INDEX_BLOCK);
	out->anchors = imagerepo_anchors_new(imagerepo_index_disk_size(ix));
	if (!out->anchors)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_parallel(&chunks, err);
	texts.n = out->n_texts;
	if (!rc && texts.n)
		rc = imagerepo_parallel(&texts, err);
	return rc;
}
