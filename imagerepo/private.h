/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library's files share.
 */
#ifndef IMAGEREPO_PRIVATE_H
#define IMAGEREPO_PRIVATE_H

#include "imagerepo.h"

#define DIR_MANIFESTS "manifests"
#define DIR_BLOBS     "blobs"
#define DIR_CHANNELS  "channels"
#define DIR_TMP       "tmp" /* unfinished files; emptied by the next writer */

struct imagerepo_store {
	int dir; /* all paths are relative to it */
	int locked;
	char *name; /* as given, for messages */
};

/* Copies a NAME member; -EBADMSG if it is none. */
int imagerepo_copy_name(char out[IMAGEREPO_NAME], const char *value,
			const char *member, struct errinfo *err);
int imagerepo_copy_digest(char out[HASH_HEX], const char *value,
			  struct errinfo *err);

#endif
