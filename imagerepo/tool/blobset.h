/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobset - blobs by digest, in the order in which they were added.
 */
#ifndef BLOBSET_H
#define BLOBSET_H

#include "fetch.h"
#include "image.h"
#include "index.h"

struct blobset {
	struct image_blob *blob;
	size_t n, room;
	uint64_t bytes;
};

/* A blob of size 0 is none. 0 or -ENOMEM. */
int blobset_add(struct blobset *s, const struct image_blob *b);
int blobset_add_each(const struct image_blob *b, void *arg);
/* Removes what is there twice. 0 or -ENOMEM. */
int blobset_unique(struct blobset *s);
void blobset_dispose(struct blobset *s);

/* An image's index, fetched, checked, parsed. */
int blobset_index(struct fetch *f, const struct image_blob *b,
		  struct index **out, struct errinfo *err);
/* Adds kernel, initrd, index, bundle; packs; deltas. */
int blobset_add_fixed(struct blobset *s, const struct image_manifest *m);
int blobset_add_packs(struct blobset *s, const struct index *ix);
int blobset_add_deltas(struct blobset *s, const struct image_manifest *m);

#endif
