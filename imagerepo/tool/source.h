/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source - a repository to read, in a directory or behind a web server.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include "imagerepo.h"

struct source {
	struct imagerepo_store *store; /* one of the two */
	struct httpc *http;
	const char *name; /* as given, for messages */
};

/* Exactly one of dir and url is not NULL; both are borrowed. */
int source_open(struct source *s, const char *dir, const char *url,
		struct errinfo *err);
void source_close(struct source *s);
/* -ENOENT where there is none. Caller frees. */
int source_doc(struct source *s, const char *path, char **doc, size_t *len,
	       struct errinfo *err);
/* Reads all of it: -ENOENT, -EBADMSG (size or digest), or 0. */
int source_check_blob(struct source *s, const struct imagerepo_blob *blob,
		      struct errinfo *err);

#endif
