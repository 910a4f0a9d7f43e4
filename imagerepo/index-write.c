/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes an index.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "bytes.h"
#include "cleanup.h"
#include "index-private.h"

#define LEVEL 19 /* part of the format: a delta's receiver compresses anew */
#define GROW  1024

struct chunk_row {
	uint8_t kind;
	uint16_t blocks;
};

struct data_row {
	uint32_t pack, offset, length;
	uint8_t sha256[HASH_LEN];
};

struct pack_row {
	uint32_t size;
	uint8_t sha256[HASH_LEN];
};

struct index_writer {
	struct chunk_row *chunk;
	struct data_row *data;
	struct pack_row *pack;
	struct index_head head;
	uint32_t *slot; /* pack numbers + 1 by digest, open addressing */
	uint32_t slots; /* power of two */
	int rc;         /* first failure */
};

int imagerepo_index_writer_new(struct index_writer **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void imagerepo_index_writer_free(struct index_writer *w)
{
	if (!w)
		return;
	free(w->chunk);
	free(w->data);
	free(w->pack);
	free(w->slot);
	free(w);
}

/* Room for one more of n. */
static int grow(void **array, uint32_t n, size_t size)
{
	void *more;

	if (n % GROW)
		return 0;
	more = reallocarray(*array, (size_t)n + GROW, size);
	if (!more)
		return -ENOMEM;
	*array = more;
	return 0;
}

static int add_chunk(struct index_writer *w, enum index_kind kind, uint64_t size)
{
	struct chunk_row *c;

	if (!w->rc && w->head.n_chunks >= INDEX_CHUNKS_MAX)
		w->rc = -EFBIG;
	if (!w->rc)
		w->rc = grow((void **)&w->chunk, w->head.n_chunks,
			     sizeof(*w->chunk));
	if (w->rc)
		return w->rc;
	c = &w->chunk[w->head.n_chunks++];
	c->kind = (uint8_t)kind;
	c->blocks = (uint16_t)(size / INDEX_BLOCK);
	w->head.disk_size += size;
	return 0;
}

int imagerepo_index_add_hole(struct index_writer *w, uint64_t size)
{
	const uint64_t most = (uint64_t)UINT16_MAX * INDEX_BLOCK;

	while (size && !w->rc) {
		uint64_t step = size < most ? size : most;

		add_chunk(w, INDEX_HOLE, step);
		size -= step;
	}
	return w->rc;
}

static uint32_t *find_slot(struct index_writer *w, const uint8_t *sha256)
{
	uint32_t i = get32(sha256);

	for (;; i++) {
		uint32_t *s = &w->slot[i & (w->slots - 1)];

		if (!*s || !memcmp(w->pack[*s - 1].sha256, sha256, HASH_LEN))
			return s;
	}
}

static int grow_slots(struct index_writer *w)
{
	if (w->slots && w->head.n_packs < w->slots / 2)
		return 0;
	free(w->slot);
	w->slots = w->slots ? w->slots * 2 : GROW;
	w->slot = calloc(w->slots, sizeof(*w->slot));
	if (!w->slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->head.n_packs; i++)
		*find_slot(w, w->pack[i].sha256) = i + 1;
	return 0;
}

/* The number of a pack, a new one if it was not seen yet. */
static int find_pack(struct index_writer *w, const uint8_t *sha256,
		     uint32_t size, uint32_t *number)
{
	int rc = grow_slots(w);
	uint32_t *s;

	if (rc)
		return rc;
	s = find_slot(w, sha256);
	if (!*s) {
		if (w->head.n_packs >= INDEX_PACKS_MAX)
			return -EFBIG;
		rc = grow((void **)&w->pack, w->head.n_packs, sizeof(*w->pack));
		if (rc)
			return rc;
		w->pack[w->head.n_packs].size = size;
		memcpy(w->pack[w->head.n_packs].sha256, sha256, HASH_LEN);
		*s = ++w->head.n_packs;
	}
	*number = *s - 1;
	return 0;
}

int imagerepo_index_add(struct index_writer *w, enum index_kind kind,
			uint32_t raw, const uint8_t pack[HASH_LEN],
			uint32_t pack_size, uint32_t pack_offset,
			uint32_t stored, const uint8_t sha256[HASH_LEN])
{
	struct data_row *d;

	if (add_chunk(w, kind, raw))
		return w->rc;
	w->rc = grow((void **)&w->data, w->head.n_data, sizeof(*w->data));
	if (w->rc)
		return w->rc;
	d = &w->data[w->head.n_data++];
	d->offset = pack_offset;
	d->length = stored;
	memcpy(d->sha256, sha256, HASH_LEN);
	w->rc = find_pack(w, pack, pack_size, &d->pack);
	return w->rc;
}

static void write_columns(const struct index_writer *w, uint8_t *p)
{
	const struct index_head *h = &w->head;
	size_t data = h->n_data;

	for (uint32_t i = 0; i < h->n_packs; i++, p += HASH_LEN)
		memcpy(p, w->pack[i].sha256, HASH_LEN);
	for (uint32_t i = 0; i < h->n_packs; i++, p += 4)
		put32(p, w->pack[i].size);
	for (uint32_t i = 0; i < h->n_chunks; i++)
		*p++ = w->chunk[i].kind;
	for (uint32_t i = 0; i < h->n_chunks; i++, p += 2)
		put16(p, w->chunk[i].blocks);
	for (size_t i = 0; i < data; i++) {
		put32(p + 4 * i, w->data[i].pack);
		put32(p + 4 * (data + i), w->data[i].offset);
		put32(p + 4 * (2 * data + i), w->data[i].length);
		memcpy(p + 12 * data + HASH_LEN * i, w->data[i].sha256, HASH_LEN);
	}
}

int imagerepo_index_wrap(const struct index_head *h, const void *body,
			 void **doc, size_t *len, struct errinfo *err)
{
	size_t raw = imagerepo_index_body_len(h), bound = ZSTD_compressBound(raw);
	uint8_t *p = malloc(INDEX_HEAD + bound);
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n = 0;

	if (p && c) {
		ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL);
		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
		n = ZSTD_compress2(c, p + INDEX_HEAD, bound, body, raw);
	}
	if (!p || !c || ZSTD_isError(n)) {
		ZSTD_freeCCtx(c);
		free(p);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	ZSTD_freeCCtx(c);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it is no string */
	memcpy(p, INDEX_MAGIC, 8);
	put32(p + 8, 0);
	put32(p + 12, h->n_packs);
	put32(p + 16, h->n_chunks);
	put32(p + 20, h->n_data);
	put64(p + 24, h->disk_size);
	*doc = p;
	*len = INDEX_HEAD + n;
	return 0;
}

int imagerepo_index_finish(struct index_writer *w, void **doc, size_t *len,
			   struct errinfo *err)
{
	auto_free void *made = NULL;
	auto_free uint8_t *body = NULL;
	struct index *check = NULL;
	int rc = w->rc;

	if (rc)
		return errinfo_set_errno(err, rc, "cannot make the index");
	body = malloc(imagerepo_index_body_len(&w->head) + 1);
	if (!body)
		return errinfo_set(err, -ENOMEM, "out of memory");
	write_columns(w, body);
	rc = imagerepo_index_wrap(&w->head, body, &made, len, err);
	if (!rc)
		rc = imagerepo_index_parse(made, *len, &check, err);
	imagerepo_index_free(check);
	if (!rc)
		*doc = TAKE(made);
	return rc;
}
