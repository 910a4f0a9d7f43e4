/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans inodes and blocks, makes the empty file system, fills it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "ext4-private.h"

#define FIRST_INO   11u /* below are ext4's own */
#define INODE_SIZE  256
#define EXTRA_ISIZE 32
#define FAST_LINK   60u /* a target shorter than this lies in the inode */
#define PER_INODE   (EXT4_BLOCK / INODE_SIZE)

/* Any will do, but the same for ever: they are part of the content. */
static const unsigned char fixed_uuid[16] = { 0x6e, 0x69, 0x67, 0x68,
					      0x74, 0x73, 0x48, 0x69,
					      0xa6, 0x74, 0x69, 0x6d,
					      0x61, 0x67, 0x65, 0x31 };
static const uint32_t fixed_seed[4] = { 0x6867696e, 0x69487374, 0x6d6974a6,
					0x31656761 };

int ext4_error(const struct ext4 *x, errcode_t rc, const char *what,
	       struct errinfo *err)
{
	if (rc > 0 && rc < 4096) /* an errno */
		return errinfo_set_errno(err, (int)-rc, "%s: %.200s", x->path,
					 what);
	return errinfo_set(err, rc == EXT2_ET_BLOCK_ALLOC_FAIL ? -ENOSPC : -EIO,
			   "%s: %.200s: ext2fs error %ld", x->path, what,
			   (long)rc);
}

/* ---- planning ------------------------------------------------------------ */

static int link_parent(struct ext4 *x, uint32_t i, struct errinfo *err)
{
	const struct tree_entry *e = &x->tree->entries[i];
	const char *slash = strrchr(e->path, '/');
	struct ext4_node *n = &x->nodes[i];
	char dir[TREE_PATH];

	n->parent = (uint32_t)x->tree->n;
	if (slash) {
		const struct tree_entry *p;

		memcpy(dir, e->path, (size_t)(slash - e->path));
		dir[slash - e->path] = '\0';
		p = tree_find(x->tree, dir);
		if (!p || !S_ISDIR(p->mode))
			return errinfo_set(err, -ENOTDIR,
					   "/%.200s is no directory", dir);
		n->parent = (uint32_t)(p - x->tree->entries);
	}
	n->next = x->nodes[n->parent].first_child;
	x->nodes[n->parent].first_child = i + 1;
	if (S_ISDIR(e->mode))
		x->nodes[n->parent].links++;
	return 0;
}

/* Inode numbers in path order; names of one file share theirs. */
static int number_inodes(struct ext4 *x, ext2_ino_t *last, struct errinfo *err)
{
	size_t n_shared = x->tree->last_node + 1;
	auto_free uint32_t *first = calloc(n_shared, sizeof(*first));
	ext2_ino_t next = FIRST_INO;

	if (!first)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < x->tree->n; i++) {
		uint64_t shared = x->tree->entries[i].node;
		struct ext4_node *n = &x->nodes[i];

		if (shared && first[shared]) {
			n->ino = x->nodes[first[shared] - 1].ino;
			x->nodes[first[shared] - 1].links++;
			n->linked = 1;
			continue;
		}
		if (shared)
			first[shared] = i + 1;
		n->ino = next++;
		n->links++;
		if (S_ISDIR(x->tree->entries[i].mode))
			n->links++;
	}
	*last = next;
	return 0;
}

static uint32_t data_blocks(const struct ext4 *x, uint32_t i)
{
	const struct tree_entry *e = &x->tree->entries[i];

	if (i == x->tree->n || S_ISDIR(e->mode))
		return ext4_dir_blocks(x, i);
	if (x->nodes[i].linked)
		return 0;
	if (S_ISREG(e->mode) || (S_ISLNK(e->mode) && e->size >= FAST_LINK))
		return (uint32_t)((e->size + EXT4_BLOCK - 1) / EXT4_BLOCK);
	return 0;
}

/* *blocks: of data, with room for extent trees and attributes. */
static int plan(struct ext4 *x, ext2_ino_t *inodes, uint64_t *blocks,
		struct errinfo *err)
{
	uint32_t top = (uint32_t)x->tree->n;
	int rc = 0;

	x->nodes = calloc(top + 1u, sizeof(*x->nodes));
	x->buf = malloc(EXT4_BUF);
	if (!x->nodes || !x->buf)
		return errinfo_set(err, -ENOMEM, "out of memory");
	x->nodes[top].ino = EXT2_ROOT_INO;
	x->nodes[top].parent = top;
	x->nodes[top].links = 2;
	/* from the last to the first: each list comes in path order */
	for (uint32_t i = top; i-- > 0 && !rc;)
		rc = link_parent(x, i, err);
	if (!rc)
		rc = number_inodes(x, inodes, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i <= top; i++) {
		x->nodes[i].blocks = data_blocks(x, i);
		*blocks += x->nodes[i].blocks;
		if (x->nodes[i].blocks > 4 * 32768u) /* more than 4 extents */
			*blocks += 2;
		if (i < top && x->tree->entries[i].xattrs)
			*blocks += 1;
	}
	return 0;
}

/* ---- making it ----------------------------------------------------------- */

