/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of a disk: from bytes to tables, every number checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "bytes.h"
#include "cleanup.h"
#include "index-private.h"

struct index {
	struct index_head head;
	uint8_t *body;
	/* columns in the body */
	const uint8_t *pack_sha256, *pack_size, *kind, *blocks, *pack, *offset,
		*length, *sha256;
	uint32_t *first; /* [n_chunks]: block on the disk */
	uint32_t *row;   /* [n_chunks]: among the stored ones */
	size_t memory;
};

uint64_t imagerepo_index_body_len(const struct index_head *h)
{
	return (uint64_t)h->n_packs * (HASH_LEN + 4) +
	       (uint64_t)h->n_chunks * 3 + (uint64_t)h->n_data * (12 + HASH_LEN);
}

int imagerepo_index_head(const void *doc, size_t len, struct index_head *h,
			 struct errinfo *err)
{
	const uint8_t *p = doc;

	if (len < INDEX_HEAD || memcmp(p, INDEX_MAGIC, 8) != 0)
		return errinfo_set(err, -EBADMSG, "this is not an index");
	if (get32(p + 8))
		return errinfo_set(err, -EBADMSG,
				   "the index has flags that are unknown here");
	h->n_packs = get32(p + 12);
	h->n_chunks = get32(p + 16);
	h->n_data = get32(p + 20);
	h->disk_size = get64(p + 24);
	if (!h->n_chunks || h->n_chunks > INDEX_CHUNKS_MAX ||
	    h->n_packs > INDEX_PACKS_MAX || h->n_data > h->n_chunks)
		return errinfo_set(err, -EBADMSG,
				   "the index counts more than may be");
	if (!h->disk_size || h->disk_size > IMAGE_DISK_MAX ||
	    h->disk_size % INDEX_BLOCK)
		return errinfo_set(err, -EBADMSG,
				   "the index is of a disk of no possible size");
	return 0;
}

int imagerepo_index_body(const void *doc, size_t len, struct index_head *h,
			 uint8_t **body, struct errinfo *err)
{
	const uint8_t *frame = (const uint8_t *)doc + INDEX_HEAD;
	auto_free uint8_t *raw = NULL;
	int rc = len > IMAGE_INDEX_MAX ? -EFBIG : 0;
	uint64_t want;

	if (rc)
		return errinfo_set(err, rc, "the index is larger than %llu bytes",
				   IMAGE_INDEX_MAX);
	rc = imagerepo_index_head(doc, len, h, err);
	if (rc)
		return rc;
	want = imagerepo_index_body_len(h);
	if (ZSTD_getFrameContentSize(frame, len - INDEX_HEAD) != want ||
	    ZSTD_findFrameCompressedSize(frame, len - INDEX_HEAD) !=
		    len - INDEX_HEAD)
		return errinfo_set(err, -EBADMSG,
				   "the index is not as long as it says");
	raw = malloc(want);
	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (ZSTD_decompress(raw, want, frame, len - INDEX_HEAD) != want)
		return errinfo_set(err, -EBADMSG, "the index is damaged");
	*body = TAKE(raw);
	return 0;
}

static void find_columns(struct index *ix)
{
	const struct index_head *h = &ix->head;
	const uint8_t *p = ix->body;

	ix->pack_sha256 = p;
	ix->pack_size = p += (size_t)h->n_packs * HASH_LEN;
	ix->kind = p += (size_t)h->n_packs * 4;
	ix->blocks = p += h->n_chunks;
	ix->pack = p += (size_t)h->n_chunks * 2;
	ix->offset = p += (size_t)h->n_data * 4;
	ix->length = p += (size_t)h->n_data * 4;
	ix->sha256 = p + (size_t)h->n_data * 4;
}

static int check_packs(const struct index *ix, struct errinfo *err)
{
	for (uint32_t i = 0; i < ix->head.n_packs; i++) {
		uint32_t size = get32(ix->pack_size + 4 * (size_t)i);

		if (!size || size > INDEX_PACK_MAX)
			return errinfo_set(err, -EBADMSG,
					   "pack %u of the index has no "
					   "possible size",
					   i);
	}
	return 0;
}

/* *packs: how many have been named so far; numbered by first mention. */
static int check_stored(const struct index *ix, uint32_t row, uint32_t raw,
			enum index_kind kind, uint32_t *packs)
{
	uint32_t pack = get32(ix->pack + 4 * (size_t)row);
	uint32_t length = get32(ix->length + 4 * (size_t)row);
	uint64_t end = (uint64_t)get32(ix->offset + 4 * (size_t)row) + length;

	if (pack > *packs || pack >= ix->head.n_packs || raw > INDEX_CHUNK_MAX)
		return 0;
	if (pack == *packs)
		++*packs;
	if (!length || end > get32(ix->pack_size + 4 * (size_t)pack))
		return 0;
	return kind == INDEX_RAW ? length == raw : length < raw;
}

