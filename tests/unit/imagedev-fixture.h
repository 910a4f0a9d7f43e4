/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small image in memory, for tests of imagedev: a disk of text, noise and
 * holes, cut in chunks of all kinds, with its packs, index and bundle.
 */
#ifndef IMAGEDEV_FIXTURE_H
#define IMAGEDEV_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "imagedev.h"

#define FIXTURE_BLOBS 2048

struct fixture_blob {
	char sha256[HASH_HEX];
	uint8_t *data;
	size_t len;
};

struct fixture {
	uint8_t *disk;
	size_t size;
	struct fixture_blob blob[FIXTURE_BLOBS]; /* packs, then the bundle */
	int n_blobs, bundle;
	void *index;
	size_t index_len, bundle_head;
	char index_sha256[HASH_HEX], head_sha256[HASH_HEX];
	uint64_t cuts; /* seed of where the disk is cut */
};

/* size: a multiple of 4096. The same seed gives the same image. 0, or -1. */
int fixture_make(struct fixture *f, size_t size, uint64_t seed);
/* A version of old: the same up to `from`, and cut at the same places. */
int fixture_make_next(struct fixture *f, const struct fixture *old, size_t from,
		      uint64_t seed);
void fixture_free(struct fixture *f);
void fixture_config(const struct fixture *f, struct imagedev_config *config);
const struct fixture_blob *fixture_find(const struct fixture *f,
					const char *sha256);

#endif
