/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a delta: reads it, every number checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "bytes.h"
#include "cleanup.h"
#include "delta-expand.h"
#include "index-private.h"

void imagerepo_delta_dispose(struct delta *d)
{
	free(d->unit);
	free(d->extent);
	free(d->stream);
	free(d->gap);
	memset(d, 0, sizeof(*d));
}

uint32_t *imagerepo_index_rows(const struct index *ix)
{
	uint32_t *row = calloc(imagerepo_index_n_data(ix) + 1UL, sizeof(*row));
	struct index_chunk c;

	for (uint32_t i = 0; row && i < imagerepo_index_n_chunks(ix); i++) {
		imagerepo_index_chunk(ix, i, &c);
		if (c.kind != INDEX_HOLE)
			row[imagerepo_index_row(ix, i)] = i;
	}
	return row;
}

static int by_digest(const void *a, const void *b)
{
	const struct index_pack *x = a, *y = b;

	return memcmp(x->sha256, y->sha256, HASH_LEN);
}

uint8_t *imagerepo_index_new_packs(const struct index *ix, const struct index *old)
{
	uint32_t n = imagerepo_index_n_packs(old);
	auto_free struct index_pack *has = calloc(n + 1UL, sizeof(*has));
	uint8_t *new = calloc(1, imagerepo_index_n_packs(ix) + 1UL);
	struct index_pack p;

	if (!has || !new) {
		free(new);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		imagerepo_index_pack(old, i, &has[i]);
	qsort(has, n, sizeof(*has), by_digest);
	for (uint32_t i = 0; i < imagerepo_index_n_packs(ix); i++) {
		imagerepo_index_pack(ix, i, &p);
		new[i] = !bsearch(&p, has, n, sizeof(p), by_digest);
	}
	return new;
}

/* The text of a gzip file of the old disk. */
static int read_text(struct imagerepo_disk *old, const struct delta_extent *e,
		     uint8_t *out, size_t max, size_t *len, struct errinfo *err)
{
	size_t bytes = (size_t)e->blocks * INDEX_BLOCK, used;
	auto_free uint8_t *raw = malloc(bytes);
	int rc;

	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_disk_read(old,
				 (uint64_t)(e->block & ~DELTA_TEXT) * INDEX_BLOCK,
				 raw, bytes, err);
	if (rc)
		return rc;
	rc = imagerepo_delta_text(raw, bytes, out, max, len, &used);
	return rc ? errinfo_set(err, rc == -ENOMEM ? rc : -EBADMSG,
				"the delta's text is not on the old disk")
		  : 0;
}

int imagerepo_delta_prefix(struct imagerepo_disk *old,
			   const struct delta_extent *extent, uint32_t n,
			   uint8_t *out, size_t *len, struct errinfo *err)
{
	*len = 0;
	for (uint32_t i = 0; i < n; i++) {
		size_t bytes = (size_t)extent[i].blocks * INDEX_BLOCK;
		size_t room = DELTA_PREFIX_MAX - *len;
		int rc;

		if (extent[i].block & DELTA_TEXT)
			rc = read_text(old, &extent[i], out + *len, room,
				       &bytes, err);
		else if (bytes > room)
			rc = errinfo_set(err, -EBADMSG,
					 "the delta's extents are too long");
		else
			rc = imagerepo_disk_read(
				old, (uint64_t)extent[i].block * INDEX_BLOCK,
				out + *len, bytes, err);
		if (rc)
			return rc;
		*len += bytes;
	}
	return 0;
}

struct lengths {
	uint32_t index_raw, index_stored, table_raw, table_stored;
};

static int read_head(const uint8_t *p, uint64_t size, struct delta *d,
		     struct lengths *l, struct errinfo *err)
{
	if (memcmp(p, DELTA_MAGIC, 8) != 0)
		return errinfo_set(err, -EBADMSG, "this is not a delta");
	if (get32(p + 8))
		return errinfo_set(err, -EBADMSG,
				   "the delta has flags that are unknown here");
	d->zstd = get32(p + 12);
	memcpy(d->old_index, p + 16, HASH_LEN);
	memcpy(d->new_index, p + 48, HASH_LEN);
	l->index_raw = get32(p + 80);
	l->index_stored = get32(p + 84);
	l->table_raw = get32(p + 88);
	l->table_stored = get32(p + 92);
	if (l->index_raw < INDEX_HEAD || l->index_raw > DELTA_TABLE_MAX ||
	    l->table_raw < DELTA_TABLE_HEAD || l->table_raw > DELTA_TABLE_MAX ||
	    DELTA_HEAD + (uint64_t)l->index_stored + l->table_stored > size)
		return errinfo_set(err, -EBADMSG,
				   "the delta is not as long as it says");
	return 0;
}

/* Reads a frame that stands at `at`; caller frees *out. */
static int read_frame(int fd, uint64_t at, uint32_t stored, uint32_t raw,
		      const void *prefix, size_t prefix_len, uint8_t **out,
		      struct errinfo *err)
{
	auto_free uint8_t *in = malloc(stored + 1UL);
	auto_free uint8_t *p = malloc(raw + 1UL);
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	int rc = in && p && dctx ? 0 : -ENOMEM;

	if (!rc)
		rc = imagerepo_pread_all(fd, in, stored, at);
	if (!rc) {
		ZSTD_DCtx_setParameter(dctx, ZSTD_d_windowLogMax, 31);
		ZSTD_DCtx_refPrefix(dctx, prefix, prefix_len);
		rc = imagerepo_frame_decode(dctx, in, stored, p, raw);
	}
	ZSTD_freeDCtx(dctx);
	if (rc)
		return errinfo_set_errno(err, rc, "the delta's head");
	*out = TAKE(p);
	return 0;
}

static int read_units(struct delta *d, const uint8_t *p, uint64_t *at)
{
	uint32_t extent = 0, stream = 0;

	for (uint32_t i = 0; i < d->n_units; i++, p += DELTA_UNIT_ROW) {
		struct delta_unit *u = &d->unit[i];

		u->first = get32(p);
		u->chunks = get16(p + 4);
		u->streams = get16(p + 6);
		u->level = p[8];
		u->extents = p[9];
		u->stored = get32(p + 10);
		u->extent = extent;
		u->stream = stream;
		u->offset = *at;
		if (!u->chunks || u->level > 22 ||
		    u->extents > d->n_extents - extent ||
		    u->streams > d->n_streams - stream || !u->stored ||
		    u->stored > DELTA_STORED_MAX)
			return -EBADMSG;
		extent += u->extents;
		stream += u->streams;
		*at += u->stored;
	}
	return extent == d->n_extents && stream == d->n_streams ? 0 : -EBADMSG;
}

static int read_extents(struct delta *d, const uint8_t *p, uint64_t old_size)
{
	for (uint32_t i = 0; i < d->n_extents; i++, p += DELTA_EXTENT_ROW) {
		struct delta_extent *e = &d->extent[i];

		e->block = get32(p);
		e->blocks = get32(p + 4);
		if (!e->blocks || e->blocks > DELTA_PREFIX_MAX / INDEX_BLOCK ||
		    (uint64_t)(e->block & ~DELTA_TEXT) + e->blocks >
			    old_size / INDEX_BLOCK)
			return -EBADMSG;
	}
	return 0;
}

/* Whether they fit the unit is seen when its length is known. */
static void read_streams(struct delta *d, const uint8_t *p)
{
	for (uint32_t i = 0; i < d->n_streams; i++, p += DELTA_STREAM_ROW)
		d->stream[i] =
			(struct delta_stream){ get32(p), get32(p + 4),
					       get32(p + 8), get32(p + 12) };
}

static int read_gaps(struct delta *d, const uint8_t *p, uint64_t *at)
{
	for (uint32_t i = 0; i < d->n_gaps; i++, p += DELTA_GAP_ROW) {
		struct delta_gap *g = &d->gap[i];

		g->pack = get32(p);
		g->offset = get32(p + 4);
		g->length = get32(p + 8);
		g->at = *at;
		if (!g->length || (uint64_t)g->offset + g->length > INDEX_PACK_MAX)
			return -EBADMSG;
		*at += g->length;
	}
	return 0;
}

static int read_table(struct delta *d, const uint8_t *p, uint32_t len,
		      uint64_t at, uint64_t size, uint64_t old_size)
{
	uint64_t want;
	int rc;

	d->n_units = get32(p);
	d->n_extents = get32(p + 4);
	d->n_streams = get32(p + 8);
	d->n_gaps = get32(p + 12);
	want = DELTA_TABLE_HEAD + (uint64_t)d->n_units * DELTA_UNIT_ROW +
	       (uint64_t)d->n_extents * DELTA_EXTENT_ROW +
	       (uint64_t)d->n_streams * DELTA_STREAM_ROW +
	       (uint64_t)d->n_gaps * DELTA_GAP_ROW;
	if (want != len)
		return -EBADMSG;
	d->unit = calloc(d->n_units + 1UL, sizeof(*d->unit));
	d->extent = calloc(d->n_extents + 1UL, sizeof(*d->extent));
	d->stream = calloc(d->n_streams + 1UL, sizeof(*d->stream));
	d->gap = calloc(d->n_gaps + 1UL, sizeof(*d->gap));
	if (!d->unit || !d->extent || !d->stream || !d->gap)
		return -ENOMEM;
	p += DELTA_TABLE_HEAD;
	rc = read_units(d, p, &at);
	p += (size_t)d->n_units * DELTA_UNIT_ROW;
	if (!rc)
		rc = read_extents(d, p, old_size);
	p += (size_t)d->n_extents * DELTA_EXTENT_ROW;
	if (!rc)
		read_streams(d, p);
	p += (size_t)d->n_streams * DELTA_STREAM_ROW;
	if (!rc)
		rc = read_gaps(d, p, &at);
	return rc ? rc : at == size ? 0 : -EBADMSG;
}

/* The new index, if it comes out as it was published. */
static int remake_index(const struct delta *d, const uint8_t *raw, uint32_t len,
			void **doc, size_t *doc_len, struct errinfo *err)
{
	struct index_head h;
	uint8_t is[HASH_LEN];
	int rc;

	/* its head, and then its columns, not its frame */
	rc = imagerepo_index_head(raw, len, &h, err);
	if (rc)
		return rc;
	if (imagerepo_index_body_len(&h) != len - INDEX_HEAD)
		return errinfo_set(err, -EBADMSG,
				   "the delta's index is not as long as it says");
	rc = imagerepo_index_wrap(&h, raw + INDEX_HEAD, doc, doc_len, err);
	if (rc)
		return rc;
	hash_bytes(*doc, *doc_len, is);
	if (memcmp(is, d->new_index, HASH_LEN) != 0) {
		free(*doc);
		*doc = NULL;
	}
	return 0;
}

int imagerepo_delta_parse(int fd, uint64_t size, const struct index *old,
			  const uint8_t *old_body, size_t old_body_len,
			  struct delta *d, void **index_doc, size_t *index_len,
			  struct errinfo *err)
{
	auto_free uint8_t *index = NULL, *table = NULL;
	uint64_t at = DELTA_HEAD;
	uint8_t head[DELTA_HEAD];
	struct lengths l = { 0 };
	int rc;

	memset(d, 0, sizeof(*d));
	*index_doc = NULL;
	if (size < DELTA_HEAD || imagerepo_pread_all(fd, head, DELTA_HEAD, 0))
		return errinfo_set(err, -EBADMSG, "this is not a delta");
	rc = read_head(head, size, d, &l, err);
	if (!rc)
		rc = read_frame(fd, at, l.index_stored, l.index_raw, old_body,
				old_body_len, &index, err);
	at += l.index_stored;
	if (!rc)
		rc = read_frame(fd, at, l.table_stored, l.table_raw, NULL, 0,
				&table, err);
	at += l.table_stored;
	if (rc)
		return rc;
	rc = read_table(d, table, l.table_raw, at, size,
			imagerepo_index_disk_size(old));
	if (rc)
		errinfo_set_errno(err, rc, "the delta's table cannot be");
	else
		rc = remake_index(d, index, l.index_raw, index_doc, index_len,
				  err);
	if (rc)
		imagerepo_delta_dispose(d);
	return rc;
}