static int check_chunks(struct index *ix, struct errinfo *err)
{
	const struct index_head *h = &ix->head;
	uint64_t block = 0;
	uint32_t row = 0, packs = 0;

	for (uint32_t i = 0; i < h->n_chunks; i++) {
		uint32_t blocks = get16(ix->blocks + 2 * (size_t)i);
		enum index_kind kind = ix->kind[i];
		int ok = kind < INDEX_KINDS && blocks;

		if (ok && kind != INDEX_HOLE)
			ok = row < h->n_data &&
			     check_stored(ix, row, blocks * INDEX_BLOCK, kind,
					  &packs);
		if (!ok || (block + blocks) * INDEX_BLOCK > h->disk_size)
			return errinfo_set(err, -EBADMSG,
					   "chunk %u of the index cannot be", i);
		ix->first[i] = (uint32_t)block;
		ix->row[i] = row;
		row += kind != INDEX_HOLE;
		block += blocks;
	}
	if (block * INDEX_BLOCK != h->disk_size || row != h->n_data ||
	    packs != h->n_packs)
		return errinfo_set(err, -EBADMSG,
				   "the index does not fill its disk");
	return 0;
}

int imagerepo_index_parse(const void *doc, size_t len, struct index **out,
			  struct errinfo *err)
{
	struct index *ix = calloc(1, sizeof(*ix));
	size_t n;
	int rc;

	if (!ix)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_index_body(doc, len, &ix->head, &ix->body, err);
	if (rc)
		goto fail;
	n = ix->head.n_chunks;
	ix->first = malloc(n * 4);
	ix->row = malloc(n * 4);
	if (!ix->first || !ix->row) {
		rc = errinfo_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	ix->memory = sizeof(*ix) + n * 8 + imagerepo_index_body_len(&ix->head);
	find_columns(ix);
	rc = check_packs(ix, err);
	if (!rc)
		rc = check_chunks(ix, err);
	if (rc)
		goto fail;
	*out = ix;
	return 0;
fail:
	imagerepo_index_free(ix);
	return rc;
}

void imagerepo_index_free(struct index *ix)
{
	if (!ix)
		return;
	free(ix->body);
	free(ix->first);
	free(ix->row);
	free(ix);
}

uint64_t imagerepo_index_disk_size(const struct index *ix)
{
	return ix->head.disk_size;
}

uint32_t imagerepo_index_n_chunks(const struct index *ix)
{
	return ix->head.n_chunks;
}

uint32_t imagerepo_index_n_packs(const struct index *ix)
{
	return ix->head.n_packs;
}

uint32_t imagerepo_index_n_data(const struct index *ix)
{
	return ix->head.n_data;
}

size_t imagerepo_index_memory(const struct index *ix)
{
	return ix->memory;
}

uint32_t imagerepo_index_row(const struct index *ix, uint32_t i)
{
	return ix->row[i];
}

void imagerepo_index_chunk(const struct index *ix, uint32_t i,
			   struct index_chunk *out)
{
	size_t row = ix->row[i];

	memset(out, 0, sizeof(*out));
	out->offset = (uint64_t)ix->first[i] * INDEX_BLOCK;
	out->size = get16(ix->blocks + 2 * (size_t)i) * INDEX_BLOCK;
	out->kind = ix->kind[i];
	if (out->kind == INDEX_HOLE)
		return;
	out->pack = get32(ix->pack + 4 * row);
	out->pack_offset = get32(ix->offset + 4 * row);
	out->stored = get32(ix->length + 4 * row);
	out->sha256 = ix->sha256 + HASH_LEN * row;
}

void imagerepo_index_pack(const struct index *ix, uint32_t i,
			  struct index_pack *out)
{
	out->sha256 = ix->pack_sha256 + HASH_LEN * (size_t)i;
	out->size = get32(ix->pack_size + 4 * (size_t)i);
}

uint32_t imagerepo_index_find(const struct index *ix, uint64_t offset)
{
	uint32_t block = (uint32_t)(offset / INDEX_BLOCK);
	uint32_t low = 0, high = ix->head.n_chunks;

	/* first[low] <= block < first[high] */
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (ix->first[mid] <= block)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int imagerepo_frame_decode(void *dctx, const void *stored, size_t len,
			   void *raw, size_t raw_len)
{
	if (ZSTD_getFrameContentSize(stored, len) != raw_len ||
	    ZSTD_findFrameCompressedSize(stored, len) != len)
		return -EBADMSG;
	if (ZSTD_decompressDCtx(dctx, raw, raw_len, stored, len) != raw_len)
		return -EBADMSG;
	return 0;
}

int imagerepo_chunk_decode(void *dctx, const struct index_chunk *c,
			   const void *stored, size_t len, void *raw,
			   struct errinfo *err)
{
	uint8_t sha256[HASH_LEN];

	if (c->kind == INDEX_HOLE || len != c->stored)
		return errinfo_set(err, -EBADMSG,
				   "a chunk of %zu bytes, not of %u", len,
				   c->stored);
	hash_bytes(stored, len, sha256);
	if (memcmp(sha256, c->sha256, HASH_LEN) != 0)
		return errinfo_set(err, -EBADMSG,
				   "a chunk's SHA-256 is not the index's");
	if (c->kind == INDEX_RAW) {
		memcpy(raw, stored, len);
		return 0;
	}
	if (imagerepo_frame_decode(dctx, stored, len, raw, c->size))
		return errinfo_set(err, -EBADMSG, "a chunk does not decompress");
	return 0;
}
