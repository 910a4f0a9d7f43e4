/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things lie, relative to the repository. Callers pass names and digests
 * that were checked, so that no path leads elsewhere.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "image.h"

void imagerepo_blob_file(const char *sha256, char out[IMAGE_PATH])
{
	assert(hash_is_hex(sha256));
	snprintf(out, IMAGE_PATH, "blobs/%.2s/%s", sha256, sha256);
}

void imagerepo_version_target(const char *image, const char *version,
			      char out[IMAGE_PATH])
{
	assert(parse_is_name(image) && parse_is_name(version));
	snprintf(out, IMAGE_PATH, "%s/%s.json", image, version);
}

void imagerepo_channel_target(const char *image, const char *channel,
			      char out[IMAGE_PATH])
{
	assert(parse_is_name(image) && parse_is_name(channel));
	snprintf(out, IMAGE_PATH, "%s/channels/%s.json", image, channel);
}

/* Consistent snapshots: the digest stands before the last part of the name. */
void imagerepo_target_file(const char *target, const char *sha256,
			   char out[IMAGE_PATH])
{
	const char *slash = strrchr(target, '/');
	int dir = slash ? (int)(slash + 1 - target) : 0;

	assert(hash_is_hex(sha256));
	snprintf(out, IMAGE_PATH, "targets/%.*s%s.%s", dir, target, sha256,
		 target + dir);
}
