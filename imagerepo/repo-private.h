/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the makers and checkers of a repository share.
 */
#ifndef REPO_PRIVATE_H
#define REPO_PRIVATE_H

#include "repo.h"

#define REPO_BLOBS "blobs"
#define REPO_CACHE "cache"
#define REPO_TMP   "tmp"

struct imagerepo_repo {
	int dir; /* all paths are relative to it */
	int locked;
	unsigned int serial; /* of files in tmp/ */
	char *name;          /* as given, for messages */
	uint8_t dirty[256];  /* directories of blobs that must be synced */
};

/* A blob whose name becomes durable with the next imagerepo_repo_flush(). */
int imagerepo_repo_put_later(struct imagerepo_repo *r, const void *data,
			     size_t len, struct image_blob *out,
			     struct errinfo *err);
int imagerepo_repo_flush(struct imagerepo_repo *r, struct errinfo *err);
/* A file in tmp/ without a name, for reading and writing. */
int imagerepo_repo_scratch(struct imagerepo_repo *r, struct errinfo *err);
/* An index, parsed. */
int imagerepo_repo_index(struct imagerepo_repo *r, const struct image_blob *b,
			 struct index **out, struct errinfo *err);

/* Reads exactly len bytes at an offset; -EPIPE where the file ends. */
int imagerepo_pread_all(int fd, void *buf, size_t len, uint64_t offset);
int imagerepo_pwrite_all(int fd, const void *buf, size_t len, uint64_t offset);

/* All manifests in targets/ (channels are among them): -EBADMSG ends it. */
typedef int (*imagerepo_target_fn)(const char *file, void *arg,
				   struct errinfo *err);
int imagerepo_repo_targets(struct imagerepo_repo *r, imagerepo_target_fn fn,
			   void *arg, struct errinfo *err);

#endif
