/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images - what the image repository's directory holds, verified as any TUF
 * client does, starting from the root document, and read anew when its
 * timestamp changes.
 */
#ifndef IMAGES_H
#define IMAGES_H

#include <stdint.h>

#include <jansson.h>

#include "errinfo.h"
#include "hash.h"
#include "parse.h"

struct images;

/* Fails if the root document cannot be read and verified; a repository that
 * is not there yet is an empty one. Paths are borrowed. */
int images_open(const char *repository, const char *root, int64_t now_ms,
		struct images **out, struct errinfo *err);
void images_close(struct images *im);

/* Reads anew if the metadata changed, or if a minute passed (documents expire).
 * Returns 1 if it did. Never fails: what is wrong is shown in the listing. */
int images_poll(struct images *im, int64_t now_ms);

/* Array of the images of GET /v1/images; borrowed. */
const json_t *images_list(const struct images *im);

struct images_target {
	char manifest[HASH_HEX];
	char version[PARSE_NAME_MAX + 1];
};

/* What a channel names now: -ENOENT, or the reason it is refused. */
int images_resolve(const struct images *im, const char *image,
		   const char *channel, struct images_target *out,
		   struct errinfo *err);
/* Whether somebody took back the version with that manifest. */
int images_is_revoked(const struct images *im, const char *sha256);

#endif
