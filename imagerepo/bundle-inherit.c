/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a boot of this version will read, as far as that of the previous one
 * tells: the same content, wherever it lies now, in the same order. A block
 * that is nowhere any more stands for what took its place: what now lies as far
 * behind the block before it as it did then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bundle-private.h"
#include "cleanup.h"
#include "repo-private.h"

#define FRAME_RAW (BUNDLE_FRAME_BLOCKS * INDEX_BLOCK)
#define SCAN      (1u << 20)
#define NOWHERE   UINT32_MAX

struct was {
	uint64_t hash;
	uint32_t i;   /* in the bundle */
	uint32_t now; /* block of the new disk */
};

static int by_hash(const void *a, const void *b)
{
	const struct was *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

/* Hashes of all blocks of the previous bundle. */
static int read_frames(struct imagerepo_repo *r, const struct image_blob *blob,
		       const struct bundle *b, struct was *was,
		       struct errinfo *err)
{
	auto_close int fd = imagerepo_repo_open_blob(r, blob, err);
	auto_free uint8_t *stored = malloc(BUNDLE_FRAME_MAX);
	auto_free uint8_t *raw = malloc(FRAME_RAW);
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	int rc = fd < 0 ? fd : 0;

	if (!stored || !raw || !dctx)
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; !rc && i < imagerepo_bundle_n_frames(b); i++) {
		struct bundle_frame f;

		imagerepo_bundle_frame(b, i, &f);
		rc = imagerepo_pread_all(fd, stored, f.stored, f.offset);
		if (rc)
			errinfo_set_errno(err, rc, "bundle");
		else
			rc = imagerepo_bundle_decode(dctx, &f, stored, f.stored,
						     raw, err);
		for (uint32_t k = 0; !rc && k < f.blocks; k++)
			was[f.first + k] = (struct was){
				XXH3_64bits(raw + (size_t)k * INDEX_BLOCK,
					    INDEX_BLOCK),
				f.first + k, NOWHERE
			};
	}
	ZSTD_freeDCtx(dctx);
	return rc;
}

static struct was *find(struct was *was, size_t n, uint64_t hash)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (was[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && was[low].hash == hash ? &was[low] : NULL;
}

/* Looks for each block in the new disk: the same number if it is the same
 * there, else the first. */
static int scan_disk(int fd, uint64_t size, const struct bundle *b,
		     struct was *was, size_t n)
{
	auto_free uint8_t *raw = malloc(SCAN);
	uint64_t at = 0;

	if (!raw)
		return -ENOMEM;
	for (; at < size; at += SCAN) {
		size_t len = size - at < SCAN ? size - at : SCAN;
		int rc = imagerepo_pread_all(fd, raw, len, at);

		if (rc)
			return rc;
		for (size_t k = 0; k < len; k += INDEX_BLOCK) {
			uint32_t now = (uint32_t)((at + k) / INDEX_BLOCK);
			struct was *w =
				find(was, n, XXH3_64bits(raw + k, INDEX_BLOCK));

			for (; w && w < was + n; w++) {
				if (w->now == NOWHERE ||
				    imagerepo_bundle_block(b, w->i) == now)
					w->now = now;
				if (w + 1 == was + n || w[1].hash != w->hash)
					break;
			}
		}
	}
	return 0;
}

/* In the order of the bundle, each block once. */
static int list_blocks(const struct bundle *b, const struct was *was, size_t n,
		       uint64_t n_disk, uint32_t *out, size_t *n_out)
{
	auto_free uint32_t *now = malloc(n * sizeof(*now));
	auto_free uint8_t *taken = calloc(1, n_disk / 8 + 1);
	uint32_t last_was = 0, last_now = NOWHERE;

	if (!now || !taken)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		now[was[i].i] = was[i].now;
	*n_out = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t then = imagerepo_bundle_block(b, (uint32_t)i);
		uint64_t block = now[i];

		if (block != NOWHERE) {
			last_was = then;
			last_now = now[i];
		} else if (last_now != NOWHERE && then > last_was &&
			   then - last_was <= BUNDLE_FRAME_BLOCKS) {
			block = (uint64_t)last_now + (then - last_was);
		}
		if (block >= n_disk || taken[block / 8] & 1 << block % 8)
			continue;
		taken[block / 8] |= (uint8_t)(1 << block % 8);
		out[(*n_out)++] = (uint32_t)block;
	}
	return 0;
}

static int map_blocks(struct imagerepo_repo *r,
		      const struct image_manifest *previous,
		      const struct bundle *b, int fd, uint64_t disk_size,
		      uint32_t **blocks, size_t *n, struct errinfo *err)
{
	size_t n_was = imagerepo_bundle_n_blocks(b);
	auto_free struct was *was = calloc(n_was, sizeof(*was));
	auto_free uint32_t *out = calloc(n_was, sizeof(*out));
	int rc;

	if (!was || !out)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = read_frames(r, &previous->bundle, b, was, err);
	if (rc)
		return rc;
	qsort(was, n_was, sizeof(*was), by_hash);
	rc = scan_disk(fd, disk_size, b, was, n_was);
	if (!rc)
		rc = list_blocks(b, was, n_was, disk_size / INDEX_BLOCK, out, n);
	if (rc)
		return errinfo_set_errno(err, rc, "the disk");
	*blocks = TAKE(out);
	return 0;
}

int imagerepo_bundle_inherit(struct imagerepo_repo *r,
			     const struct image_manifest *previous, int fd,
			     uint64_t disk_size, uint32_t **blocks, size_t *n,
			     struct errinfo *err)
{
	auto_close int bundle = -1;
	auto_free uint8_t *head = NULL;
	struct bundle *b;
	int rc;

	*n = 0;
	if (!previous->bundle.size)
		return 0;
	bundle = imagerepo_repo_open_blob(r, &previous->bundle, err);
	if (bundle < 0)
		return bundle;
	head = malloc(previous->bundle_head);
	rc = head ? imagerepo_pread_all(bundle, head, previous->bundle_head, 0)
		  : -ENOMEM;
	if (rc)
		return errinfo_set_errno(err, rc, "bundle");
	rc = imagerepo_bundle_parse(head, previous->bundle_head,
				    previous->disk_size, previous->index.sha256,
				    &b, err);
	if (rc)
		return rc;
	rc = map_blocks(r, previous, b, fd, disk_size, blocks, n, err);
	imagerepo_bundle_free(b);
	return rc;
}
