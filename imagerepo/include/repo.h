/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repo - an image repository in a directory: blobs, and what makes, sweeps and
 * checks them. Metadata (tuf.h) and manifests (image.h) lie beside them and are
 * written with imagerepo_repo_put_doc(); who signs what is the caller's.
 *
 *	metadata/ targets/	see tuf.h
 *	blobs/HH/HEX64		content, named by its SHA-256
 *	cache/HEX64		what a publisher remembers of an index; may be
 *				deleted, is not to be served
 *	tmp/			unfinished files of the writer that has the lock
 *
 * A file appears by rename after it was synced, so that what stands in its
 * place is whole at any moment. A writer takes the lock, puts blobs, then
 * manifests, then metadata from the leaves up to timestamp.json, and only then
 * lets go: whenever it dies, what the metadata names is there, and what it does
 * not name is garbage that imagerepo_repo_gc() finds.
 *
 * Silent library; errors as in errinfo.h. An object is for one thread at a
 * time; publish, gc and fsck start threads of their own.
 */
#ifndef REPO_H
#define REPO_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "hash.h"
#include "image.h"

struct imagerepo_repo;

/* Opens; with `create` makes what is missing. */
int imagerepo_repo_open(const char *dir, int create,
			struct imagerepo_repo **out, struct errinfo *err);
void imagerepo_repo_close(struct imagerepo_repo *r); /* and unlocks */
/* One writer at a time: waits for the lock, then removes what a writer that
 * died has left in tmp/. Held until close. */
int imagerepo_repo_lock(struct imagerepo_repo *r, struct errinfo *err);
/* Its directory, for openat() by the caller; borrowed. */
int imagerepo_repo_dir(const struct imagerepo_repo *r);

/* ---- documents: files by path ------------------------------------------- */

/* Replaces a file whole; durable when it returns. Makes its directories. */
int imagerepo_repo_put_doc(struct imagerepo_repo *r, const char *path,
			   const void *data, size_t len, struct errinfo *err);
/* -ENOENT where there is none, -EFBIG. Caller frees; NUL behind the end. */
int imagerepo_repo_get_doc(struct imagerepo_repo *r, const char *path, size_t max,
			   char **data, size_t *len, struct errinfo *err);

/* ---- blobs ---------------------------------------------------------------- */

/* Stores bytes under their digest, which goes to *out with the size. A blob
 * that is there with the right size is left as it is. Durable. */
int imagerepo_repo_put(struct imagerepo_repo *r, const void *data, size_t len,
		       struct image_blob *out, struct errinfo *err);
/* The same with a file's content: at most max bytes, else -EFBIG. When
 * want->sha256 is set, anything else than that is -EBADMSG. */
int imagerepo_repo_put_file(struct imagerepo_repo *r, const char *file,
			    uint64_t max, const struct image_blob *want,
			    struct image_blob *out, struct errinfo *err);
/* 1: there, and of that size (not read). */
int imagerepo_repo_has(struct imagerepo_repo *r, const struct image_blob *b);
/* A descriptor, size checked, content not; or -ENOENT, -EBADMSG. */
int imagerepo_repo_open_blob(struct imagerepo_repo *r,
			     const struct image_blob *b, struct errinfo *err);
/* Reads and checks; caller frees. -ENOENT, -EBADMSG. */
int imagerepo_repo_get(struct imagerepo_repo *r, const struct image_blob *b,
		       char **data, struct errinfo *err);
/* Reads and checks: -ENOENT, -EBADMSG, or 0. */
int imagerepo_repo_check(struct imagerepo_repo *r, const struct image_blob *b,
			 struct errinfo *err);

/* Every blob that a node may ask for of an image: kernel, initrd, index,
 * bundle, and (when the index is there and sound) its packs; contents and
 * deltas too when `all` is set. fn returns 0 to go on; else the walk ends with
 * what it returned. */
typedef int (*imagerepo_repo_blob_fn)(const struct image_blob *b, void *arg);
int imagerepo_repo_each(struct imagerepo_repo *r, const struct image_manifest *m,
			int all, imagerepo_repo_blob_fn fn, void *arg,
			struct errinfo *err);

/* ---- a disk in the repository, for reading -------------------------------- */

struct imagerepo_disk;
int imagerepo_disk_open(struct imagerepo_repo *r, const struct image_blob *index,
			struct imagerepo_disk **out, struct errinfo *err);
