/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rebuilds packs from a delta. They lie side by side in a scratch file until
 * all of their bytes are there; then each one that has its digest is stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "cleanup.h"
#include "compress.h"
#include "delta-expand.h"
#include "index-private.h"
#include "parallel.h"

struct applying {
	struct imagerepo_repo *r;
	const struct image_blob *old_blob;
	struct index *old, *new;
	struct delta d;
	uint32_t *row;   /* chunk numbers of the new index's stored chunks */
	uint8_t *wanted; /* by pack: the old image has it not */
	uint64_t *at;    /* by pack: in the scratch file */
	int delta, scratch;
	int dry; /* nothing is stored */
};

/* What a unit gave: its chunks as stored, one after another. */
struct slot {
	uint32_t n;
	struct piece {
		uint32_t pack, offset, length, at;
	} * piece;
	uint32_t room;
	uint8_t *data;
};

static void dispose_slot(void *slot)
{
	struct slot *s = slot;

	free(s->piece);
	free(s->data);
}

static void close_disk(void *disk)
{
	imagerepo_disk_close(disk);
}

static int out_of_memory(struct errinfo *err)
{
	return errinfo_set(err, -ENOMEM, "out of memory");
}

static int shrink_unit(const struct applying *ap, const struct delta_unit *u,
		       struct imagerepo_tools *t, const uint8_t *stored,
		       uint8_t *raw, size_t len)
{
	const struct delta_stream *s = ap->d.stream + u->stream;
	uint8_t *plain = imagerepo_tools_buffer(t, 3, DELTA_PLAIN_MAX);
	size_t n = imagerepo_delta_plain_len(s, u->streams, len);
	int rc;

	if (!plain)
		return -ENOMEM;
	rc = n ? imagerepo_frame_decode(imagerepo_tools_dctx(t), stored,
					u->stored, plain, n)
	       : -EBADMSG;
	return rc ? rc : imagerepo_delta_shrink(s, u->streams, plain, raw, len);
}

/* The unit's raw bytes into buffer 0. */
static int decode_unit(const struct applying *ap, const struct delta_unit *u,
		       struct imagerepo_tools *t, size_t len, uint8_t *raw,
		       struct errinfo *err)
{
	void **disk = imagerepo_tools_own(t, close_disk);
	uint8_t *prefix = imagerepo_tools_buffer(t, 1, DELTA_PREFIX_MAX);
	uint8_t *stored = imagerepo_tools_buffer(t, 2, DELTA_STORED_MAX);
	ZSTD_DCtx *dctx = imagerepo_tools_dctx(t);
	size_t prefix_len;
	int rc = 0;

	if (!prefix || !stored || !dctx)
		return out_of_memory(err);
	if (!*disk)
		rc = imagerepo_disk_open(ap->r, ap->old_blob,
					 (struct imagerepo_disk **)disk, err);
	if (!rc)
		rc = imagerepo_delta_prefix(*disk, ap->d.extent + u->extent,
					    u->extents, prefix, &prefix_len, err);
	if (rc)
		return rc;
	rc = imagerepo_pread_all(ap->delta, stored, u->stored, u->offset);
	if (rc)
		return errinfo_set_errno(err, rc, "delta");
	ZSTD_DCtx_reset(dctx, ZSTD_reset_session_and_parameters);
	ZSTD_DCtx_refPrefix(dctx, prefix, prefix_len);
	rc = u->streams
		     ? shrink_unit(ap, u, t, stored, raw, len)
		     : imagerepo_frame_decode(dctx, stored, u->stored, raw, len);
	ZSTD_DCtx_reset(dctx, ZSTD_reset_session_and_parameters);
	return rc ? errinfo_set(err, rc, "a unit of the delta is damaged") : 0;
}

