/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes, directories and data.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "ext4-private.h"
#include "fileio.h"

#define EXTRA_ISIZE 32
#define EXTENT_MAX  32768u
#define FAST_LINK   60u
#define LINKS_MAX   65000u /* a directory with more says 1 */

static const struct tree_entry *entry(const struct ext4 *x, uint32_t node)
{
	return node < x->tree->n ? &x->tree->entries[node] : NULL;
}

static const char *name_of(const struct tree_entry *e)
{
	const char *slash = strrchr(e->path, '/');

	return slash ? slash + 1 : e->path;
}

static const char *path_of(const struct ext4 *x, uint32_t node)
{
	const struct tree_entry *e = entry(x, node);

	return e ? e->path : "";
}

/* ---- blocks -------------------------------------------------------------- */

/* The next free blocks, at most `want` in one piece. */
static errcode_t take_blocks(struct ext4 *x, uint32_t want, blk64_t *at,
			     uint32_t *got)
{
	blk64_t end = ext2fs_blocks_count(x->fs->super);
	errcode_t rc;
	uint32_t n = 1;

	rc = ext2fs_find_first_zero_block_bitmap2(x->fs->block_map, x->next,
						  end - 1, at);
	if (rc)
		return EXT2_ET_BLOCK_ALLOC_FAIL;
	want = want < EXTENT_MAX ? want : EXTENT_MAX;
	while (n < want && *at + n < end &&
	       !ext2fs_test_block_bitmap2(x->fs->block_map, *at + n))
		n++;
	ext2fs_block_alloc_stats_range(x->fs, *at, n, +1);
	x->next = *at + n;
	*got = n;
	return 0;
}

static int is_zero(const char *p, size_t len)
{
	return !*p && !memcmp(p, p + 1, len - 1);
}

/* Whole blocks; what is zero stays a hole of the disk's file. */
static int put_blocks(const struct ext4 *x, blk64_t at, const char *data,
		      uint32_t n, struct errinfo *err)
{
	for (uint32_t i = 0, run; i < n; i += run + 1) {
		size_t len;

		for (run = 0; i + run < n; run++)
			if (is_zero(data + (size_t)(i + run) * EXT4_BLOCK,
				    EXT4_BLOCK))
				break;
		len = (size_t)run * EXT4_BLOCK;
		if (len && pwrite(x->fd, data + (size_t)i * EXT4_BLOCK, len,
				  (off_t)((at + i) * EXT4_BLOCK)) != (ssize_t)len)
			return errinfo_set_errno(err, errno ? -errno : -EIO,
						 "%s", x->path);
	}
	return 0;
}

/* ---- inodes -------------------------------------------------------------- */

static void init_inode(const struct ext4 *x, uint32_t node,
		       struct ext2_inode_large *inode)
{
	const struct tree_entry *e = entry(x, node);
	struct ext2_inode *in = (struct ext2_inode *)inode;
	uint32_t links = x->nodes[node].links, time;

	memset(inode, 0, sizeof(*inode));
	time = (uint32_t)(e ? e->mtime : x->options->time);
	in->i_mode = (uint16_t)(e ? e->mode : S_IFDIR | 0755);
	if (e) {
		in->i_uid = (uint16_t)e->uid;
		ext2fs_set_i_uid_high(*in, e->uid >> 16);
		in->i_gid = (uint16_t)e->gid;
		ext2fs_set_i_gid_high(*in, e->gid >> 16);
	}
	in->i_atime = in->i_ctime = in->i_mtime = time;
	inode->i_crtime = time;
	inode->i_extra_isize = EXTRA_ISIZE;
	in->i_links_count = (uint16_t)(links > LINKS_MAX ? 1 : links);
}

static int write_inode(struct ext4 *x, uint32_t node,
		       struct ext2_inode_large *inode, struct errinfo *err)
{
	errcode_t rc = ext2fs_write_inode_full(x->fs, x->nodes[node].ino,
					       (struct ext2_inode *)inode,
					       sizeof(*inode));

	return rc ? ext4_error(x, rc, path_of(x, node), err) : 0;
}

/* A piece of a file's blocks: maps it. */
static errcode_t map_piece(ext2_extent_handle_t h, uint32_t logical, blk64_t at,
			   uint32_t n)
{
	struct ext2fs_extent extent = { .e_pblk = at,
					.e_lblk = logical,
					.e_len = n };

	return ext2fs_extent_insert(h, EXT2_EXTENT_INSERT_AFTER, &extent);
}

