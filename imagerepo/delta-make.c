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

#include "cleanup.h"
#include "compress.h"
#include "delta-expand.h"
#include "delta-make.h"
#include "index-private.h"

#define LEVEL       9  /* for what mostly moved */
#define LEVEL_MORE  19 /* for what is new: more than a part in MORE_FROM */
#define MORE_FROM   16
#define UNIT_BLOCKS 512u /* of extents that are no texts */

struct slot {
	uint32_t stored;
	int extents, streams;
	struct delta_extent extent[DELTA_EXTENTS_MAX];
	struct delta_stream stream[DELTA_STREAMS_MAX];
	uint8_t data[COMPRESS_ROOM(DELTA_PLAIN_MAX)];
};

static void close_disk(void *disk)
{
	imagerepo_disk_close(disk);
}

static int thread_disk(const struct delta_making *mk, struct imagerepo_tools *t,
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

static int load_unit(const struct delta_making *mk, const struct delta_unit *u,
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
static uint32_t guess(const struct delta_making *mk, const struct delta_unit *u)
{
	struct index_chunk c;

	imagerepo_index_chunk(mk->new, mk->plan.row[u->first], &c);
	return imagerepo_delta_successor(&mk->plan, mk->new, mk->old, u->first,
					 (uint32_t)(c.offset / INDEX_BLOCK));
}

/* What compresses well mostly moved; the rest is worth a search. */
static int compress_unit(struct slot *s, void *cctx, const uint8_t *prefix,
			 size_t prefix_len, const uint8_t *plain, size_t len)
{
	int64_t n = imagerepo_compress_after(cctx, LEVEL, prefix, prefix_len,
					     plain, len, s->data);

	if (n > (int64_t)(len / MORE_FROM))
		n = imagerepo_compress_after(cctx, LEVEL_MORE, prefix,
					     prefix_len, plain, len, s->data);
	s->stored = (uint32_t)n;
	return n < 0 ? (int)n : 0;
}

static int run_unit(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		    struct errinfo *err)
{
	const struct delta_making *mk = arg;
	const struct delta_unit *u = &mk->plan.unit[i];
	uint8_t *raw = imagerepo_tools_buffer(t, 0, DELTA_UNIT_MAX);
	uint8_t *prefix = imagerepo_tools_buffer(t, 1, DELTA_PREFIX_MAX);
	uint8_t *plain = imagerepo_tools_buffer(t, 2, DELTA_PLAIN_MAX);
	size_t len, plain_len, prefix_len;
	struct imagerepo_disk *disk;
	struct slot *s = slot;
	int rc;

	if (!raw || !prefix || !plain || !imagerepo_tools_cctx(t))
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = thread_disk(mk, t, &disk, err);
	if (!rc)
		rc = load_unit(mk, u, t, raw, &len, err);
	if (rc)
		return rc;
	s->streams =
		imagerepo_delta_expand(raw, len, plain, &plain_len, s->stream);
	s->extents =
		s->streams < 0
			? s->streams
			: imagerepo_delta_match(
				  &mk->like, plain, plain_len, guess(mk, u),
				  (uint32_t)(len / INDEX_BLOCK), UNIT_BLOCKS,
				  DELTA_PREFIX_MAX / 2, s->extent);
	if (s->extents < 0)
		return errinfo_set(err, s->extents, "out of memory");
	rc = imagerepo_delta_prefix(disk, s->extent, (uint32_t)s->extents,
				    prefix, &prefix_len, err);
	if (rc)
		return rc;
	rc = compress_unit(s, imagerepo_tools_cctx(t), prefix, prefix_len,
			   plain, plain_len);
	return rc ? errinfo_set(err, rc, "out of memory") : 0;
}

/* Appends n rows to a list that grows. */
static int append(void *list, uint32_t *len, uint32_t *room, const void *rows,
		  size_t n, size_t size)
{
	void **p = list, *more;

	if (!n)
		return 0;
	if (*len + n > *room) {
		*room = *room * 2 + 1024;
		more = reallocarray(*p, *room, size);
		if (!more)
			return -ENOMEM;
		*p = more;
	}
	memcpy((char *)*p + *len * size, rows, n * size);
	*len += (uint32_t)n;
	return 0;
}

static int done_unit(void *arg, size_t i, void *slot, struct errinfo *err)
{
	struct delta_making *mk = arg;
	struct delta_unit *u = &mk->plan.unit[i];
	struct slot *s = slot;
	int rc;

	u->extents = (uint8_t)s->extents;
	u->streams = (uint16_t)s->streams;
	u->stored = s->stored;
	rc = append(&mk->extent, &mk->n_extents, &mk->extent_room, s->extent,
		    u->extents, sizeof(*s->extent));
	if (!rc)
		rc = append(&mk->stream, &mk->n_streams, &mk->stream_room,
			    s->stream, u->streams, sizeof(*s->stream));
	if (!rc)
		rc = imagerepo_pwrite_all(mk->payload, s->data, s->stored,
					  mk->payload_len);
	mk->payload_len += s->stored;
	if (mk->progress)
		mk->progress(IMAGEREPO_STEP_DELTA, mk->plan.n_units / 3 + i + 1,
			     mk->plan.n_units / 3 + mk->plan.n_units, mk->arg);
	return rc ? errinfo_set_errno(err, rc, "cannot write the delta") : 0;
}

static int make_units(struct delta_making *mk, int threads, struct errinfo *err)
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
	rc = imagerepo_delta_scan(mk->r, mk->old_blob, mk->old, threads,
				  mk->progress, mk->arg, &mk->like, err);
	return rc ? rc : imagerepo_parallel(&how, err);
}

static int copy_gaps(struct delta_making *mk, struct errinfo *err)
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

int imagerepo_delta_make(struct imagerepo_repo *r,
			 const struct image_blob *old_index,
			 const struct image_blob *new_index, int level,
			 int threads, imagerepo_repo_progress_fn progress,
			 void *arg, struct image_blob *out, struct errinfo *err)
{
	struct delta_making mk = { .r = r,
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
		rc = imagerepo_delta_store(&mk, new_index, out, err);
	imagerepo_delta_plan_dispose(&mk.plan);
	imagerepo_delta_old_dispose(&mk.like);
	imagerepo_index_free(mk.old);
	imagerepo_index_free(mk.new);
	free(mk.extent);
	free(mk.stream);
	cleanup_close(&mk.payload);
	return rc;
}
