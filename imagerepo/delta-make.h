/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta-make - a delta while it is made.
 */
#ifndef DELTA_MAKE_H
#define DELTA_MAKE_H

#include "delta-match.h"
#include "delta-plan.h"

struct delta_making {
	struct imagerepo_repo *r;
	const struct image_blob *old_blob;
	struct index *old, *new;
	struct delta_old like;
	struct delta_plan plan;
	int payload; /* units and gaps */
	uint64_t payload_len;
	struct delta_extent *extent;
	struct delta_stream *stream;
	uint32_t n_extents, extent_room, n_streams, stream_room;
	imagerepo_repo_progress_fn progress;
	void *arg;
};

/* Writes it as a blob. */
int imagerepo_delta_store(struct delta_making *mk,
			  const struct image_blob *new_blob,
			  struct image_blob *out, struct errinfo *err);

#endif
