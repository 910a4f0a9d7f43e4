/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta-match - which parts of the old disk a run of new chunks is like.
 */
#ifndef DELTA_MATCH_H
#define DELTA_MATCH_H

#include "anchors.h"
#include "delta-private.h"
#include "parallel.h"

/* All anchors of a disk that is here. */
int imagerepo_delta_scan(struct imagerepo_repo *r, const struct index *old,
			 int threads, imagerepo_repo_progress_fn progress,
			 void *arg, struct imagerepo_anchors **out,
			 struct errinfo *err);

/* At most DELTA_EXTENTS_MAX extents, by block, none touching another, `budget`
 * bytes in all. near: a block of the old disk that is likely, too; UINT32_MAX:
 * none is. Returns how many. */
uint32_t imagerepo_delta_match(const struct imagerepo_anchors *a,
			       uint32_t disk_blocks, const uint8_t *raw,
			       size_t len, uint32_t near, size_t budget,
			       struct delta_extent *out);

#endif
