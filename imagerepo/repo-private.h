/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the makers and checkers of a repository share.
 */
#ifndef REPO_PRIVATE_H
#define REPO_PRIVATE_H

#include "index.h"
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

/* A new file in tmp/, and its way to its place (which is synced, its directory
 * is not) or out of the world. */
int imagerepo_repo_tmp(struct imagerepo_repo *r, char tmp[IMAGE_PATH]);
int imagerepo_repo_place(struct imagerepo_repo *r, int fd, const char *tmp,
			 const char *path, struct errinfo *err);
/* 1: there already; young again, so that no sweep takes it before the metadata
 * names it. Its directory is synced by the next flush. */
int imagerepo_repo_refresh(struct imagerepo_repo *r, const struct image_blob *b);
/* A blob whose name becomes durable with the next imagerepo_repo_flush(). */
int imagerepo_repo_put_later(struct imagerepo_repo *r, const void *data,
			     size_t len, struct image_blob *out,
			     struct errinfo *err);
int imagerepo_repo_flush(struct imagerepo_repo *r, struct errinfo *err);
/* tmp, written through fd, becomes the blob of its content. */
int imagerepo_repo_settle(struct imagerepo_repo *r, int fd, const char *tmp,
			  struct image_blob *out, struct errinfo *err);
/* A file in tmp/ without a name, for reading and writing. */
int imagerepo_repo_scratch(struct imagerepo_repo *r, struct errinfo *err);
/* An index, parsed. */
int imagerepo_repo_index(struct imagerepo_repo *r, const struct image_blob *b,
			 struct index **out, struct errinfo *err);

/* A kept manifest, checked and parsed. */
int imagerepo_repo_manifest(struct imagerepo_repo *r,
			    const struct imagerepo_keep *k,
			    struct image_manifest *m, struct errinfo *err);

/* Reads exactly len bytes at an offset; -EPIPE where the file ends. */
int imagerepo_pread_all(int fd, void *buf, size_t len, uint64_t offset);
int imagerepo_pwrite_all(int fd, const void *buf, size_t len, uint64_t offset);

/* Reads and decodes a stored chunk, in any thread; uses buffer 3. */
struct imagerepo_tools;
int imagerepo_chunk_load(struct imagerepo_repo *r, const struct index *ix,
			 const struct index_chunk *c, struct imagerepo_tools *t,
			 void *raw, struct errinfo *err);

/* What lies in a folder of the repository but for dot files; nothing where the
 * folder is not there. The first rc that is not 0 ends it. */
struct dirent;
typedef int (*imagerepo_entry_fn)(int dir, const char *path,
				  const struct dirent *e, void *arg,
				  struct errinfo *err);
int imagerepo_repo_entries(struct imagerepo_repo *r, const char *path,
			   imagerepo_entry_fn fn, void *arg, struct errinfo *err);
/* The same of all folders of blobs. */
int imagerepo_repo_blobs(struct imagerepo_repo *r, imagerepo_entry_fn fn,
			 void *arg, struct errinfo *err);

/* All manifests in targets/ (channels are among them): -EBADMSG ends it. */
typedef int (*imagerepo_target_fn)(const char *file, void *arg,
				   struct errinfo *err);
int imagerepo_repo_targets(struct imagerepo_repo *r, imagerepo_target_fn fn,
			   void *arg, struct errinfo *err);

#endif
