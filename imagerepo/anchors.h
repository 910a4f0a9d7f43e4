/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchors - where on the old disk is what looks like this?
 *
 * A rolling hash over 64 bytes picks about one position in ANCHOR_EVERY by
 * content alone, so that equal bytes are found at any distance, in files that
 * were shifted by an inserted word as well as in blocks that moved as a whole.
 */
#ifndef ANCHORS_H
#define ANCHORS_H

#include <stddef.h>
#include <stdint.h>

#define ANCHOR_EVERY 512u

struct imagerepo_anchor {
	uint32_t key;
	uint32_t offset; /* in the bytes looked at */
};

/* Writes at most max of them; returns how many. skip: as many more bits of the
 * hash must be zero, for disks that would have too many. */
size_t imagerepo_anchors_scan(const uint8_t *p, size_t len, int skip,
			      struct imagerepo_anchor *out, size_t max);

/* By key: the block of the old disk. */
struct imagerepo_anchors;
struct imagerepo_anchors *imagerepo_anchors_new(uint64_t disk_size);
void imagerepo_anchors_free(struct imagerepo_anchors *a);
int imagerepo_anchors_skip(const struct imagerepo_anchors *a);
/* The first of a key stays. */
void imagerepo_anchors_add(struct imagerepo_anchors *a, uint32_t key,
			   uint32_t block);
/* UINT32_MAX: not there. */
uint32_t imagerepo_anchors_find(const struct imagerepo_anchors *a, uint32_t key);

#endif
