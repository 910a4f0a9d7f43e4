/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - the files of an image while it is put together: a list in memory,
 * written as cpio, tar or ext4 (ext4.h). What it holds never exists as files
 * of the machine that builds: owners, devices and hostile names are mere data,
 * and no rights are needed.
 *
 * What a recipe adds belongs to root, has the time 0, and the mode as said;
 * what is read from archives (archive.h) keeps what they say.
 */
#ifndef TREE_H
#define TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "errinfo.h"

#define TREE_PATH    4096 /* bytes of a path with its NUL */
#define TREE_NAME    255  /* of one part */
#define TREE_ENTRIES (4u << 20)

struct tree_xattr {
	char *name; /* "security.capability" */
	void *value;
	size_t len;
	struct tree_xattr *next;
};

struct tree_entry {
	char *path;  /* "etc/passwd": no leading slash */
	mode_t mode; /* with S_IFDIR, S_IFREG, S_IFLNK, S_IFCHR... */
	uint32_t uid, gid;
	int64_t mtime;
	dev_t rdev;
	char *source;    /* file: where its bytes are; link: its target */
	uint64_t offset; /* of the bytes in source */
	uint64_t size;
	uint64_t node; /* names of one file share it; 0: it has one name */
	struct tree_xattr *xattrs;
	unsigned int layer;
	int gone; /* removed; not there any more once sorted */
};

struct tree {
	struct tree_entry *entries;
	size_t n, cap;
	uint32_t *index; /* by hash of path; entry's number + 1 */
	size_t index_size;
	/* What is added belongs to it, and may take the place of what belongs
	 * to another one. Symbolic links among the parents are followed. */
	unsigned int layer;
	uint64_t last_node;
};

/* Each makes the directories above as needed. A path added twice is -EEXIST,
 * unless both are directories (the last mode counts) or the first belongs to
 * another layer. `path` may start with slashes; ".." is refused. */
int tree_add_dir(struct tree *t, const char *path, mode_t mode,
		 struct errinfo *err);
int tree_add_file(struct tree *t, const char *path, const char *source,
		  mode_t mode, struct errinfo *err);
int tree_add_link(struct tree *t, const char *path, const char *target,
		  struct errinfo *err);
/* An entry as it stands in an archive: path, mode and owner as in *e, whose
 * strings are copied and whose xattrs are taken. Replaces what is there, but a
 * directory stays with what is in it when it meets another. */
int tree_put(struct tree *t, struct tree_entry *e, struct errinfo *err);
/* Another name of a file that is there; -ENOENT. */
int tree_put_hardlink(struct tree *t, const char *path, const char *target,
		      struct errinfo *err);
/* Removes the path with all below it; keep_layer: only what is not of it
 * (UINT_MAX: all). `below_only` leaves the path itself. "" is the top. The
 * path is taken as it is: no link is followed. */
void tree_remove(struct tree *t, const char *path, unsigned int keep_layer,
		 int below_only);
/* Gives a directory to what has lost its own by a removal. */
int tree_mend(struct tree *t, struct errinfo *err);
/* The path with symbolic links among its parents resolved inside the tree.
 * -ELOOP, -ENAMETOOLONG, -EINVAL ("..", empty). */
int tree_resolve(const struct tree *t, const char *path, char out[TREE_PATH]);

/* By path; links among the parents are followed. */
const struct tree_entry *tree_find(const struct tree *t, const char *path);
void tree_sort(struct tree *t); /* and drops what is gone */
void tree_dispose(struct tree *t);
void tree_xattrs_free(struct tree_xattr *list);

uint64_t tree_size(const struct tree *t); /* bytes in files */
size_t tree_files(const struct tree *t);  /* how many */

/* A file's bytes, NUL behind them; caller frees. -EFBIG past max. */
int tree_read(const struct tree_entry *e, size_t max, char **data,
	      struct errinfo *err);
/* Opens what holds the bytes, at e->offset. */
int tree_open(const struct tree_entry *e, struct errinfo *err);

/* A cpio archive ("newc"), as the kernel unpacks it. Sorts. */
int tree_write_cpio(struct tree *t, const char *path, struct errinfo *err);
/* A pax archive, for mksquashfs. Sorts. */
int tree_write_tar(struct tree *t, const char *path, struct errinfo *err);

#endif