/* Rows and sizes of a unit: -EBADMSG if there can be no such unit. */
static int unit_len(const struct applying *ap, const struct delta_unit *u,
		    size_t *len)
{
	uint32_t n_rows = imagerepo_index_n_data(ap->new);
	struct index_chunk c;

	*len = 0;
	if (u->first >= n_rows || u->chunks > n_rows - u->first)
		return -EBADMSG;
	for (uint32_t k = 0; k < u->chunks; k++) {
		imagerepo_index_chunk(ap->new, ap->row[u->first + k], &c);
		*len += c.size;
		if (*len > DELTA_UNIT_MAX)
			return -EBADMSG;
	}
	return 0;
}

static int make_room(struct slot *s, uint32_t chunks)
{
	if (!s->data)
		s->data = malloc(DELTA_UNIT_MAX);
	if (s->room < chunks) {
		free(s->piece);
		s->piece = calloc(chunks, sizeof(*s->piece));
		s->room = s->piece ? chunks : 0;
	}
	return s->data && s->piece ? 0 : -ENOMEM;
}

/* Compresses a chunk as it was published; one that comes out otherwise is left
 * out, and its pack will miss it. */
static int remake_chunk(struct slot *s, const struct index_chunk *c, int level,
			struct imagerepo_tools *t, const uint8_t *raw,
			uint32_t *at)
{
	uint8_t *out = imagerepo_tools_buffer(t, 1, DELTA_PREFIX_MAX);
	const uint8_t *stored = raw;
	uint8_t is[HASH_LEN];
	int64_t n = c->size;

	if (!out || !imagerepo_tools_cctx(t))
		return -ENOMEM;
	if (c->kind == INDEX_ZSTD) {
		n = imagerepo_compress(imagerepo_tools_cctx(t), level, raw,
				       c->size, out);
		stored = out;
	}
	if (n < 0)
		return (int)n;
	if (n != c->stored)
		return 0;
	hash_bytes(stored, (size_t)n, is);
	if (memcmp(is, c->sha256, HASH_LEN) != 0)
		return 0;
	memcpy(s->data + *at, stored, (size_t)n);
	s->piece[s->n++] =
		(struct piece){ c->pack, c->pack_offset, c->stored, *at };
	*at += (uint32_t)n;
	return 0;
}

static int run_unit(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		    struct errinfo *err)
{
	const struct applying *ap = arg;
	const struct delta_unit *u = &ap->d.unit[i];
	uint8_t *raw = imagerepo_tools_buffer(t, 0, DELTA_UNIT_MAX);
	struct slot *s = slot;
	uint32_t at = 0;
	size_t len;
	int rc = unit_len(ap, u, &len);

	s->n = 0;
	if (rc)
		return errinfo_set(err, rc, "a unit of the delta cannot be");
	if (!raw || make_room(s, u->chunks))
		return out_of_memory(err);
	rc = decode_unit(ap, u, t, len, raw, err);
	for (uint32_t k = 0; !rc && k < u->chunks; k++) {
		struct index_chunk c;

		imagerepo_index_chunk(ap->new, ap->row[u->first + k], &c);
		if (ap->wanted[c.pack] &&
		    remake_chunk(s, &c, u->level, t, raw, &at))
			rc = out_of_memory(err);
		raw += c.size;
	}
	return rc;
}

static int done_unit(void *arg, size_t i, void *slot, struct errinfo *err)
{
	const struct applying *ap = arg;
	const struct slot *s = slot;
	int rc = 0;

	(void)i;
	for (uint32_t k = 0; !rc && k < s->n; k++)
		rc = imagerepo_pwrite_all(
			ap->scratch, s->data + s->piece[k].at, s->piece[k].length,
			ap->at[s->piece[k].pack] + s->piece[k].offset);
	return rc ? errinfo_set_errno(err, rc, "cannot rebuild packs") : 0;
}