void imagerepo_disk_close(struct imagerepo_disk *d);
uint64_t imagerepo_disk_size(const struct imagerepo_disk *d);
/* Every chunk is checked. Keeps a few decoded ones. */
int imagerepo_disk_read(struct imagerepo_disk *d, uint64_t offset, void *buf,
			size_t len, struct errinfo *err);

/* ---- traces ---------------------------------------------------------------- */

/* root.trace: the numbers of the 4096-byte blocks that a boot read, decimal,
 * one a line, in the order of the first read, each once. Caller frees. */
int imagerepo_trace_load(const char *file, uint64_t disk_size,
			 uint32_t **blocks, size_t *n, struct errinfo *err);

/* ---- publishing ------------------------------------------------------------ */

enum imagerepo_step {
	IMAGEREPO_STEP_READ,   /* know the repository's chunks */
	IMAGEREPO_STEP_CHUNK,  /* cut, compress, store */
	IMAGEREPO_STEP_BUNDLE, /* what a boot reads */
	IMAGEREPO_STEP_DELTA,  /* against the previous image */
};
typedef void (*imagerepo_repo_progress_fn)(enum imagerepo_step step,
					   uint64_t done, uint64_t total,
					   void *arg);

struct imagerepo_publish {
	const char *disk; /* file: the raw disk, a multiple of 4096 bytes */
	const uint32_t *trace; /* block numbers, may be NULL */
	size_t n_trace;
	/* The image that most clients have: its bundle is inherited when there
	 * is no trace, and a delta leads from it. May be NULL. */
	const struct image_manifest *previous;
	const char *previous_sha256; /* of its manifest */
	int level;                   /* zstd, 1-19; 0: the default */
	int threads;                 /* 0: as many as processors */
	int no_delta;
	imagerepo_repo_progress_fn progress; /* from the caller's thread */
	void *arg;
};

struct imagerepo_publish_stats {
	uint32_t chunks, holes, new_chunks, new_packs;
	uint64_t new_bytes;    /* stored anew in packs */
	uint64_t update_bytes; /* delta, or new packs + index where that is less */
	uint32_t bundle_blocks, bundle_inherited;
};

/* Fills disk_size, disk_stored, index, bundle and delta[0] of *m; the rest is
 * the caller's. Needs the lock. Memory does not grow with the disk but for its
 * tables (some 100 bytes per chunk). */
int imagerepo_repo_publish(struct imagerepo_repo *r,
			   const struct imagerepo_publish *how,
			   struct image_manifest *m,
			   struct imagerepo_publish_stats *stats,
			   struct errinfo *err);

/* ---- sweeping and checking ------------------------------------------------- */

/* A manifest that the metadata names. */
struct imagerepo_keep {
	char sha256[HASH_HEX];
	char file[IMAGE_PATH]; /* below the repository: "targets/..." */
};

struct imagerepo_gc_stats {
	uint64_t kept, swept, young; /* files */
	uint64_t kept_bytes, swept_bytes, young_bytes;
};

/* Deletes blobs, and files in targets/, that none of `keep` names and that are
 * older than grace_sec. Needs the lock. Fails before it deletes anything when a
 * manifest or an index of `keep` cannot be read. */
int imagerepo_repo_gc(struct imagerepo_repo *r, const struct imagerepo_keep *keep,
		      size_t n, int64_t grace_sec, int dry_run,
		      struct imagerepo_gc_stats *stats, struct errinfo *err);

/* Tells of one fault: where and what. */
typedef void (*imagerepo_fsck_fn)(const char *where, const char *what, void *arg);
struct imagerepo_fsck_stats {
	uint64_t blobs, bytes, faults;
};
/* Reads every blob and compares it with its name; decodes every chunk of each
 * image of `keep`, compares bundles with it, and applies deltas (from images
 * that are kept, made by this release of zstd). all: contents and deltas must
 * be there. 0 when it could look at everything: faults are counted and told,
 * not returned. */
int imagerepo_repo_fsck(struct imagerepo_repo *r,
			const struct imagerepo_keep *keep, size_t n, int all,
			imagerepo_fsck_fn fn, void *arg,
			struct imagerepo_fsck_stats *stats, struct errinfo *err);
/* Reads every blob and deletes what is not what its name says, so that it is
 * fetched again. Needs the lock. fn is called for each blob, what: NULL when it
 * is sound; it returns 0 to go on, else that is returned. */
typedef int (*imagerepo_scrub_fn)(const char *where, const char *what, void *arg);
int imagerepo_repo_scrub(struct imagerepo_repo *r, imagerepo_scrub_fn fn,
			 void *arg, struct imagerepo_fsck_stats *stats,
			 struct errinfo *err);

#endif
