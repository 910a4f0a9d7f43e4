/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the ext4 writer share: ext4.c plans and makes the file
 * system, ext4-file.c fills inodes and blocks.
 */
#ifndef EXT4_PRIVATE_H
#define EXT4_PRIVATE_H

#include <ext2fs/ext2fs.h>

#include "ext4.h"

#define EXT4_BLOCK 4096u

/* What the writer knows of each entry; the top directory is the last one. */
struct ext4_node {
	ext2_ino_t ino;
	uint32_t first_child, next; /* number of a node + 1; in path order */
	uint32_t parent;            /* number of a node */
	uint32_t links;
	uint32_t blocks; /* of data */
	int linked;      /* another name of an inode that is written already */
};

struct ext4 {
	struct tree *tree;
	const struct ext4_options *options;
	struct ext4_node *nodes; /* tree->n + 1 */
	ext2_filsys fs;
	int fd;       /* the same file, for data */
	blk64_t next; /* where to look for free blocks */
	char *buf;    /* EXT4_BUF bytes */
	const char *path;
};

#define EXT4_BUF (1u << 20)

/* A libext2fs error as ours. */
int ext4_error(const struct ext4 *x, errcode_t rc, const char *what,
	       struct errinfo *err);
/* Blocks that the directory's entries take. */
uint32_t ext4_dir_blocks(const struct ext4 *x, uint32_t node);
int ext4_write_dir(struct ext4 *x, uint32_t node, struct errinfo *err);
/* Anything but a directory. */
int ext4_write_node(struct ext4 *x, uint32_t node, struct errinfo *err);

#endif
