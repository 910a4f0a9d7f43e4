/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagerepo - images of domUs: signed manifests and channels over a store of
 * content-addressed blobs (docs/protocol.md, sections 1 and 5; manifest(5)).
 *
 *	root.json			signed root (trust.h)
 *	channels/IMAGE/CHANNEL.json	signed channel  -> names a manifest
 *	manifests/HEX64.json		signed manifest -> names blobs
 *	blobs/HH/HEX64			content, named by its SHA-256
 *
 * A channel moves; all else is immutable. Trust runs from the root document
 * through signatures to digests; nothing depends on where bytes came from.
 *
 * The first part of this header works on bytes in memory and touches no file:
 * it is what a process without rights uses on foreign bytes. Silent library;
 * errors as in errinfo.h. now_ms is the time to judge expiry by, 0: do not.
 */
#ifndef IMAGEREPO_H
#define IMAGEREPO_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "errinfo.h"
#include "hash.h"
#include "parse.h"
#include "trust.h"

#define IMAGEREPO_ROLE        "images" /* in the root document */
#define IMAGEREPO_ARCH        "x86_64"
#define IMAGEREPO_NAME        (PARSE_NAME_MAX + 1)
#define IMAGEREPO_CMDLINE_MAX 512
#define IMAGEREPO_MEMORY_MAX  (1024 * 1024) /* MiB */
#define IMAGEREPO_PATH        160           /* any path below, with its NUL */

/* ---- manifests: bytes in memory ---------------------------------------- */

enum imagerepo_role {
	IMAGEREPO_KERNEL, /* required */
	IMAGEREPO_INITRD, /* may be absent */
	IMAGEREPO_ROOT,   /* required: read-only file system, xvda */
	IMAGEREPO_ROLES
};

struct imagerepo_blob {
	char sha256[HASH_HEX];
	uint64_t size; /* 0: there is none of this role */
};

struct imagerepo_manifest {
	char name[IMAGEREPO_NAME];
	char version[IMAGEREPO_NAME];
	int64_t created_ms, expires_ms;
	int memory_min_mib;
	char cmdline[IMAGEREPO_CMDLINE_MAX + 1]; /* printable ASCII */
	struct imagerepo_blob blob[IMAGEREPO_ROLES];
};

const char *imagerepo_role_name(enum imagerepo_role role);
/* Largest blob of that role that a manifest may name. */
uint64_t imagerepo_role_max(enum imagerepo_role role);
uint64_t imagerepo_manifest_size(const struct imagerepo_manifest *m);

/*
 * Verifies and parses. `digest` is the manifest's name, which the bytes must
 * hash to (NULL: any). Errors of trust_verify, and -EBADMSG for another digest
 * or a body that is not exactly of the form (unknown members included).
 */
int imagerepo_manifest_open(const struct trust_root *root, const char *digest,
			    const void *doc, size_t len, int64_t now_ms,
			    struct imagerepo_manifest *m, struct errinfo *err);
/* The signed document; caller frees. Refuses what open would refuse. */
int imagerepo_manifest_make(const struct imagerepo_manifest *m,
			    const struct trust_key *keys, size_t n, char **doc,
			    struct errinfo *err);
/* The body alone and back, for tools that keep it unsigned. */
json_t *imagerepo_manifest_json(const struct imagerepo_manifest *m);
int imagerepo_manifest_parse(const json_t *body, struct imagerepo_manifest *m,
			     struct errinfo *err);

/* ---- channels: bytes in memory ------------------------------------------ */

struct imagerepo_channel {
	char image[IMAGEREPO_NAME];
	char channel[IMAGEREPO_NAME];
	int version; /* rises with each move */
	char manifest[HASH_HEX];
	char image_version[IMAGEREPO_NAME];
	int64_t expires_ms;
};

/* image, channel: which one was asked for; another one is -EBADMSG. */
int imagerepo_channel_open(const struct trust_root *root, const char *image,
			   const char *channel, const void *doc, size_t len,
			   int64_t now_ms, struct imagerepo_channel *c,
			   struct errinfo *err);
int imagerepo_channel_make(const struct imagerepo_channel *c,
			   const struct trust_key *keys, size_t n, char **doc,
			   struct errinfo *err);

/* ---- paths below the repository's root ---------------------------------- */

#define IMAGEREPO_ROOT_PATH "root.json"

void imagerepo_manifest_path(const char *digest, char out[IMAGEREPO_PATH]);
void imagerepo_blob_path(const char *digest, char out[IMAGEREPO_PATH]);
void imagerepo_channel_path(const char *image, const char *channel,
			    char out[IMAGEREPO_PATH]);

/* ---- a repository in a directory ---------------------------------------- */

struct imagerepo_store;

/* Opens; with `create` makes what is missing. */
int imagerepo_store_open(const char *dir, int create,
			 struct imagerepo_store **out, struct errinfo *err);
void imagerepo_store_close(struct imagerepo_store *s);
/* One writer at a time: waits for the lock, then removes what a writer that
 * died has left. Held until close. */
int imagerepo_store_lock(struct imagerepo_store *s, struct errinfo *err);

/* Tells how far a long call is; may be NULL. */
typedef void (*imagerepo_progress_fn)(uint64_t done, uint64_t total, void *arg);

/*
 * Stores a file's content under its digest. Durable (fsync, rename) when it
 * returns; a blob that is there and whole is left alone (*added = 0), one that
 * is there and damaged is replaced. -EBADMSG if the content is not `blob`.
 */
int imagerepo_store_put_blob(struct imagerepo_store *s, const char *file,
			     const struct imagerepo_blob *blob, int *added,
			     imagerepo_progress_fn fn, void *arg,
			     struct errinfo *err);
/* Replaces a document whole; durable when it returns. */
int imagerepo_store_put_doc(struct imagerepo_store *s, const char *path,
			    const char *doc, struct errinfo *err);
/* -ENOENT where there is none. Caller frees. */
int imagerepo_store_get_doc(struct imagerepo_store *s, const char *path,
			    char **doc, size_t *len, struct errinfo *err);
/* Reads the blob: -ENOENT, -EBADMSG (size or digest), or 0. */
int imagerepo_store_check_blob(struct imagerepo_store *s,
			       const struct imagerepo_blob *blob,
			       struct errinfo *err);

/* ---- what a repository holds -------------------------------------------- */

struct imagerepo_list_image {
	char digest[HASH_HEX];
	struct imagerepo_manifest m; /* if !error[0] or expired */
	char error[ERRINFO_MAX];     /* why it is refused, or "" */
};

struct imagerepo_list_channel {
	struct imagerepo_channel c; /* image, channel always set */
	char error[ERRINFO_MAX];
};

struct imagerepo_list {
	struct imagerepo_list_image *images; /* by name, newest first */
	size_t n_images;
	struct imagerepo_list_channel *channels; /* by image, channel */
	size_t n_channels;
};

/* Reads all channels and manifests, no blobs. What is refused is listed with
 * its reason; fails only if the directory cannot be read. */
int imagerepo_list(struct imagerepo_store *s, const struct trust_root *root,
		   int64_t now_ms, struct imagerepo_list *out,
		   struct errinfo *err);
void imagerepo_list_dispose(struct imagerepo_list *list);

/* IMAGE:CHANNEL -> manifest, both verified. */
int imagerepo_resolve(struct imagerepo_store *s, const struct trust_root *root,
		      const char *image, const char *channel, int64_t now_ms,
		      struct imagerepo_channel *c, struct imagerepo_manifest *m,
		      struct errinfo *err);

#endif