static int copy_gaps(const struct applying *ap, struct errinfo *err)
{
	auto_free uint8_t *buf = malloc(INDEX_PACK_MAX);
	int rc = buf ? 0 : -ENOMEM;

	for (uint32_t i = 0; !rc && i < ap->d.n_gaps; i++) {
		const struct delta_gap *g = &ap->d.gap[i];
		struct index_pack p;

		if (g->pack >= imagerepo_index_n_packs(ap->new))
			return errinfo_set(err, -EBADMSG,
					   "a gap of the delta cannot be");
		imagerepo_index_pack(ap->new, g->pack, &p);
		if (!ap->wanted[g->pack] || g->offset + g->length > p.size)
			return errinfo_set(err, -EBADMSG,
					   "a gap of the delta cannot be");
		rc = imagerepo_pread_all(ap->delta, buf, g->length, g->at);
		if (!rc)
			rc = imagerepo_pwrite_all(ap->scratch, buf, g->length,
						  ap->at[g->pack] + g->offset);
	}
	return rc ? errinfo_set_errno(err, rc, "cannot rebuild packs") : 0;
}

/* Where each wanted pack goes; the file reads as zeros until it is written. */
static int lay_out(struct applying *ap, struct errinfo *err)
{
	uint32_t n = imagerepo_index_n_packs(ap->new);
	struct index_pack p;
	uint64_t at = 0;

	ap->row = imagerepo_index_rows(ap->new);
	ap->wanted = imagerepo_index_new_packs(ap->new, ap->old);
	ap->at = calloc(n + 1UL, sizeof(*ap->at));
	if (!ap->row || !ap->wanted || !ap->at)
		return out_of_memory(err);
	for (uint32_t i = 0; i < n; i++) {
		imagerepo_index_pack(ap->new, i, &p);
		ap->at[i] = at;
		at += ap->wanted[i] ? p.size : 0;
	}
	if (!ap->dry) {
		ap->scratch = imagerepo_repo_scratch(ap->r, err);
		return ap->scratch < 0 ? ap->scratch : 0;
	}
	/* the repository may not be ours to write to */
	ap->scratch = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return ap->scratch < 0 ? errinfo_set_errno(err, -errno, "/var/tmp") : 0;
}

static int store_packs(struct applying *ap, struct imagerepo_delta_stats *stats,
		       struct errinfo *err)
{
	auto_free uint8_t *buf = malloc(INDEX_PACK_MAX);
	int rc = buf ? 0 : out_of_memory(err);

	for (uint32_t i = 0; !rc && i < imagerepo_index_n_packs(ap->new); i++) {
		uint8_t is[HASH_LEN];
		struct image_blob b;
		struct index_pack p;

		if (!ap->wanted[i])
			continue;
		stats->packs++;
		imagerepo_index_pack(ap->new, i, &p);
		if (imagerepo_pread_all(ap->scratch, buf, p.size, ap->at[i]))
			continue; /* its end was not written */
		hash_bytes(buf, p.size, is);
		if (memcmp(is, p.sha256, HASH_LEN) != 0)
			continue;
		if (!ap->dry)
			rc = imagerepo_repo_put_later(ap->r, buf, p.size, &b,
						      err);
		stats->rebuilt++;
		stats->bytes += p.size;
	}
	return rc || ap->dry ? rc : imagerepo_repo_flush(ap->r, err);
}

static int rebuild(struct applying *ap, int threads,
		   struct imagerepo_delta_stats *stats, struct errinfo *err)
{
	struct imagerepo_parallel how = { .n = ap->d.n_units,
					  .threads = threads,
					  .slots = 16,
					  .slot_size = sizeof(struct slot),
					  .run = run_unit,
					  .done = done_unit,
					  .dispose = dispose_slot,
					  .arg = ap };
	int rc = lay_out(ap, err);

	if (!rc && how.n)
		rc = imagerepo_parallel(&how, err);
	if (!rc)
		rc = copy_gaps(ap, err);
	return rc ? rc : store_packs(ap, stats, err);
}

