/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space-index - the cubes of a space by their one value of a field, so that
 * not every cube has to be compared with every one of another space: elements
 * of a large set differ in it, most of them.
 */
#ifndef SPACE_INDEX_H
#define SPACE_INDEX_H

#include "space.h"

struct space_index {
	const struct space *s; /* borrowed */
	enum space_field field;
	size_t *order;   /* numbers of its cubes: by value, then those that */
	size_t n_values; /* have more than one */
	size_t *found;
	const struct space_cube **near;
};

/* Lies in the pool. Without memory, which the pool remembers, every cube is
 * near. */
void space_index_init(struct space_index *x, struct space_pool *p,
		      const struct space *s);
/* Cubes that c may have something in common with, in their order, and perhaps
 * some others. The list holds until the next call. */
size_t space_index_near(struct space_index *x, const struct space_cube *c,
			const struct space_cube *const **near_out);

#endif
