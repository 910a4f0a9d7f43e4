/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "bundle.h"
#include "imagedev-fixture.h"
#include "index.h"

#define PACK  (512u * 1024)
#define STEP  7 /* each so many blocks, one is in the bundle */
#define FRAME 24u
#define HEAD  64u
#define ROW   40u

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static void put(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

/* Stretches of 4 to 64 blocks: zeros, noise, text. */
static void fill(uint8_t *disk, size_t size, uint64_t *seed)
{
	size_t at = 0;

	while (at < size) {
		size_t len = (4 + next(seed) % 61) * INDEX_BLOCK;
		uint64_t what = next(seed) % 4;

		if (len > size - at)
			len = size - at;
		for (size_t i = 0; i < len; i += 4)
			put(disk + at + i,
			    !what       ? 0
			    : what == 1 ? next(seed)
					: 0x6e20 + next(seed) % 7,
			    4);
		at += len;
	}
}

static int is_zero(const uint8_t *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

/* ---- packs and index ------------------------------------------------------- */

struct cut {
	size_t at, size;
	enum index_kind kind;
	int blob;
	uint32_t offset, stored;
	uint8_t sha256[HASH_LEN];
};

static void close_blob(struct fixture_blob *b, uint8_t digest[HASH_LEN])
{
	hash_bytes(b->data, b->len, digest);
	hash_bytes_hex(b->data, b->len, b->sha256);
}

static void store(struct fixture *f, struct cut *c)
{
	struct fixture_blob *b = f->n_blobs ? &f->blob[f->n_blobs - 1] : NULL;
	size_t bound = ZSTD_compressBound(c->size), n;
	uint8_t *z = malloc(bound);

	n = ZSTD_compress(z, bound, f->disk + c->at, c->size, 1);
	c->kind = n < c->size ? INDEX_ZSTD : INDEX_RAW;
	c->stored = (uint32_t)(n < c->size ? n : c->size);
	if (!b || b->len + c->stored > PACK) {
		b = &f->blob[f->n_blobs++];
		b->data = malloc(PACK);
	}
	c->blob = f->n_blobs - 1;
	c->offset = (uint32_t)b->len;
	memcpy(b->data + b->len, n < c->size ? z : f->disk + c->at, c->stored);
	hash_bytes(b->data + b->len, c->stored, c->sha256);
	b->len += c->stored;
	free(z);
}

static size_t cut_disk(struct fixture *f, struct cut *cut)
{
	uint64_t seed = f->cuts;
	size_t n = 0;

	for (size_t at = 0; at < f->size; n++) {
		size_t len = (4 + next(&seed) % 28) * INDEX_BLOCK;

		if (len > f->size - at)
			len = f->size - at;
		cut[n] = (struct cut){ .at = at, .size = len };
		if (!is_zero(f->disk + at, len))
			store(f, &cut[n]);
		at += len;
	}
	return n;
}

static int make_index(struct fixture *f, const struct cut *cut, size_t n)
{
	static uint8_t digest[FIXTURE_BLOBS][HASH_LEN];
	struct index_writer *w;
	int rc;

	for (int i = 0; i < f->n_blobs; i++)
		close_blob(&f->blob[i], digest[i]);
	rc = imagerepo_index_writer_new(&w);
	for (size_t i = 0; !rc && i < n; i++) {
		const struct cut *c = &cut[i];

		if (c->kind == INDEX_HOLE)
			rc = imagerepo_index_add_hole(w, c->size);
		else
			rc = imagerepo_index_add(w, c->kind, (uint32_t)c->size,
						 digest[c->blob],
						 (uint32_t)f->blob[c->blob].len,
						 c->offset, c->stored, c->sha256);
	}
	if (!rc)
		rc = imagerepo_index_finish(w, &f->index, &f->index_len, NULL);
	imagerepo_index_writer_free(w);
	if (!rc)
		hash_bytes_hex(f->index, f->index_len, f->index_sha256);
	return rc;
}

/* ---- the bundle ------------------------------------------------------------ */

/* Every STEPth block, from the disk's end to its start. */
static void make_bundle(struct fixture *f)
{
	uint32_t total = (uint32_t)(f->size / INDEX_BLOCK), n = total / STEP;
	uint32_t frames = (n + FRAME - 1) / FRAME;
	size_t bound = ZSTD_compressBound(FRAME * INDEX_BLOCK);
	size_t head = HEAD + frames * ROW + n * 4u;
	struct fixture_blob *b = &f->blob[f->n_blobs];
	uint8_t *raw = malloc(FRAME * INDEX_BLOCK), *p;
	uint8_t digest[HASH_LEN];

	b->data = p = calloc(1, head + frames * bound);
	b->len = f->bundle_head = head;
	f->bundle = f->n_blobs++;
	memcpy(p, "NSBUNDL1", 8);
	put(p + 12, frames, 4);
	put(p + 16, n, 4);
	put(p + 24, f->size, 8);
	hash_bytes(f->index, f->index_len, p + 32);
	for (uint32_t i = 0; i < frames; i++) {
		uint32_t k = n - i * FRAME < FRAME ? n - i * FRAME : FRAME;
		uint8_t *row = p + HEAD + i * ROW;
		size_t z;

		for (uint32_t j = 0; j < k; j++) {
			uint32_t block = (n - 1 - (i * FRAME + j)) * STEP;

			put(p + HEAD + frames * ROW + (i * FRAME + j) * 4u,
			    block, 4);
			memcpy(raw + j * INDEX_BLOCK,
			       f->disk + (size_t)block * INDEX_BLOCK,
			       INDEX_BLOCK);
		}
		z = ZSTD_compress(p + b->len, bound, raw, k * INDEX_BLOCK, 1);
		put(row, z, 4);
		put(row + 4, k, 4);
		hash_bytes(p + b->len, z, row + 8);
		b->len += z;
	}
	hash_bytes_hex(p, head, f->head_sha256);
	close_blob(b, digest);
	free(raw);
}

/* What follows from the disk. */
static int finish(struct fixture *f)
{
	struct cut *cut = calloc(f->size / INDEX_BLOCK, sizeof(*cut));
	int rc = make_index(f, cut, cut_disk(f, cut));

	free(cut);
	if (rc)
		return -1;
	make_bundle(f);
	return 0;
}

int fixture_make(struct fixture *f, size_t size, uint64_t seed)
{
	*f = (struct fixture){ .size = size, .disk = malloc(size) };
	fill(f->disk, size, &seed);
	f->cuts = seed;
	return finish(f);
}

int fixture_make_next(struct fixture *f, const struct fixture *old, size_t from,
		      uint64_t seed)
{
	*f = (struct fixture){ .size = old->size,
			       .disk = malloc(old->size),
			       .cuts = old->cuts };
	memcpy(f->disk, old->disk, from);
	fill(f->disk + from, f->size - from, &seed);
	return finish(f);
}

void fixture_free(struct fixture *f)
{
	for (int i = 0; i < f->n_blobs; i++)
		free(f->blob[i].data);
	free(f->disk);
	free(f->index);
}

void fixture_config(const struct fixture *f, struct imagedev_config *c)
{
	const struct fixture_blob *b = &f->blob[f->bundle];

	*c = (struct imagedev_config){
		.index = f->index,
		.index_len = f->index_len,
		.bundle_size = b->len,
		.bundle_head = f->bundle_head,
	};
	memcpy(c->index_sha256, f->index_sha256, HASH_HEX);
	memcpy(c->bundle_sha256, b->sha256, HASH_HEX);
	memcpy(c->bundle_head_sha256, f->head_sha256, HASH_HEX);
}

const struct fixture_blob *fixture_find(const struct fixture *f,
					const char *sha256)
{
	for (int i = 0; i < f->n_blobs; i++)
		if (!strcmp(f->blob[i].sha256, sha256))
			return &f->blob[i];
	return NULL;
}
