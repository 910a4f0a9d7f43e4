/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta - the packs that an image has and an older one has not, as differences
 * from the older image's disk; for the uplink of a gateway, which has that.
 *
 *	offset  size
 *	0       8	"NSDELTA2"
 *	8       4	flags, 0
 *	12      4	ZSTD_versionNumber() of the library that compressed
 *	16      32	SHA-256 of the old index
 *	48      32	SHA-256 of the new index
 *	80      4	index_raw, 84 index_stored
 *	88      4	table_raw, 92 table_stored
 *	96      -	zstd frame: the new index's first 32 bytes and columns
 *			(index.h), with the columns
 *			of the old index as prefix
 *	-       -	zstd frame: table
 *	-       -	payload: the units' frames, then the gaps' bytes
 *
 * table:	u32 n_units, n_extents, n_streams, n_gaps
 *	units	{ u32 first; u16 chunks, streams; u8 level, extents;
 *		  u32 stored }
 *	extents	{ u32 block, blocks }		on the old disk
 *	streams	{ u32 at, length, text, recipe }
 *	gaps	{ u32 pack, offset, length }	bytes of packs as they are
 *
 * Little endian. A unit is a run of stored chunks of the new index (numbered as
 * there, holes left out), at most DELTA_UNIT_MAX bytes raw, as one zstd frame
 * whose prefix is the unit's extents of the old disk, one after another. The
 * receiver decodes it, compresses each chunk again at `level`, and compares
 * with the chunk's digest of stored bytes: a pack comes out bit by bit as it
 * was published, or not at all.
 *
 * What is compressed on the disk already differs wholly for the smallest
 * change, so that gzip files are compared by their texts. In the frame a unit's
 * stream (deflate.h: `length` bytes `at` of its raw bytes) has made way for
 * `text` bytes of text and `recipe` bytes that tell how it was compressed. An
 * extent with DELTA_TEXT in `block` stands for the text of the gzip file that
 * fills those blocks.
 */
#ifndef DELTA_H
#define DELTA_H

#include <stdint.h>

#include "errinfo.h"
#include "image.h"
#include "repo.h"

#define DELTA_UNIT_MAX    (2u << 20)  /* raw bytes of a unit */
#define DELTA_PLAIN_MAX   (16u << 20) /* with texts for streams */
#define DELTA_EXTENTS_MAX 255         /* of one unit */
#define DELTA_PREFIX_MAX  (16u << 20) /* bytes of a unit's extents */
#define DELTA_TEXT        (1u << 31)

struct imagerepo_delta_stats {
	uint32_t packs, rebuilt; /* that the old image has not; made of them */
	uint32_t zstd;           /* ZSTD_versionNumber() of the maker */
	uint64_t bytes;          /* of packs that were rebuilt */
};

/* Makes the delta between two images whose blobs are all here, and stores it.
 * level: at which new packs were compressed, 0: find out. */
int imagerepo_delta_make(struct imagerepo_repo *r,
			 const struct image_blob *old_index,
			 const struct image_blob *new_index, int level,
			 int threads, imagerepo_repo_progress_fn progress,
			 void *arg, struct image_blob *out, struct errinfo *err);

/* Rebuilds the new index and its packs from the old image and the delta, both
 * of which are here; what came out right is stored. 0 even when some packs, or
 * the index, did not (another zstd version, say): fetch what
 * imagerepo_repo_has() does not find. -EBADMSG: the delta is not sound; what is
 * stored is right all the same. Needs the lock. */
int imagerepo_delta_apply(struct imagerepo_repo *r,
			  const struct image_blob *old_index,
			  const struct image_blob *new_index,
			  const struct image_blob *delta, int threads,
			  struct imagerepo_delta_stats *stats,
			  struct errinfo *err);
/* The same, but nothing is stored, and no lock is needed. */
int imagerepo_delta_check(struct imagerepo_repo *r,
			  const struct image_blob *old_index,
			  const struct image_blob *new_index,
			  const struct image_blob *delta,
			  struct imagerepo_delta_stats *stats,
			  struct errinfo *err);

#endif
