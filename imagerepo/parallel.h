/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parallel - the items 0 to n-1 worked on by threads, and settled in order.
 *
 * run() is called in some thread, with a slot that is the item's own until it
 * was settled; done() in the caller's thread, for one item after another. What
 * comes out does not depend on how many threads there are or how they run.
 * At most `slots` items are under way. The first failure, in the order of the
 * items, ends it and is returned with its text.
 */
#ifndef PARALLEL_H
#define PARALLEL_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"

/* A thread's own: made when it first needs them, freed by imagerepo_parallel.
 * NULL: out of memory. */
struct imagerepo_tools;
void *imagerepo_tools_cctx(struct imagerepo_tools *t);
void *imagerepo_tools_dctx(struct imagerepo_tools *t);
/* A buffer of at least that size; i: 0 to 3. */
void *imagerepo_tools_buffer(struct imagerepo_tools *t, int i, size_t size);
/* A place for something else, and who frees it. */
void **imagerepo_tools_own(struct imagerepo_tools *t, void (*dispose)(void *));

struct imagerepo_parallel {
	size_t n;
	int threads;      /* 0: as many as processors */
	size_t slots;     /* 0: 8 per thread */
	size_t slot_size; /* zeroed before the first use only */
	int (*run)(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		   struct errinfo *err);
	int (*done)(void *arg, size_t i, void *slot, struct errinfo *err);
	void (*dispose)(void *slot); /* of each slot at the end; may be NULL */
	void *arg;
};

int imagerepo_parallel(const struct imagerepo_parallel *how, struct errinfo *err);

#endif
