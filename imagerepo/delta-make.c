/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a delta: picks the chunks that the old image has not, finds what they
 * are like on its disk, and compresses them after that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "bytes.h"
#include "cleanup.h"
#include "compress.h"
#include "delta-match.h"
#include "delta-plan.h"
#include "index-private.h"

#define LEVEL       12
#define UNIT_PREFIX (1u << 20)

struct making {
	struct imagerepo_repo *r;
	const struct image_blob *old_blob;
	struct index *old, *new;
	struct imagerepo_anchors *anchors;
	struct delta_plan plan;
	int payload; /* units and gaps */
	uint64_t payload_len;
	struct delta_extent *extent;
	uint32_t n_extents, room;
	imagerepo_repo_progress_fn progress;
	void *arg;
};

struct slot {
	uint32_t stored, extents;
	struct delta_extent extent[DELTA_EXTENTS_MAX];
	uint8_t data[COMPRESS_ROOM(DELTA_UNIT_MAX)];
};

static void close_disk(void *disk)
{
	imagerepo_disk_close(disk);
}

static int thread_disk(const struct making *mk, struct imagerepo_tools *t,
		       struct imagerepo_disk **out, struct errinfo *err)
{
	void **own = imagerepo_tools_own(t, close_disk);
	int rc = 0;

	if (!*own)
		rc = imagerepo_disk_open(mk->r, mk->old_blob,
					 (struct imagerepo_disk **)own, err);
	*out = *own;
	return rc;
}

static int load_unit(const struct making *mk, const struct delta_unit *u,
		     struct imagerepo_tools *t, uint8_t *raw, size_t *len,
		     struct errinfo *err)
{
	*len = 0;
	for (uint32_t k = 0; k < u->chunks; k++) {
		struct index_chunk c;
		int rc;

		imagerepo_index_chunk(mk->new, mk->plan.row[u->first + k], &c);
		rc = imagerepo_chunk_load(mk->r, mk->new, &c, t, raw + *len, err);
		if (rc)
			return rc;
		*len += c.size;
	}
	return 0;
}

/* Where the chunk before the unit ended on the old disk, if it was there. */
static uint32_t guess(const struct making *mk, const struct delta_unit *u)
{
	struct index_chunk c;

	imagerepo_index_chunk(mk->new, mk->plan.row[u->first], &c);
	return imagerepo_delta_successor(&mk->plan, mk->new, mk->old, u->first,
					 (uint32_t)(c.offset / INDEX_BLOCK));
}

static int run_unit(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		    struct errinfo *err)
{
	const struct making *mk = arg;
	const struct delta_unit *u = &mk->plan.unit[i];
	uint8_t *raw = imagerepo_tools_buffer(t, 0, DELTA_UNIT_MAX);
	uint8_t *prefix = imagerepo_tools_buffer(t, 1, DELTA_PREFIX_MAX);
	struct imagerepo_disk *disk;
	size_t len, prefix_len;
	struct slot *s = slot;
	int64_t n;
	int rc;

	if (!raw || !prefix || !imagerepo_tools_cctx(t))
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = thread_disk(mk, t, &disk, err);
	if (!rc)
		rc = load_unit(mk, u, t, raw, &len, err);
	if (rc)
		return rc;
	s->extents = imagerepo_delta_match(
		mk->anchors, (uint32_t)(imagerepo_disk_size(disk) / INDEX_BLOCK),
		raw, len, guess(mk, u), UNIT_PREFIX, s->extent);
	rc = imagerepo_delta_prefix(disk, s->extent, s->extents, prefix,
				    &prefix_len, err);
	if (rc)
		return rc;
	n = imagerepo_compress_after(imagerepo_tools_cctx(t), LEVEL, prefix,
				     prefix_len, raw, len, s->data);
	if (n < 0)
		return errinfo_set(err, -ENOMEM, "out of memory");
	s->stored = (uint32_t)n;
	return 0;
}

static int done_unit(void *arg, size_t i, void *slot, struct errinfo *err)
{
	struct making *mk = arg;
	struct delta_unit *u = &mk->plan.unit[i];
	struct slot *s = slot;
	struct delta_extent *more;
	int rc;

	if (mk->n_extents + s->extents > mk->room) {
		mk->room = mk->room * 2 + 1024;
		more = reallocarray(mk->extent, mk->room, sizeof(*more));
		if (!more)
			return errinfo_set(err, -ENOMEM, "out of memory");
		mk->extent = more;
	}
	memcpy(mk->extent + mk->n_extents, s->extent,
	       s->extents * sizeof(*s->extent));
	mk->n_extents += s->extents;
	u->extents = (uint8_t)s->extents;
	u->stored = s->stored;
	rc = imagerepo_pwrite_all(mk->payload, s->data, s->stored,
				  mk->payload_len);
	mk->payload_len += s->stored;
	if (mk->progress)
		mk->progress(IMAGEREPO_STEP_DELTA, mk->plan.n_units / 3 + i + 1,
			     mk->plan.n_units / 3 + mk->plan.n_units, mk->arg);
	return rc ? errinfo_set_errno(err, rc, "cannot write the delta") : 0;
}

