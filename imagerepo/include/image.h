/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image - the manifest of an image: what a domU is made of (manifest(5)).
 *
 *	{ "format": 2, "name": "debian", "version": "12.1-5f0c2a81",
 *	  "created": "2026-11-21T00:00:00Z", "arch": "x86_64",
 *	  "cmdline": "...", "memory_min_mib": 192,
 *	  "kernel": { "sha256": HEX64, "size": N },
 *	  "initrd": { "sha256", "size" },			may be absent
 *	  "root": { "size": N, "stored": N,
 *	            "index": { "sha256", "size" },
 *	            "bundle": { "sha256", "size", "head", "head_sha256" } },
 *	  "contents": { "sha256", "size" },			may be absent
 *	  "deltas": [ { "from": HEX64, "sha256", "size" } ] }	may be absent
 *
 * Canonical JSON (trust.h) and one newline; unsigned: it is a TUF target
 * (tuf.h), so that its digest is signed for. All that has a digest lies at
 * blobs/HH/HEX64, immutable. `root` is a virtual disk (index.h), which the domU
 * sees as xvda, read-only; `bundle` (bundle.h) is the part of it that a boot
 * reads, in that order; absent where none was recorded. `contents` lists
 * packages and files for people (contents.h). `deltas` lead here from other
 * images, named by their manifests' digests (delta.h).
 *
 * Works on bytes in memory and touches no file. Errors as in errinfo.h;
 * -EBADMSG for anything that is not exactly of the form.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdint.h>

#include <jansson.h>

#include "clock.h"
#include "errinfo.h"
#include "hash.h"
#include "parse.h"

#define IMAGE_FORMAT      2
#define IMAGE_NAME        (PARSE_NAME_MAX + 1)
#define IMAGE_CMDLINE_MAX 512
#define IMAGE_DELTAS_MAX  8
#define IMAGE_MAX         (64 * 1024) /* bytes of a manifest */

/* Bounds, so that nobody's signature can make a node run out of memory. */
#define IMAGE_KERNEL_MAX   (64ULL << 20)
#define IMAGE_INITRD_MAX   (256ULL << 20)
#define IMAGE_DISK_MAX     (64ULL << 30)
#define IMAGE_INDEX_MAX    (64ULL << 20)
#define IMAGE_BUNDLE_MAX   (1ULL << 30)
#define IMAGE_CONTENTS_MAX (256ULL << 20)
#define IMAGE_DELTA_MAX    (8ULL << 30)

struct image_blob {
	char sha256[HASH_HEX];
	uint64_t size; /* 0: there is none */
};

struct image_delta {
	char from[HASH_HEX]; /* the other image's manifest */
	struct image_blob blob;
};

struct image_manifest {
	char name[IMAGE_NAME], version[IMAGE_NAME];
	int64_t created_ms;
	int memory_min_mib;
	char cmdline[IMAGE_CMDLINE_MAX + 1];
	struct image_blob kernel, initrd, contents;
	uint64_t disk_size;   /* bytes of the virtual disk, multiple of 4096 */
	uint64_t disk_stored; /* sum of its chunks as stored */
	struct image_blob index;
	struct image_blob bundle;
	uint64_t bundle_head; /* bytes of the bundle that are its head */
	char bundle_head_sha256[HASH_HEX];
	struct image_delta delta[IMAGE_DELTAS_MAX];
	int n_deltas;
};

int imagerepo_image_parse(const void *doc, size_t len, struct image_manifest *m,
			  struct errinfo *err);
/* The document; caller frees. Refuses what parse would refuse. */
int imagerepo_image_print(const struct image_manifest *m, char **doc,
			  struct errinfo *err);

#define IMAGE_PATH 256
/* "blobs/HH/HEX64" */
void imagerepo_blob_file(const char *sha256, char out[IMAGE_PATH]);
/* TUF target paths, and the files that hold them. */
void imagerepo_version_target(const char *image, const char *version,
			      char out[IMAGE_PATH]);
void imagerepo_channel_target(const char *image, const char *channel,
			      char out[IMAGE_PATH]);
void imagerepo_target_file(const char *target, const char *sha256,
			   char out[IMAGE_PATH]);

#endif
