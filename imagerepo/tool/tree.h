/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - the files of an image while it is put together: a sorted list in
 * memory, written as cpio, as squashfs, or as text.
 *
 * All belongs to root, all times are 0, modes are as said: nothing of the
 * machine that builds reaches the image.
 */
#ifndef TREE_H
#define TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "errinfo.h"

struct tree_entry {
	char *path;   /* "etc/passwd": no leading slash */
	mode_t mode;  /* with S_IFDIR, S_IFREG or S_IFLNK */
	char *source; /* file: where its bytes are; link: its target */
	uint64_t size;
};

struct tree {
	struct tree_entry *entries;
	size_t n;
};

/* Each makes the directories above as needed. A path added twice is -EEXIST,
 * unless both are directories (the last mode counts). `path` may start with
 * slashes; ".." is refused. */
int tree_add_dir(struct tree *t, const char *path, mode_t mode,
		 struct errinfo *err);
int tree_add_file(struct tree *t, const char *path, const char *source,
		  mode_t mode, struct errinfo *err);
int tree_add_link(struct tree *t, const char *path, const char *target,
		  struct errinfo *err);
const struct tree_entry *tree_find(const struct tree *t, const char *path);
void tree_sort(struct tree *t);
void tree_dispose(struct tree *t);

uint64_t tree_size(const struct tree *t); /* bytes in files */
size_t tree_files(const struct tree *t);  /* how many */

/* A cpio archive ("newc"), as the kernel unpacks it. Sorts. */
int tree_write_cpio(struct tree *t, const char *path, struct errinfo *err);
/* Copies all into an empty directory, for mksquashfs. */
int tree_write_dir(struct tree *t, const char *dir, struct errinfo *err);

#endif
