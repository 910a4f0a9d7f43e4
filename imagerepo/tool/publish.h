/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "change.h"
#include "draft.h"

struct publish {
	struct change c;
	const char *dir, *channel, *delta_from;
	int level, no_delta, no_bundle;

	struct image_draft draft;
	struct image_manifest m;
	char *doc; /* the manifest */
	char role[TUF_NAME];
	struct image_manifest previous;
	char previous_sha256[HASH_HEX], was_sha256[HASH_HEX];
	int has_previous;
	int repair;                 /* published, but blobs are lost */
	char repair_from[HASH_HEX]; /* its delta led from this manifest */
	struct imagerepo_publish_stats stats;
};

/* Kernel, initrd, contents. */
int publish_files(struct publish *p, struct errinfo *err);
/* All blobs of the image, and p->m, p->doc. */
int publish_blobs(struct publish *p, struct errinfo *err);

#endif
