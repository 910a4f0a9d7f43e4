/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta-plan - which chunks a delta holds, in which units, and which bytes of
 * packs as they are.
 */
#ifndef DELTA_PLAN_H
#define DELTA_PLAN_H

#include "delta-private.h"

struct delta_plan {
	uint32_t *row; /* chunk numbers of the new index's stored chunks */
	struct delta_unit *unit; /* without stored, extents */
	uint32_t n_units;
	struct delta_gap *gap;
	uint32_t n_gaps;
	struct plan_old *old; /* chunks of the old disk by digest */
	uint32_t n_old;
};

int imagerepo_delta_plan(struct imagerepo_repo *r, const struct index *old,
			 const struct image_blob *new_blob,
			 const struct index *new, int level, int threads,
			 struct delta_plan *p, struct errinfo *err);
void imagerepo_delta_plan_dispose(struct delta_plan *p);
/* Block of the old disk that followed what lies before this row; `same` (the
 * same place) where that is not known. */
uint32_t imagerepo_delta_successor(const struct delta_plan *p,
				   const struct index *new,
				   const struct index *old, uint32_t row,
				   uint32_t same);

#endif
