/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - what is different between two images.
 */
#ifndef DIFF_H
#define DIFF_H

#include <jansson.h>

#include "contents.h"
#include "image.h"
#include "index.h"

struct diff_side {
	char name[IMAGE_NAME], version[IMAGE_NAME];
	char manifest[HASH_HEX]; /* "": a directory that was built */
	struct image_manifest m;
	struct contents *contents; /* NULL: it has no list */
	struct index *index;       /* NULL: not cut yet */
};

void diff_side_dispose(struct diff_side *s);

/* { "a", "b", "packages": [...], "files": [...], "bytes": {...} }: each entry
 * with "change": "added", "removed", "upgraded"/"changed", and both values. */
json_t *diff_make(const struct diff_side *a, const struct diff_side *b);
void diff_print(const json_t *diff, int all_files);

#endif
