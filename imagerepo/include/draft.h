/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft - image.json of an image directory: what `imagerepo build` knows of a
 * manifest (image.h) before the image is cut and published.
 *
 *	DIR/image.json		this
 *	DIR/kernel, initrd	as the domU starts with them
 *	DIR/root		the disk, raw, sparse, a multiple of 4096 bytes
 *	DIR/contents		packages and files (contents.h); may be absent
 *	DIR/root.trace		what a start reads (repo.h); may be absent
 *
 *	{ "format": 2, "name", "version", "created", "arch", "cmdline",
 *	  "memory_min_mib", "kernel": { "sha256", "size" },
 *	  "initrd": { "sha256", "size" },		may be absent
 *	  "root": { "sha256", "size" },			of the raw disk
 *	  "contents": { "sha256", "size" },		may be absent
 *	  "warm": [ "command" ] }			may be absent
 *
 * The version ends in "-" and eight digits of a digest of all this.
 */
#ifndef DRAFT_H
#define DRAFT_H

#include <stddef.h>

#include "errinfo.h"
#include "image.h"

#define DRAFT_FILE     "image.json"
#define DRAFT_TRACE    "root.trace"
#define DRAFT_WARM_MAX 8
#define DRAFT_WARM_LEN 1024

struct image_draft {
	/* name, version, created_ms, memory_min_mib, cmdline, kernel, initrd,
	 * contents, disk_size are set; the rest is 0. */
	struct image_manifest m;
	char root_sha256[HASH_HEX];
	/* Commands that `imagerepo trace` runs in the guest. */
	char warm[DRAFT_WARM_MAX][DRAFT_WARM_LEN];
	int n_warm;
};

int imagerepo_draft_parse(const void *doc, size_t len, struct image_draft *d,
			  struct errinfo *err);
/* The one of an image directory. -ENOENT: nothing was built there. */
int imagerepo_draft_load(const char *dir, struct image_draft *d,
			 struct errinfo *err);
/* The document; caller frees. Refuses what parse would refuse. */
int imagerepo_draft_print(const struct image_draft *d, char **doc,
			  struct errinfo *err);

#endif