/* The new index: from the delta, or, where it did not come out, from here. */
static int get_index(struct applying *ap, const struct image_blob *new_blob,
		     const void *doc, size_t len, struct errinfo *err)
{
	struct image_blob b;
	int rc;

	if (!doc && !imagerepo_repo_has(ap->r, new_blob))
		return 0;
	if (!doc)
		return imagerepo_repo_index(ap->r, new_blob, &ap->new, err);
	rc = imagerepo_index_parse(doc, len, &ap->new, err);
	if (rc)
		return rc;
	if (len != new_blob->size)
		return errinfo_set(err, -EBADMSG, "the index is of another size");
	return ap->dry ? 0 : imagerepo_repo_put(ap->r, doc, len, &b, err);
}

static int open_delta(struct applying *ap, const struct image_blob *new_blob,
		      const struct image_blob *blob, struct errinfo *err)
{
	auto_free char *doc = NULL;
	auto_free uint8_t *body = NULL;
	auto_free void *index = NULL;
	char old_hex[HASH_HEX], new_hex[HASH_HEX];
	struct index_head h;
	size_t len;
	int rc = imagerepo_repo_get(ap->r, ap->old_blob, &doc, err);

	if (!rc)
		rc = imagerepo_index_parse(doc, ap->old_blob->size, &ap->old,
					   err);
	if (!rc)
		rc = imagerepo_index_body(doc, ap->old_blob->size, &h, &body,
					  err);
	if (!rc)
		rc = imagerepo_repo_check(ap->r, blob, err);
	if (rc)
		return rc;
	ap->delta = imagerepo_repo_open_blob(ap->r, blob, err);
	if (ap->delta < 0)
		return ap->delta;
	rc = imagerepo_delta_parse(ap->delta, blob->size, ap->old, body,
				   imagerepo_index_body_len(&h), &ap->d, &index,
				   &len, err);
	if (rc)
		return rc;
	format_hex(ap->d.old_index, HASH_LEN, old_hex);
	format_hex(ap->d.new_index, HASH_LEN, new_hex);
	if (strcmp(old_hex, ap->old_blob->sha256) != 0 ||
	    strcmp(new_hex, new_blob->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "the delta leads between other images");
	return get_index(ap, new_blob, index, len, err);
}

static int apply(struct applying *ap, const struct image_blob *new_index,
		 const struct image_blob *delta, int threads,
		 struct imagerepo_delta_stats *stats, struct errinfo *err)
{
	struct imagerepo_delta_stats unused;
	int rc;

	stats = stats ? stats : &unused;
	memset(stats, 0, sizeof(*stats));
	ap->delta = ap->scratch = -1;
	rc = open_delta(ap, new_index, delta, err);
	stats->zstd = ap->d.zstd;
	if (!rc && ap->new)
		rc = rebuild(ap, threads, stats, err);
	imagerepo_delta_dispose(&ap->d);
	imagerepo_index_free(ap->old);
	imagerepo_index_free(ap->new);
	free(ap->row);
	free(ap->wanted);
	free(ap->at);
	cleanup_close(&ap->delta);
	cleanup_close(&ap->scratch);
	return rc;
}

int imagerepo_delta_apply(struct imagerepo_repo *r,
			  const struct image_blob *old_index,
			  const struct image_blob *new_index,
			  const struct image_blob *delta, int threads,
			  struct imagerepo_delta_stats *stats,
			  struct errinfo *err)
{
	struct applying ap = { .r = r, .old_blob = old_index };

	return apply(&ap, new_index, delta, threads, stats, err);
}

int imagerepo_delta_check(struct imagerepo_repo *r,
			  const struct image_blob *old_index,
			  const struct image_blob *new_index,
			  const struct image_blob *delta,
			  struct imagerepo_delta_stats *stats,
			  struct errinfo *err)
{
	struct applying ap = { .r = r, .old_blob = old_index, .dry = 1 };

	return apply(&ap, new_index, delta, 0, stats, err);
}
