/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making bundles (bundle.h).
 */
#ifndef BUNDLE_PRIVATE_H
#define BUNDLE_PRIVATE_H

#include "bundle.h"
#include "repo.h"

#define BUNDLE_MAGIC     "NSBUNDL1"
#define BUNDLE_HEAD      64u
#define BUNDLE_FRAME_ROW 40u

/* Of the blocks of the disk `fd`, in this order; *n_out of them, if there are
 * too many. Fills m->bundle, bundle_head, bundle_head_sha256; m->index,
 * disk_size must be set. No blocks: no bundle. */
int imagerepo_bundle_make(struct imagerepo_repo *r, int fd,
			  const uint32_t *blocks, size_t n, int threads,
			  struct image_manifest *m, uint32_t *n_out,
			  struct errinfo *err);

/* Where the blocks of the previous image's bundle are now, by content, in the
 * order that they had; caller frees. */
int imagerepo_bundle_inherit(struct imagerepo_repo *r,
			     const struct image_manifest *previous, int fd,
			     uint64_t disk_size, uint32_t **blocks, size_t *n,
			     struct errinfo *err);

#endif