/* fd < 0: the bytes are in `bytes` (whole blocks), else they come from fd. */
static int put_piece(struct ext4 *x, int fd, const char *bytes, blk64_t at,
		     uint32_t n, uint64_t left, struct errinfo *err)
{
	uint32_t per = EXT4_BUF / EXT4_BLOCK;

	if (fd < 0)
		return put_blocks(x, at, bytes, n, err);
	while (n) {
		uint32_t now = n < per ? n : per;
		size_t room = (size_t)now * EXT4_BLOCK;
		size_t len = left < room ? left : room;
		int rc = fileio_read_all(fd, x->buf, len);

		if (rc)
			return errinfo_set_errno(err, rc, "source of a file");
		memset(x->buf + len, 0, room - len);
		rc = put_blocks(x, at, x->buf, now, err);
		if (rc)
			return rc;
		at += now;
		n -= now;
		left -= len;
	}
	return 0;
}

/* The inode has been written; gives it its blocks with their bytes. */
static int put_data(struct ext4 *x, uint32_t node,
		    struct ext2_inode_large *inode, int fd, const char *bytes,
		    uint64_t size, struct errinfo *err)
{
	struct ext2_inode *in = (struct ext2_inode *)inode;
	uint32_t blocks = x->nodes[node].blocks, got;
	ext2_extent_handle_t h;
	errcode_t ext_rc;
	int rc = 0;

	ext_rc = ext2fs_extent_open2(x->fs, x->nodes[node].ino, in, &h);
	if (ext_rc)
		return ext4_error(x, ext_rc, path_of(x, node), err);
	for (uint32_t done = 0; done < blocks && !rc; done += got) {
		uint64_t at_byte = (uint64_t)done * EXT4_BLOCK;
		blk64_t at = 0;

		got = 0;
		ext_rc = take_blocks(x, blocks - done, &at, &got);
		if (!ext_rc)
			ext_rc = map_piece(h, done, at, got);
		if (!ext_rc)
			rc = put_piece(x, fd, bytes ? bytes + at_byte : NULL,
				       at, got, size - at_byte, err);
		else
			rc = ext4_error(x, ext_rc, path_of(x, node), err);
	}
	ext2fs_extent_free(h);
	if (rc)
		return rc;
	ext2fs_iblk_add_blocks(x->fs, in, blocks);
	return write_inode(x, node, inode, err);
}

/* ---- directories --------------------------------------------------------- */

static uint32_t record(size_t name_len)
{
	return (uint32_t)(8 + name_len + 3) & ~3u;
}

/* Lays the records out; calls nothing back: with out NULL only counts. */
struct filler {
	char *out;
	uint32_t blocks, used; /* used: bytes of the last block */
	struct ext2_dir_entry *last;
};

static void add_record(struct filler *f, const char *name, ext2_ino_t ino,
		       int type)
{
	size_t len = strlen(name);
	uint32_t size = record(len);
	struct ext2_dir_entry *d;

	if (!f->blocks || f->used + size > EXT4_BLOCK) {
		f->blocks++;
		f->used = 0;
	}
	f->used += size;
	if (!f->out)
		return;
	d = (void *)(f->out + (size_t)(f->blocks - 1) * EXT4_BLOCK + f->used -
		     size);
	d->inode = ino;
	d->name_len = (uint16_t)(len | (unsigned int)type << 8);
	/* to the block's end, until another one comes */
	d->rec_len = (uint16_t)(EXT4_BLOCK - (f->used - size));
	memcpy(d->name, name, len);
	if (f->last && f->used > size)
		f->last->rec_len = (uint16_t)((char *)d - (char *)f->last);
	f->last = d;
}

static int type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return EXT2_FT_DIR;
	case S_IFLNK:
		return EXT2_FT_SYMLINK;
	case S_IFCHR:
		return EXT2_FT_CHRDEV;
	case S_IFBLK:
		return EXT2_FT_BLKDEV;
	case S_IFIFO:
		return EXT2_FT_FIFO;
	default:
		return EXT2_FT_REG_FILE;
	}
}

static void fill_dir(const struct ext4 *x, uint32_t node, struct filler *f)
{
	const struct ext4_node *n = &x->nodes[node];

	add_record(f, ".", n->ino, EXT2_FT_DIR);
	add_record(f, "..", x->nodes[n->parent].ino, EXT2_FT_DIR);
	for (uint32_t i = n->first_child; i; i = x->nodes[i - 1].next) {
		const struct tree_entry *e = entry(x, i - 1);

		add_record(f, name_of(e), x->nodes[i - 1].ino, type_of(e->mode));
	}
}