static int make_units(struct making *mk, int threads, struct errinfo *err)
{
	struct imagerepo_parallel how = { .n = mk->plan.n_units,
					  .threads = threads,
					  .slots = 16,
					  .slot_size = sizeof(struct slot),
					  .run = run_unit,
					  .done = done_unit,
					  .arg = mk };
	int rc;

	if (!mk->plan.n_units)
		return 0;
	rc = imagerepo_delta_scan(mk->r, mk->old, threads, mk->progress,
				  mk->arg, &mk->anchors, err);
	return rc ? rc : imagerepo_parallel(&how, err);
}

static int copy_gaps(struct making *mk, struct errinfo *err)
{
	auto_free uint8_t *buf = malloc(INDEX_PACK_MAX);
	int rc = buf ? 0 : -ENOMEM;

	for (uint32_t i = 0; !rc && i < mk->plan.n_gaps; i++) {
		const struct delta_gap *g = &mk->plan.gap[i];
		auto_close int fd = -1;
		struct index_pack p;
		struct image_blob b;

		imagerepo_index_pack(mk->new, g->pack, &p);
		format_hex(p.sha256, HASH_LEN, b.sha256);
		b.size = p.size;
		fd = imagerepo_repo_open_blob(mk->r, &b, err);
		rc = fd < 0 ? fd
			    : imagerepo_pread_all(fd, buf, g->length, g->offset);
		if (!rc)
			rc = imagerepo_pwrite_all(mk->payload, buf, g->length,
						  mk->payload_len);
		mk->payload_len += g->length;
	}
	return rc ? errinfo_set_errno(err, rc, "cannot write the delta") : 0;
}

/* ---- writing ------------------------------------------------------------------ */

struct frame {
	uint8_t *data;
	uint32_t raw, stored;
};

static int make_frame(struct frame *f, const void *prefix, size_t prefix_len,
		      const void *raw, size_t len)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	int64_t n = -ENOMEM;

	f->data = malloc(COMPRESS_ROOM(len));
	if (c && f->data)
		n = imagerepo_compress_after(c, 19, prefix, prefix_len, raw,
					     len, f->data);
	ZSTD_freeCCtx(c);
	f->raw = (uint32_t)len;
	f->stored = (uint32_t)n;
	return n < 0 ? (int)n : 0;
}

static int make_table(const struct making *mk, struct frame *f)
{
	const struct delta_plan *plan = &mk->plan;
	size_t len = DELTA_TABLE_HEAD + (size_t)plan->n_units * DELTA_UNIT_ROW +
		     (size_t)mk->n_extents * DELTA_EXTENT_ROW +
		     (size_t)plan->n_gaps * DELTA_GAP_ROW;
	auto_free uint8_t *raw = calloc(1, len);
	uint8_t *p = raw;

	if (!raw || len > DELTA_TABLE_MAX)
		return -ENOMEM;
	put32(p, plan->n_units);
	put32(p + 4, mk->n_extents);
	put32(p + 8, plan->n_gaps);
	p += DELTA_TABLE_HEAD;
	for (uint32_t i = 0; i < plan->n_units; i++, p += DELTA_UNIT_ROW) {
		put32(p, plan->unit[i].first);
		put16(p + 4, plan->unit[i].chunks);
		p[6] = plan->unit[i].level;
		p[7] = plan->unit[i].extents;
		put32(p + 8, plan->unit[i].stored);
	}
	for (uint32_t i = 0; i < mk->n_extents; i++, p += DELTA_EXTENT_ROW) {
		put32(p, mk->extent[i].block);
		put32(p + 4, mk->extent[i].blocks);
	}
	for (uint32_t i = 0; i < plan->n_gaps; i++, p += DELTA_GAP_ROW) {
		put32(p, plan->gap[i].pack);
		put32(p + 4, plan->gap[i].offset);
		put32(p + 8, plan->gap[i].length);
	}
	return make_frame(f, NULL, 0, raw, len);
}

/* The new index's head and columns, after the old one's columns. */
static int make_index(struct making *mk, const struct image_blob *new_blob,
		      struct frame *f, struct errinfo *err)
{
	auto_free char *old_doc = NULL, *new_doc = NULL;
	auto_free uint8_t *old = NULL, *new = NULL, *raw = NULL;
	struct index_head oh, nh;
	size_t len;
	int rc = imagerepo_repo_get(mk->r, mk->old_blob, &old_doc, err);

