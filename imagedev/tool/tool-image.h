/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGEDEV_TOOL_IMAGE_H
#define IMAGEDEV_TOOL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "fileio.h"
#include "httpc_h2.h"
#include "imagedev.h"

struct fetcher {
	const char *base; /* URL of the repository */
	int h2;           /* with prior knowledge */
	struct httpc_h2 known;
	void *easy; /* libcurl's */
};

/* Caller frees *data. -ENOENT: the server has it not. */
int tool_fetch(struct fetcher *f, const char *path, uint64_t max, char **data,
	       size_t *len, struct errinfo *err);
/* A target's bytes, verified from the root document on. */
int tool_fetch_target(struct fetcher *f, const char *root_file,
		      const char *target, char **data, size_t *len,
		      struct errinfo *err);
void tool_fetch_end(struct fetcher *f);

/* Blobs of a repository's directory. */
int tool_dir_source(struct loop *loop, const char *path,
		    struct imagedev_source *s);
void tool_dir_bind(struct imagedev *dev);

#endif
