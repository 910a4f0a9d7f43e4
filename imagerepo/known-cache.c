/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the chunks of an index: remembered, or found out by decoding.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "bytes.h"
#include "cleanup.h"
#include "index-private.h"
#include "known.h"
#include "parallel.h"

#define HEAD 16u

static const char magic[8] = "NSKNOWN1"; /* no NUL */

static void cache_path(const struct image_blob *index, char out[IMAGE_PATH])
{
	snprintf(out, IMAGE_PATH, REPO_CACHE "/%s", index->sha256);
}

void imagerepo_known_save(struct imagerepo_repo *r,
			  const struct image_blob *index, const uint8_t *rows,
			  uint32_t n)
{
	size_t len = HEAD + (size_t)n * KNOWN_ROW;
	auto_free uint8_t *p = malloc(len + HASH_LEN);
	char path[IMAGE_PATH];

	if (!p)
		return;
	memcpy(p, magic, sizeof(magic));
	put32(p + 8, ZSTD_versionNumber());
	put32(p + 12, n);
	memcpy(p + HEAD, rows, len - HEAD);
	hash_bytes(p, len, p + len);
	cache_path(index, path);
	imagerepo_repo_put_doc(r, path, p, len + HASH_LEN, NULL);
}

/* NULL: not there, or not to be trusted. */
static uint8_t *load(struct imagerepo_repo *r, const struct image_blob *index,
		     uint32_t n)
{
	size_t want = HEAD + (size_t)n * KNOWN_ROW, len;
	auto_free char *p = NULL;
	uint8_t sha256[HASH_LEN], *rows;
	char path[IMAGE_PATH];

	cache_path(index, path);
	if (imagerepo_repo_get_doc(r, path, want + HASH_LEN, &p, &len, NULL) ||
	    len != want + HASH_LEN || memcmp(p, magic, sizeof(magic)) != 0 ||
	    get32(p + 12) != n)
		return NULL;
	hash_bytes(p, want, sha256);
	if (memcmp(sha256, p + want, HASH_LEN) != 0)
		return NULL;
	rows = malloc(want);
	if (!rows)
		return NULL;
	memcpy(rows, p + HEAD, want - HEAD);
	/* levels mean nothing to another compressor */
	for (uint32_t i = 0; get32(p + 8) != ZSTD_versionNumber() && i < n; i++)
		rows[(size_t)i * KNOWN_ROW] = 0;
	return rows;
}

struct job {
	struct imagerepo_repo *r;
	const struct index *ix;
	uint8_t *rows;
};

static int hash_chunk(void *arg, struct imagerepo_tools *t, size_t i,
		      void *slot, struct errinfo *err)
{
	struct job *job = arg;
	struct index_chunk c;
	uint8_t *row;
	void *raw;
	int rc;

	(void)slot;
	imagerepo_index_chunk(job->ix, (uint32_t)i, &c);
	if (c.kind == INDEX_HOLE)
		return 0;
	raw = imagerepo_tools_buffer(t, 0, INDEX_CHUNK_MAX);
	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_chunk_load(job->r, job->ix, &c, t, raw, err);
	if (rc)
		return rc;
	row = job->rows +
	      (size_t)imagerepo_index_row(job->ix, (uint32_t)i) * KNOWN_ROW;
	row[0] = 0;
	hash_bytes(raw, c.size, row + 1);
	return 0;
}

int imagerepo_known_rows(struct imagerepo_repo *r, const struct image_blob *b,
			 const struct index *ix, int threads, uint8_t **rows,
			 struct errinfo *err)
{
	uint32_t n = imagerepo_index_n_data(ix);
	uint8_t *p = load(r, b, n);
	struct job job = { r, ix, p };
	struct imagerepo_parallel how = { .n = imagerepo_index_n_chunks(ix),
					  .threads = threads,
					  .run = hash_chunk,
					  .arg = &job };
	int rc;

	if (p) {
		*rows = p;
		return 0;
	}
	job.rows = p = calloc(n + 1UL, KNOWN_ROW);
	rc = p ? imagerepo_parallel(&how, err)
	       : errinfo_set(err, -ENOMEM, "out of memory");
	if (rc) {
		free(p);
		return rc;
	}
	imagerepo_known_save(r, b, p, n);
	*rows = p;
	return 0;
}
