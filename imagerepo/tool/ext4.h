/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ext4 - a tree as a file system for a read-only disk, written without mounting
 * anything: no rights are needed, and the same tree gives the same bytes.
 *
 * 4 KiB blocks, no journal, no reserved blocks, no backups of the superblock;
 * fixed UUID and hash seed. All tables and directories come first, then the
 * files in the order of their paths, each in one piece: what two versions of an
 * image have in common lies in the same order in both.
 */
#ifndef EXT4_H
#define EXT4_H

#include "tree.h"

struct ext4_options {
	const char *label; /* at most 16 bytes */
	int64_t time;      /* of the file system and its top directory */
};

/* Writes the file `path`; its size goes to *size. Sorts the tree. */
int ext4_write(struct tree *t, const struct ext4_options *o, const char *path,
	       uint64_t *size, struct errinfo *err);

#endif