static void set_params(struct ext2_super_block *p, uint64_t blocks,
		       ext2_ino_t inodes)
{
	memset(p, 0, sizeof(*p));
	ext2fs_blocks_count_set(p, blocks);
	p->s_inodes_count = inodes;
	p->s_rev_level = EXT2_DYNAMIC_REV;
	p->s_inode_size = INODE_SIZE;
	p->s_log_block_size = 2;
	p->s_log_cluster_size = 2;
	p->s_log_groups_per_flex = 8; /* tables of 32 GiB in one place */
	p->s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR |
			      EXT4_FEATURE_COMPAT_SPARSE_SUPER2;
	p->s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE |
				EXT3_FEATURE_INCOMPAT_EXTENTS |
				EXT4_FEATURE_INCOMPAT_FLEX_BG;
	p->s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
				 EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
				 EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
				 EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;
}

static void fix_super(struct ext4 *x)
{
	struct ext2_super_block *s = x->fs->super;
	uint32_t now = (uint32_t)x->options->time;

	memcpy(s->s_uuid, fixed_uuid, sizeof(fixed_uuid));
	memcpy(s->s_hash_seed, fixed_seed, sizeof(fixed_seed));
	s->s_def_hash_version = EXT2_HASH_HALF_MD4;
	s->s_mkfs_time = s->s_lastcheck = now;
	s->s_wtime = now;
	x->fs->now = now ? now : 1; /* 0: the machine's clock */
	s->s_max_mnt_count = -1;
	s->s_min_extra_isize = s->s_want_extra_isize = EXTRA_ISIZE;
	if (x->options->label)
		strncpy((char *)s->s_volume_name, x->options->label,
			sizeof(s->s_volume_name));
}

/* One attempt; *lacking: blocks that it is too small by. */
static int make_empty(struct ext4 *x, uint64_t blocks, ext2_ino_t inodes,
		      uint64_t need, uint64_t *lacking, struct errinfo *err)
{
	struct ext2_super_block param;
	errcode_t rc;
	uint64_t free_blocks;

	set_params(&param, blocks, inodes);
	rc = ext2fs_initialize(x->path, EXT2_FLAG_64BITS, &param,
			       unix_io_manager, &x->fs);
	if (rc == EXT2_ET_TOOSMALL) {
		*lacking = 64;
		return 0;
	}
	if (rc)
		return ext4_error(x, rc, "initialize", err);
	fix_super(x);
	rc = ext2fs_allocate_tables(x->fs);
	if (rc)
		return ext4_error(x, rc, "tables", err);
	free_blocks = ext2fs_free_blocks_count(x->fs->super);
	*lacking = free_blocks < need ? need - free_blocks : 0;
	return 0;
}

/* As small as it can be: grows from what is too small. */
static int make_fitting(struct ext4 *x, ext2_ino_t inodes, uint64_t need,
			struct errinfo *err)
{
	uint64_t blocks = need + inodes / PER_INODE + 8, lacking = 0;
	int rc;

	for (;;) {
		rc = make_empty(x, blocks, inodes, need, &lacking, err);
		if (rc || !lacking)
			return rc;
		if (x->fs)
			ext2fs_free(x->fs);
		x->fs = NULL;
		blocks += lacking;
	}
}

static void reserve_inodes(ext2_filsys fs)
{
	for (ext2_ino_t i = 1; i < FIRST_INO; i++)
		ext2fs_inode_alloc_stats2(fs, i, +1, i == EXT2_ROOT_INO);
}

static int open_data(struct ext4 *x, uint64_t *size, struct errinfo *err)
{
	*size = ext2fs_blocks_count(x->fs->super) * EXT4_BLOCK;
	x->fd = open(x->path, O_WRONLY | O_CLOEXEC);
	if (x->fd < 0 || ftruncate(x->fd, (off_t)*size))
		return errinfo_set_errno(err, -errno, "%s", x->path);
	return 0;
}

static int fill(struct ext4 *x, struct errinfo *err)
{
	uint32_t top = (uint32_t)x->tree->n;
	int rc;

	reserve_inodes(x->fs);
	rc = ext4_write_dir(x, top, err);
	for (uint32_t i = 0; i < top && !rc; i++)
		if (S_ISDIR(x->tree->entries[i].mode))
			rc = ext4_write_dir(x, i, err);
	for (uint32_t i = 0; i < top && !rc; i++)
		if (!S_ISDIR(x->tree->entries[i].mode) && !x->nodes[i].linked)
			rc = ext4_write_node(x, i, err);
	return rc;
}

static int make(struct ext4 *x, uint64_t *size, struct errinfo *err)
{
	uint64_t blocks = 0;
	ext2_ino_t inodes = 0;
	errcode_t ext_rc;
	int rc = plan(x, &inodes, &blocks, err);

	if (!rc)
		rc = make_fitting(x, inodes, blocks, err);
	if (!rc)
		rc = open_data(x, size, err);
	if (!rc)
		rc = fill(x, err);
	if (rc)
		return rc;
	ext_rc = ext2fs_close_free(&x->fs);
	return ext_rc ? ext4_error(x, ext_rc, "write", err) : 0;
}

int ext4_write(struct tree *t, const struct ext4_options *o, const char *path,
	       uint64_t *size, struct errinfo *err)
{
	struct ext4 x = { .tree = t, .options = o, .path = path, .fd = -1 };
	auto_close int fd =
		open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	tree_sort(t);
	rc = make(&x, size, err);
	if (x.fs)
		ext2fs_free(x.fs);
	if (x.fd >= 0)
		close(x.fd);
	free(x.nodes);
	free(x.buf);
	if (rc)
		unlink(path);
	return rc;
}