uint32_t ext4_dir_blocks(const struct ext4 *x, uint32_t node)
{
	struct filler f = { 0 };

	fill_dir(x, node, &f);
	return f.blocks;
}

static int put_xattrs(struct ext4 *x, uint32_t node, struct errinfo *err)
{
	const struct tree_entry *e = entry(x, node);
	struct ext2_xattr_handle *h;
	errcode_t rc;

	if (!e || !e->xattrs)
		return 0;
	rc = ext2fs_xattrs_open(x->fs, x->nodes[node].ino, &h);
	if (rc)
		return ext4_error(x, rc, e->path, err);
	for (const struct tree_xattr *a = e->xattrs; a && !rc; a = a->next)
		rc = ext2fs_xattr_set(h, a->name, a->value, a->len);
	ext2fs_xattrs_close(&h);
	return rc ? ext4_error(x, rc, e->path, err) : 0;
}

int ext4_write_dir(struct ext4 *x, uint32_t node, struct errinfo *err)
{
	uint64_t size = (uint64_t)x->nodes[node].blocks * EXT4_BLOCK;
	auto_free char *bytes = calloc(1, size);
	struct filler f = { .out = bytes };
	struct ext2_inode_large inode;
	int rc;

	if (!bytes)
		return errinfo_set(err, -ENOMEM, "out of memory");
	fill_dir(x, node, &f);
	init_inode(x, node, &inode);
	inode.i_flags = EXT4_EXTENTS_FL;
	inode.i_size = (uint32_t)size;
	if (node < x->tree->n) /* the top's is marked already */
		ext2fs_inode_alloc_stats2(x->fs, x->nodes[node].ino, +1, 1);
	rc = write_inode(x, node, &inode, err);
	if (!rc)
		rc = put_data(x, node, &inode, -1, bytes, size, err);
	return rc ? rc : put_xattrs(x, node, err);
}

/* ---- all else ------------------------------------------------------------ */

static int write_file(struct ext4 *x, uint32_t node,
		      struct ext2_inode_large *inode, struct errinfo *err)
{
	const struct tree_entry *e = entry(x, node);
	auto_close int fd = -1;
	int rc;

	inode->i_flags = EXT4_EXTENTS_FL;
	ext2fs_inode_size_set(x->fs, (struct ext2_inode *)inode,
			      (int64_t)e->size);
	rc = write_inode(x, node, inode, err);
	if (rc)
		return rc;
	if (e->size) {
		fd = tree_open(e, err);
		if (fd < 0)
			return fd;
	}
	rc = put_data(x, node, inode, fd, NULL, e->size, err);
	return rc ? errinfo_wrap(err, rc, "/%.200s", e->path) : 0;
}

static int write_link(struct ext4 *x, uint32_t node,
		      struct ext2_inode_large *inode, struct errinfo *err)
{
	const struct tree_entry *e = entry(x, node);
	char block[EXT4_BLOCK] = { 0 };
	int rc;

	inode->i_size = (uint32_t)e->size;
	if (e->size < FAST_LINK) {
		memcpy(inode->i_block, e->source, e->size);
		return write_inode(x, node, inode, err);
	}
	inode->i_flags = EXT4_EXTENTS_FL;
	memcpy(block, e->source, e->size);
	rc = write_inode(x, node, inode, err);
	return rc ? rc : put_data(x, node, inode, -1, block, EXT4_BLOCK, err);
}

/* As the kernel's old_encode_dev() and new_encode_dev(). */
static void set_device(struct ext2_inode_large *inode, dev_t dev)
{
	uint32_t ma = major(dev), mi = minor(dev);

	if (ma < 256 && mi < 256)
		inode->i_block[0] = ma << 8 | mi;
	else
		inode->i_block[1] = (mi & 0xff) | ma << 8 | (mi & ~0xffu) << 12;
}

int ext4_write_node(struct ext4 *x, uint32_t node, struct errinfo *err)
{
	const struct tree_entry *e = entry(x, node);
	struct ext2_inode_large inode;
	int rc;

	init_inode(x, node, &inode);
	ext2fs_inode_alloc_stats2(x->fs, x->nodes[node].ino, +1, 0);
	if (S_ISREG(e->mode)) {
		rc = write_file(x, node, &inode, err);
	} else if (S_ISLNK(e->mode)) {
		rc = write_link(x, node, &inode, err);
	} else {
		if (S_ISCHR(e->mode) || S_ISBLK(e->mode))
			set_device(&inode, e->rdev);
		rc = write_inode(x, node, &inode, err);
	}
	return rc ? rc : put_xattrs(x, node, err);
}
