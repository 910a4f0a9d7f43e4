/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - one run of `imagerepo build`.
 */
#ifndef BUILD_H
#define BUILD_H

#include "stage.h"

struct build {
	struct recipe recipe;
	struct stage stage;
	struct tree initrd, root;
	struct imagerepo_manifest m;
	const char *out;
	char *tmp, *epoch;
	int64_t started_ms;
	int quiet;
};

/* OUT/files.txt: every file of initrd and root, for review. */
int build_write_list(const struct build *b, struct errinfo *err);
/* Sizes, to stdout. */
void build_report(const struct build *b);

#endif
