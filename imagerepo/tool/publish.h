/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "change.h"
#include "draft.h"

struct publish_old {
	struct image_manifest m;
	char sha256[HASH_HEX];
};

struct publish {
	struct change c;
	const char *dir, *channel, *delta_from[IMAGE_DELTAS_MAX];
	int n_delta_from, level, no_delta, no_bundle;

	struct image_draft draft;
	struct image_manifest m;
	char *doc; /* the manifest */
	char role[TUF_NAME];
	struct publish_old old[IMAGE_DELTAS_MAX];
	int n_old;
	int repair; /* published, but blobs are lost */
	struct image_manifest published;
	char was_sha256[HASH_HEX]; /* of its manifest */
	struct imagerepo_publish_stats stats;
};

/* publish-old.c: fills old. */
int publish_find_old(struct publish *p, struct errinfo *err);
/* publish-blobs.c */
/* Kernel, initrd, contents. */
int publish_files(struct publish *p, struct errinfo *err);
/* All blobs of the image, and p->m, p->doc. */
int publish_blobs(struct publish *p, struct errinfo *err);

#endif
