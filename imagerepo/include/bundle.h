/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - the blocks of a disk that a boot reads, in the order it first reads
 * them (within a frame in the disk's), as one stream: a node boots from one
 * request instead of hundreds.
 *
 *	offset  size
 *	0       8	"NSBUNDL1"
 *	8       4	flags, 0
 *	12      4	n_frames
 *	16      4	n_blocks
 *	20      4	0
 *	24      8	disk size, bytes
 *	32      32	SHA-256 of the index that it belongs to
 *	64      -	frames: { u32 stored, u32 blocks, u8 sha256[32] }
 *	-       4*n	blocks: number on the disk (offset / 4096), each once
 *	head end	the frames' stored bytes, one after another
 *
 * Little endian. A frame is one zstd frame of blocks * 4096 bytes, at most
 * BUNDLE_FRAME_BLOCKS; its digest is that of the stored bytes. The manifest
 * holds length and digest of the head, so that a reader knows what each frame
 * must be before the first of them arrives, and uses it as soon as it is here.
 */
#ifndef BUNDLE_H
#define BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "hash.h"

#define BUNDLE_FRAME_BLOCKS 128u /* 512 KiB raw */
#define BUNDLE_FRAME_MAX    (BUNDLE_FRAME_BLOCKS * 4096u + 1024u)
#define BUNDLE_HEAD_MAX     (8u << 20)

struct bundle; /* a parsed head */

struct bundle_frame {
	uint64_t offset; /* in the bundle's file */
	uint32_t stored;
	uint32_t first, blocks; /* its blocks in the head's list */
	const uint8_t *sha256;
};

int imagerepo_bundle_parse(const void *head, size_t len, uint64_t disk_size,
			   const char *index_sha256, struct bundle **out,
			   struct errinfo *err);
void imagerepo_bundle_free(struct bundle *b);
uint32_t imagerepo_bundle_n_frames(const struct bundle *b);
uint32_t imagerepo_bundle_n_blocks(const struct bundle *b);
void imagerepo_bundle_frame(const struct bundle *b, uint32_t i,
			    struct bundle_frame *out);
/* Number on the disk of block `i` of the list. */
uint32_t imagerepo_bundle_block(const struct bundle *b, uint32_t i);
/* Where a block of the disk is in the list; -1: not in the bundle. */
int64_t imagerepo_bundle_find(const struct bundle *b, uint64_t block);
/* As imagerepo_chunk_decode(). raw takes blocks * 4096 bytes. */
int imagerepo_bundle_decode(void *dctx, const struct bundle_frame *f,
			    const void *stored, size_t len, void *raw,
			    struct errinfo *err);

#endif
