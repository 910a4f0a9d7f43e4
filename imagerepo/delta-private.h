/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the maker and the receiver of a delta share.
 */
#ifndef DELTA_PRIVATE_H
#define DELTA_PRIVATE_H

#include "delta.h"
#include "repo-private.h"

#define DELTA_MAGIC      "NSDELTA2"
#define DELTA_HEAD       96u
#define DELTA_TABLE_HEAD 16u
#define DELTA_UNIT_ROW   14u
#define DELTA_EXTENT_ROW 8u
#define DELTA_STREAM_ROW 16u
#define DELTA_GAP_ROW    12u
#define DELTA_TABLE_MAX  (256u << 20)
/* Largest stored unit: one that does not compress. */
#define DELTA_STORED_MAX (DELTA_PLAIN_MAX + DELTA_PLAIN_MAX / 128 + 512)

struct delta_extent {
	uint32_t block, blocks; /* of the old disk; block may have DELTA_TEXT */
};

struct delta_stream {
	uint32_t at, length; /* in the unit's raw bytes */
	uint32_t text, recipe;
};

struct delta_unit {
	uint32_t first; /* among the stored chunks of the new index */
	uint16_t chunks, streams;
	uint8_t level, extents;
	uint32_t stored;
	uint32_t extent, stream; /* where its extents and streams are */
	uint64_t offset;         /* in the delta */
};

struct delta_gap {
	uint32_t pack, offset, length;
	uint64_t at; /* in the delta */
};

struct delta {
	uint32_t zstd;
	uint8_t old_index[HASH_LEN], new_index[HASH_LEN];
	uint32_t n_units, n_extents, n_streams, n_gaps;
	struct delta_unit *unit;
	struct delta_extent *extent;
	struct delta_stream *stream;
	struct delta_gap *gap;
};

/* Reads head and table of an open delta of `size` bytes, and the new index's
 * document as far as it can be made here (NULL: it cannot). Checks all that
 * can be checked without the packs. */
int imagerepo_delta_parse(int fd, uint64_t size, const struct index *old,
			  const uint8_t *old_body, size_t old_body_len,
			  struct delta *d, void **index_doc, size_t *index_len,
			  struct errinfo *err);
void imagerepo_delta_dispose(struct delta *d);

/* Chunk numbers of the stored chunks of an index; caller frees. */
uint32_t *imagerepo_index_rows(const struct index *ix);
/* Which packs of `ix` the index `old` has not: a byte each; caller frees. */
uint8_t *imagerepo_index_new_packs(const struct index *ix,
				   const struct index *old);

/* The unit's extents of the old disk, one after another; out has
 * DELTA_PREFIX_MAX bytes. -EBADMSG: there can be no such extents. */
int imagerepo_delta_prefix(struct imagerepo_disk *old,
			   const struct delta_extent *extent, uint32_t n,
			   uint8_t *out, size_t *len, struct errinfo *err);

#endif
