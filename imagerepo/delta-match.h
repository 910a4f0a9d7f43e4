/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta-match - which parts of the old disk a run of new bytes is like.
 */
#ifndef DELTA_MATCH_H
#define DELTA_MATCH_H

#include "anchors.h"
#include "delta-private.h"
#include "parallel.h"

/* A gzip file of the old disk. */
struct delta_text {
	uint32_t block, blocks; /* block without DELTA_TEXT */
	uint32_t text;          /* bytes; 0: it is none after all */
};

/* All anchors of a disk that is here, and of the texts on it: those have
 * DELTA_TEXT in their block. */
struct delta_old {
	struct imagerepo_anchors *anchors;
	uint32_t disk_blocks;
	struct delta_text *text; /* by block */
	uint32_t n_texts, room;
};

int imagerepo_delta_scan(struct imagerepo_repo *r, const struct image_blob *old,
			 const struct index *ix, int threads,
			 imagerepo_repo_progress_fn progress, void *arg,
			 struct delta_old *out, struct errinfo *err);
void imagerepo_delta_old_dispose(struct delta_old *o);

/* At most DELTA_EXTENTS_MAX extents, by block, none touching another: `blocks`
 * blocks in all, and `text` bytes of texts. near: a block of the old disk that
 * is likely, as far as `near_blocks` behind it; UINT32_MAX: none is. Returns
 * how many, or -ENOMEM. */
int imagerepo_delta_match(const struct delta_old *o, const uint8_t *plain,
			  size_t len, uint32_t near, uint32_t near_blocks,
			  uint32_t blocks, size_t text, struct delta_extent *out);

#endif
