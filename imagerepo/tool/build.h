/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - one run of `imagerepo build` or `imagerepo convert`.
 */
#ifndef BUILD_H
#define BUILD_H

#include "archive-in.h"
#include "contents.h"
#include "draft.h"
#include "stage.h"

struct build {
	struct recipe recipe;
	struct stage stage;
	struct tree initrd, root;
	struct archive_in base; /* files of a Debian or an import */
	struct image_draft draft;
	const char *out;
	char *tmp;
	int64_t epoch; /* SOURCE_DATE_EPOCH, -1: not set */
	int64_t started_ms;
	int quiet;

	/* convert: what stands for the recipe's. NULL: nothing does */
	const char *format, *file;
	const char *name, *version, *kernel, *initrd_file;
	uint64_t max_bytes;
};

/* A line to stderr with the time since the start, unless quiet. */
void build_progress(const struct build *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The recipe (b->recipe loaded, b->out set) to an image directory. */
int build_run(struct build *b, struct errinfo *err);
void build_init(struct build *b);
void build_dispose(struct build *b);

/* build-base.c: what lies below the recipe's own files. */
int build_base(struct build *b, struct errinfo *err);
/* build-debian.c: packages, by mmdebstrap(1), into b->root. */
int build_debian(struct build *b, struct errinfo *err);
/* build-disk.c: the foreign disk b->file as `to`, raw. */
int build_disk(struct build *b, const char *to, uint64_t *size,
	       struct errinfo *err);
/* Is the import a disk rather than files? */
int build_is_disk(const struct build *b);

/* build-list.c: OUT/contents, and OUT/files.txt: every file of initrd and root,
 * for review. */
int build_write_contents(struct build *b, const char *to, struct errinfo *err);
int build_write_list(const struct build *b, struct errinfo *err);
/* build-report.c: sizes, to stdout. */
void build_report(const struct build *b);
/* Packages of the root by their dpkg database; strings go to *text, which the
 * caller frees as well as *list. None: n 0. */
int build_packages(const struct build *b, struct contents_package **list,
		   size_t *n, char **text, struct errinfo *err);

#endif
