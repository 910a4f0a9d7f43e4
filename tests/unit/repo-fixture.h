/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A repository with two versions of an image, for tests.
 */
#ifndef REPO_FIXTURE_H
#define REPO_FIXTURE_H

#include "index.h"
#include "repo.h"

#define BLOCKS 768u /* 3 MiB */
#define SIZE   (BLOCKS * INDEX_BLOCK)

extern struct imagerepo_repo *repo;
extern struct errinfo err; /* of the last call */
extern uint8_t disk[2][SIZE];
extern struct image_manifest image[2];
extern char digest[2][HASH_HEX]; /* of the manifests */
extern size_t gzip_len;          /* of a file on both disks */

/* For a group of tests. */
int repo_setup(void **state);
int repo_teardown(void **state);

/* Numbers that are the same in each run. */
uint32_t rnd(void);

/* The path of a file or folder beside the repository. */
void in_dir(const char *name, char out[IMAGE_PATH]);

/* Another repository, with the first version's blobs. */
struct imagerepo_repo *mirror_of_first(const char *name);
int copy_blob(const struct image_blob *b, void *to);

/* What gc and fsck are told of a version. */
void keep_image(int v, struct imagerepo_keep *k);

#endif
