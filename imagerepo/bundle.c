/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a bundle, and its frames.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle-private.h"
#include "bytes.h"
#include "image.h"
#include "index-private.h"

struct place {
	uint32_t block, i;
};

struct bundle {
	uint32_t n_frames, n_blocks;
	struct bundle_frame *frame;
	uint8_t *sha256;     /* of the frames */
	uint32_t *block;     /* in the list's order */
	struct place *place; /* by block */
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->block > y->block) - (x->block < y->block);
}

static int check_head(const uint8_t *p, size_t len, uint64_t disk_size,
		      const char *index_sha256, struct errinfo *err)
{
	char hex[HASH_HEX];
	uint64_t want;

	if (len > BUNDLE_HEAD_MAX)
		return errinfo_set(err, -EFBIG,
				   "the bundle's head is larger "
				   "than %u bytes",
				   BUNDLE_HEAD_MAX);
	if (len < BUNDLE_HEAD || memcmp(p, BUNDLE_MAGIC, 8) != 0)
		return errinfo_set(err, -EBADMSG, "this is not a bundle");
	if (get32(p + 8) || get32(p + 20))
		return errinfo_set(err, -EBADMSG,
				   "the bundle has flags that are unknown here");
	want = BUNDLE_HEAD + (uint64_t)get32(p + 12) * BUNDLE_FRAME_ROW +
	       (uint64_t)get32(p + 16) * 4;
	if (want != len || !get32(p + 16))
		return errinfo_set(err, -EBADMSG,
				   "the bundle's head is not as long as it says");
	format_hex(p + 32, HASH_LEN, hex);
	if (get64(p + 24) != disk_size || strcmp(hex, index_sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "the bundle belongs to another disk");
	return 0;
}

static int read_frames(struct bundle *b, const uint8_t *p, uint64_t offset)
{
	uint32_t first = 0;

	for (uint32_t i = 0; i < b->n_frames; i++, p += BUNDLE_FRAME_ROW) {
		struct bundle_frame *f = &b->frame[i];

		f->offset = offset;
		f->stored = get32(p);
		f->first = first;
		f->blocks = get32(p + 4);
		f->sha256 = memcpy(b->sha256 + (size_t)i * HASH_LEN, p + 8,
				   HASH_LEN);
		if (!f->stored || f->stored > BUNDLE_FRAME_MAX || !f->blocks ||
		    f->blocks > BUNDLE_FRAME_BLOCKS)
			return -EBADMSG;
		first += f->blocks;
		offset += f->stored;
	}
	return first == b->n_blocks ? 0 : -EBADMSG;
}

static int read_blocks(struct bundle *b, const uint8_t *p, uint64_t disk_size)
{
	for (uint32_t i = 0; i < b->n_blocks; i++) {
		b->block[i] = get32(p + 4 * (size_t)i);
		if (b->block[i] >= disk_size / INDEX_BLOCK)
			return -EBADMSG;
		b->place[i].block = b->block[i];
		b->place[i].i = i;
	}
	qsort(b->place, b->n_blocks, sizeof(*b->place), compare_places);
	for (uint32_t i = 1; i < b->n_blocks; i++)
		if (b->place[i].block == b->place[i - 1].block)
			return -EBADMSG;
	return 0;
}

int imagerepo_bundle_parse(const void *head, size_t len, uint64_t disk_size,
			   const char *index_sha256, struct bundle **out,
			   struct errinfo *err)
{
	const uint8_t *p = head;
	struct bundle *b;
	int rc = check_head(p, len, disk_size, index_sha256, err);

	if (rc)
		return rc;
	b = calloc(1, sizeof(*b));
	if (!b)
		return errinfo_set(err, -ENOMEM, "out of memory");
	b->n_frames = get32(p + 12);
	b->n_blocks = get32(p + 16);
	b->frame = calloc(b->n_frames + 1UL, sizeof(*b->frame));
	b->sha256 = malloc((size_t)b->n_frames * HASH_LEN + 1);
	b->block = malloc((size_t)b->n_blocks * sizeof(*b->block));
	b->place = malloc((size_t)b->n_blocks * sizeof(*b->place));
	if (!b->frame || !b->sha256 || !b->block || !b->place) {
		imagerepo_bundle_free(b);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = read_frames(b, p + BUNDLE_HEAD, len);
	if (!rc)
		rc = read_blocks(b,
				 p + BUNDLE_HEAD +
					 (size_t)b->n_frames * BUNDLE_FRAME_ROW,
				 disk_size);
	if (rc) {
		imagerepo_bundle_free(b);
		return errinfo_set(err, rc, "the bundle's head cannot be");
	}
	*out = b;
	return 0;
}

void imagerepo_bundle_free(struct bundle *b)
{
	if (!b)
		return;
	free(b->frame);
	free(b->sha256);
	free(b->block);
	free(b->place);
	free(b);
}

uint32_t imagerepo_bundle_n_frames(const struct bundle *b)
{
	return b->n_frames;
}

uint32_t imagerepo_bundle_n_blocks(const struct bundle *b)
{
	return b->n_blocks;
}

void imagerepo_bundle_frame(const struct bundle *b, uint32_t i,
			    struct bundle_frame *out)
{
	*out = b->frame[i];
}

uint32_t imagerepo_bundle_block(const struct bundle *b, uint32_t i)
{
	return b->block[i];
}

int64_t imagerepo_bundle_find(const struct bundle *b, uint64_t block)
{
	struct place key = { (uint32_t)block, 0 }, *found;

	if (block > UINT32_MAX)
		return -1;
	found = bsearch(&key, b->place, b->n_blocks, sizeof(key), compare_places);
	return found ? (int64_t)found->i : -1;
}

int imagerepo_bundle_decode(void *dctx, const struct bundle_frame *f,
			    const void *stored, size_t len, void *raw,
			    struct errinfo *err)
{
	uint8_t sha256[HASH_LEN];

	if (len != f->stored)
		return errinfo_set(err, -EBADMSG,
				   "a frame of %zu bytes, not of %u", len,
				   f->stored);
	hash_bytes(stored, len, sha256);
	if (memcmp(sha256, f->sha256, HASH_LEN) != 0)
		return errinfo_set(err, -EBADMSG,
				   "a frame's SHA-256 is not the bundle's");
	if (imagerepo_frame_decode(dctx, stored, len, raw,
				   (size_t)f->blocks * INDEX_BLOCK))
		return errinfo_set(err, -EBADMSG, "a frame does not decompress");
	return 0;
}
