/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things lie, relative to the repository's root. Callers pass names and
 * digests that were checked, so that no path leads elsewhere.
 */
#include <assert.h>
#include <stdio.h>

#include "private.h"

void imagerepo_manifest_path(const char *digest, char out[IMAGEREPO_PATH])
{
	assert(hash_is_hex(digest));
	snprintf(out, IMAGEREPO_PATH, DIR_MANIFESTS "/%s.json", digest);
}

void imagerepo_blob_path(const char *digest, char out[IMAGEREPO_PATH])
{
	assert(hash_is_hex(digest));
	snprintf(out, IMAGEREPO_PATH, DIR_BLOBS "/%.2s/%s", digest, digest);
}

void imagerepo_channel_path(const char *image, const char *channel,
			    char out[IMAGEREPO_PATH])
{
	assert(parse_is_name(image) && parse_is_name(channel));
	snprintf(out, IMAGEREPO_PATH, DIR_CHANNELS "/%s/%s.json", image, channel);
}
