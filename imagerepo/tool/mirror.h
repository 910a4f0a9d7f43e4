/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror - a copy of some images of a repository in a directory of the same
 * layout, for a web server to serve; and the TUF client's memory.
 *
 *	DIR/metadata DIR/targets DIR/blobs	as in the repository
 *	DIR/mirror.json		what is here, for programs (below)
 *	DIR/root.json		the root document in force
 *	DIR/partial/HEX64	blobs that are being fetched
 *
 * mirror.json:
 *	{ "floor": { "root", "timestamp", "snapshot" },	lowest versions taken
 *	  "anchor": HEX64,			of the root document first
 *trusted "checked": N,	when all blobs were read again, ms since 1970; 0: never
 *	  "images": [ { "image", "version", "manifest", "state", "done",
 *	                "total", "error" } ] }
 *
 * state: "pending" (nothing asked for yet), "fetching", "bootable" (all but
 * packs is here), "complete" (all that was asked for), "failed" (error says
 * why; it is tried again). done, total: bytes.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include "follow.h"
#include "repo.h"

enum mirror_state {
	MIRROR_PENDING,
	MIRROR_FETCHING,
	MIRROR_BOOTABLE,
	MIRROR_COMPLETE,
	MIRROR_FAILED
};

struct mirror_image {
	struct wanted w;
	char sha256[HASH_HEX]; /* of the manifest; "": not known yet */
	struct image_manifest m;
	enum mirror_state state;
	uint64_t done, total;
	char error[ERRINFO_MAX];
	int skip; /* in this run: failed, or nothing to do */
};

struct mirror {
	/* How it was called. */
	const char *dir, *where, *root_file, *wanted_file;
	uint64_t rate, prune_sec, check_sec;
	int64_t at_ms; /* 0: by the clock */
	int stall_sec, tries, watch_sec, early, boot_only, deltas, json, quiet,
		prune, check;

	/* Memory of the client. */
	struct tuf_floor floor;
	int64_t checked_ms; /* when all blobs were read again; 0: never */
	char anchor[HASH_HEX];
	char *root;
	size_t root_len;

	/* This run. */
	struct fetch *from;
	struct imagerepo_repo *repo;
	struct tuf_client *c;
	char *timestamp;
	size_t timestamp_len;
	struct mirror_image *images;
	size_t n_images;
	struct mirror_image *now; /* being fetched */
	uint64_t delta_bytes, packs_rebuilt, blobs, damaged;
	int64_t told_ms;
	int (*interrupted)(struct mirror *m); /* -EINTR: begin anew */
};

/* mirror-state.c: the memory. */
int mirror_load(struct mirror *m, struct errinfo *err);
/* Whether root.json is the root document in force. */
int mirror_knows_root(const struct mirror *m);
int mirror_save_root(struct mirror *m, struct errinfo *err);
int mirror_save(const struct mirror *m, struct errinfo *err);
json_t *mirror_json(const struct mirror *m);

/* mirror-image.c: the blobs of one image. Errors are noted in it. */
int mirror_boot_set(struct mirror *m, struct mirror_image *i,
		    struct errinfo *err);
/* Whether all that is asked for is here, by size. */
int mirror_has_all(struct mirror *m, const struct mirror_image *i);
int mirror_packs(struct mirror *m, struct mirror_image *i, struct errinfo *err);

/* mirror-run.c: once, metadata and all images. */
int mirror_run(struct mirror *m, struct errinfo *err);
void mirror_end(struct mirror *m); /* idempotent */
void mirror_free_images(struct mirror *m);

#endif