	if (!rc)
		rc = imagerepo_repo_get(mk->r, new_blob, &new_doc, err);
	if (!rc)
		rc = imagerepo_index_body(old_doc, mk->old_blob->size, &oh,
					  &old, err);
	if (!rc)
		rc = imagerepo_index_body(new_doc, new_blob->size, &nh, &new,
					  err);
	if (rc)
		return rc;
	len = INDEX_HEAD + imagerepo_index_body_len(&nh);
	raw = malloc(len);
	if (raw) {
		memcpy(raw, new_doc, INDEX_HEAD);
		memcpy(raw + INDEX_HEAD, new, len - INDEX_HEAD);
	}
	rc = raw ? make_frame(f, old, imagerepo_index_body_len(&oh), raw, len)
		 : -ENOMEM;
	return rc ? errinfo_set(err, rc, "out of memory") : 0;
}

static int copy_payload(const struct making *mk, int out, uint64_t at)
{
	auto_free uint8_t *buf = malloc(1u << 20);
	int rc = buf ? 0 : -ENOMEM;

	for (uint64_t done = 0; !rc && done < mk->payload_len;) {
		uint64_t left = mk->payload_len - done;
		size_t n = left < 1u << 20 ? left : 1u << 20;

		rc = imagerepo_pread_all(mk->payload, buf, n, done);
		if (!rc)
			rc = imagerepo_pwrite_all(out, buf, n, at + done);
		done += n;
	}
	return rc;
}

static int write_file(const struct making *mk, const struct image_blob *new_blob,
		      const struct frame *index, const struct frame *table,
		      int out)
{
	uint8_t head[DELTA_HEAD] = { 0 };
	uint64_t at = DELTA_HEAD;
	int rc;

	memcpy(head, DELTA_MAGIC, 8);
	put32(head + 12, ZSTD_versionNumber());
	parse_hex(mk->old_blob->sha256, head + 16, HASH_LEN);
	parse_hex(new_blob->sha256, head + 48, HASH_LEN);
	put32(head + 80, index->raw);
	put32(head + 84, index->stored);
	put32(head + 88, table->raw);
	put32(head + 92, table->stored);
	rc = imagerepo_pwrite_all(out, head, DELTA_HEAD, 0);
	if (!rc)
		rc = imagerepo_pwrite_all(out, index->data, index->stored, at);
	at += index->stored;
	if (!rc)
		rc = imagerepo_pwrite_all(out, table->data, table->stored, at);
	return rc ? rc : copy_payload(mk, out, at + table->stored);
}

static int store(struct making *mk, const struct image_blob *new_blob,
		 struct image_blob *out, struct errinfo *err)
{
	struct frame index = { 0 }, table = { 0 };
	char tmp[IMAGE_PATH];
	auto_close int fd = -1;
	int rc = make_index(mk, new_blob, &index, err);

	if (!rc && make_table(mk, &table))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (!rc) {
		fd = imagerepo_repo_tmp(mk->r, tmp);
		rc = fd < 0 ? fd : write_file(mk, new_blob, &index, &table, fd);
		if (rc)
			errinfo_set_errno(err, rc, "cannot write the delta");
		if (rc && fd >= 0)
			unlinkat(mk->r->dir, tmp, 0);
	}
	free(index.data);
	free(table.data);
	return rc ? rc : imagerepo_repo_settle(mk->r, fd, tmp, out, err);
}

int imagerepo_delta_make(struct imagerepo_repo *r,
			 const struct image_blob *old_index,
			 const struct image_blob *new_index, int level,
			 int threads, imagerepo_repo_progress_fn progress,
			 void *arg, struct image_blob *out, struct errinfo *err)
{
	struct making mk = { .r = r,
			     .old_blob = old_index,
			     .payload = -1,
			     .progress = progress,
			     .arg = arg };
	int rc = imagerepo_repo_index(r, old_index, &mk.old, err);

	if (!rc)
		rc = imagerepo_repo_index(r, new_index, &mk.new, err);
	if (!rc)
		rc = imagerepo_delta_plan(r, mk.old, new_index, mk.new, level,
					  threads, &mk.plan, err);
	if (!rc) {
		mk.payload = imagerepo_repo_scratch(r, err);
		rc = mk.payload < 0 ? mk.payload : 0;
	}
	if (!rc)
		rc = make_units(&mk, threads, err);
	if (!rc)
		rc = copy_gaps(&mk, err);
	if (!rc)
		rc = store(&mk, new_index, out, err);
	imagerepo_delta_plan_dispose(&mk.plan);
	imagerepo_anchors_free(mk.anchors);
	imagerepo_index_free(mk.old);
	imagerepo_index_free(mk.new);
	free(mk.extent);
	cleanup_close(&mk.payload);
	return rc;
}
