/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a bundle from a list of blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle-private.h"
#include "bytes.h"
#include "cleanup.h"
#include "compress.h"
#include "parallel.h"
#include "repo-private.h"

#define LEVEL     19
#define FRAME_RAW (BUNDLE_FRAME_BLOCKS * INDEX_BLOCK)

struct making {
	int disk, out;
	uint32_t *block;
	size_t n;
	uint8_t *head;
	size_t head_len;
	uint64_t len; /* of what has been written, and the head */
};

struct slot {
	uint32_t stored, blocks;
	uint8_t sha256[HASH_LEN];
	uint8_t data[COMPRESS_ROOM(FRAME_RAW)];
};

static int read_block(const struct making *mk, uint32_t block, void *raw)
{
	return imagerepo_pread_all(mk->disk, raw, INDEX_BLOCK,
				   (uint64_t)block * INDEX_BLOCK);
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Leaves out the last where the head would be too long. Zeros are no holes of
 * the index if they are few: then they would cost a chunk. A frame is of use
 * only when all of it is there: in it the blocks are in the disk's order, where
 * those of a file lie together and compress better. */
static int pick_blocks(struct making *mk, const uint32_t *blocks, size_t n)
{
	const size_t most = (BUNDLE_HEAD_MAX - 2 * BUNDLE_HEAD) / 5;

	mk->n = n < most ? n : most;
	mk->block = calloc(mk->n + 1, sizeof(*mk->block));
	if (!mk->block)
		return -ENOMEM;
	for (size_t i = 0; i < mk->n; i++)
		mk->block[i] = blocks[i];
	for (size_t i = 0; i < mk->n; i += BUNDLE_FRAME_BLOCKS)
		qsort(mk->block + i,
		      mk->n - i < BUNDLE_FRAME_BLOCKS ? mk->n - i
						      : BUNDLE_FRAME_BLOCKS,
		      sizeof(*mk->block), by_number);
	return 0;
}

static size_t n_frames(const struct making *mk)
{
	return (mk->n + BUNDLE_FRAME_BLOCKS - 1) / BUNDLE_FRAME_BLOCKS;
}

/* All of the head but the frames' rows. */
static int start_head(struct making *mk, const struct image_manifest *m)
{
	size_t rows = n_frames(mk) * BUNDLE_FRAME_ROW;
	uint8_t *p;

	mk->len = mk->head_len = BUNDLE_HEAD + rows + mk->n * 4;
	mk->head = p = calloc(1, mk->head_len);
	if (!p)
		return -ENOMEM;
	memcpy(p, BUNDLE_MAGIC, 8);
	put32(p + 12, (uint32_t)n_frames(mk));
	put32(p + 16, (uint32_t)mk->n);
	put64(p + 24, m->disk_size);
	parse_hex(m->index.sha256, p + 32, HASH_LEN);
	for (size_t i = 0; i < mk->n; i++)
		put32(p + BUNDLE_HEAD + rows + 4 * i, mk->block[i]);
	return 0;
}

static int run_frame(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		     struct errinfo *err)
{
	const struct making *mk = arg;
	size_t first = i * BUNDLE_FRAME_BLOCKS, rest = mk->n - first;
	uint8_t *raw = imagerepo_tools_buffer(t, 0, FRAME_RAW);
	struct slot *s = slot;
	int64_t n;

	if (!raw || !imagerepo_tools_cctx(t))
		return errinfo_set(err, -ENOMEM, "out of memory");
	s->blocks = (uint32_t)(rest < BUNDLE_FRAME_BLOCKS ? rest
							  : BUNDLE_FRAME_BLOCKS);
	for (uint32_t b = 0; b < s->blocks; b++) {
		int rc = read_block(mk, mk->block[first + b],
				    raw + (size_t)b * INDEX_BLOCK);

		if (rc)
			return errinfo_set_errno(err, rc, "the disk");
	}
	n = imagerepo_compress(imagerepo_tools_cctx(t), LEVEL, raw,
			       (size_t)s->blocks * INDEX_BLOCK, s->data);
	if (n < 0)
		return errinfo_set(err, -ENOMEM, "out of memory");
	s->stored = (uint32_t)n;
	hash_bytes(s->data, s->stored, s->sha256);
	return 0;
}

static int done_frame(void *arg, size_t i, void *slot, struct errinfo *err)
{
	struct making *mk = arg;
	uint8_t *row = mk->head + BUNDLE_HEAD + i * BUNDLE_FRAME_ROW;
	struct slot *s = slot;
	int rc;

	put32(row, s->stored);
	put32(row + 4, s->blocks);
	memcpy(row + 8, s->sha256, HASH_LEN);
	rc = imagerepo_pwrite_all(mk->out, s->data, s->stored, mk->len);
	mk->len += s->stored;
	return rc ? errinfo_set_errno(err, rc, "cannot write the bundle") : 0;
}

static int write_bundle(struct making *mk, int threads, struct errinfo *err)
{
	struct imagerepo_parallel how = { .n = n_frames(mk),
					  .threads = threads,
					  .slot_size = sizeof(struct slot),
					  .run = run_frame,
					  .done = done_frame,
					  .arg = mk };
	int rc = imagerepo_parallel(&how, err);

	if (rc)
		return rc;
	rc = imagerepo_pwrite_all(mk->out, mk->head, mk->head_len, 0);
	return rc ? errinfo_set_errno(err, rc, "cannot write the bundle") : 0;
}

static int make(struct imagerepo_repo *r, struct making *mk, int threads,
		struct image_manifest *m, struct errinfo *err)
{
	char tmp[IMAGE_PATH];
	int rc = start_head(mk, m);

	if (rc)
		return errinfo_set(err, rc, "out of memory");
	mk->out = imagerepo_repo_tmp(r, tmp);
	if (mk->out < 0)
		return errinfo_set_errno(err, mk->out, "%s/" REPO_TMP, r->name);
	rc = write_bundle(mk, threads, err);
	if (rc) {
		unlinkat(r->dir, tmp, 0);
		return rc;
	}
	m->bundle_head = mk->head_len;
	hash_bytes_hex(mk->head, mk->head_len, m->bundle_head_sha256);
	return imagerepo_repo_settle(r, mk->out, tmp, &m->bundle, err);
}

int imagerepo_bundle_make(struct imagerepo_repo *r, int fd,
			  const uint32_t *blocks, size_t n, int threads,
			  struct image_manifest *m, uint32_t *n_out,
			  struct errinfo *err)
{
	struct making mk = { .disk = fd, .out = -1 };
	int rc = pick_blocks(&mk, blocks, n);

	if (rc)
		errinfo_set_errno(err, rc, "the disk");
	else if (mk.n)
		rc = make(r, &mk, threads, m, err);
	*n_out = (uint32_t)mk.n;
	free(mk.block);
	free(mk.head);
	cleanup_close(&mk.out);
	return rc;
}
