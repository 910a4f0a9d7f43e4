/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree's bytes, and the tree as cpio and tar archive.
 *
 * newc (linux Documentation/driver-api/early-userspace/buffer-format.rst): a
 * header of "070701" and 13 numbers of 8 hex digits, the name, the content,
 * each padded to 4 bytes; the last entry is called TRAILER!!!.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "tree.h"

#define CPIO_FILE_MAX (256 * 1024 * 1024)
#define CPIO_END      "TRAILER!!!"
#define COPY_BYTES    (256 * 1024)

static const char zeros[4];

int tree_open(const struct tree_entry *e, struct errinfo *err)
{
	int fd = open(e->source, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && lseek(fd, (off_t)e->offset, SEEK_SET) >= 0)
		return fd;
	errinfo_set_errno(err, -errno, "%s", e->source);
	if (fd >= 0)
		close(fd);
	return err ? err->rc : -EIO;
}

int tree_read(const struct tree_entry *e, size_t max, char **data,
	      struct errinfo *err)
{
	auto_free char *bytes = NULL;
	auto_close int fd = -1;
	int rc;

	if (e->size > max)
		return errinfo_set(err, -EFBIG, "/%.200s is too large", e->path);
	fd = tree_open(e, err);
	if (fd < 0)
		return fd;
	bytes = malloc(e->size + 1);
	if (!bytes)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read_all(fd, bytes, e->size);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", e->source);
	bytes[e->size] = '\0';
	*data = TAKE(bytes);
	return 0;
}

/* ---- cpio ---------------------------------------------------------------- */

static void pad(FILE *f, size_t len)
{
	fwrite(zeros, 1, (4 - len % 4) % 4, f);
}

static void write_header(FILE *f, const char *name, size_t ino,
			 const struct tree_entry *e, size_t size)
{
	size_t namesize = strlen(name) + 1;

	/* ino mode uid gid nlink mtime size dev(2) rdev(2) namesize check */
	fprintf(f,
		"070701%08zX%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
		ino, e->mode, e->uid, e->gid, S_ISDIR(e->mode) ? 2 : 1, 0, size,
		0, 0, major(e->rdev), minor(e->rdev), namesize, 0);
	fwrite(name, 1, namesize, f);
	pad(f, 110 + namesize);
}

static int write_entry(FILE *f, const struct tree_entry *e, size_t ino,
		       struct errinfo *err)
{
	auto_free char *data = NULL;
	size_t len = 0;
	int rc = 0;

	if (S_ISREG(e->mode)) {
		rc = tree_read(e, CPIO_FILE_MAX, &data, err);
		len = e->size;
	} else if (S_ISLNK(e->mode)) {
		data = strdup(e->source);
		len = strlen(e->source);
		rc = data ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
	}
	if (rc)
		return rc;
	write_header(f, e->path, ino, e, len);
	if (len) {
		fwrite(data, 1, len, f);
		pad(f, len);
	}
	return 0;
}

int tree_write_cpio(struct tree *t, const char *path, struct errinfo *err)
{
	static const struct tree_entry end;
	auto_fclose FILE *f = fopen(path, "we");
	int rc;

	if (!f)
		return errinfo_set_errno(err, -errno, "%s", path);
	tree_sort(t); /* a directory stands before what is in it */
	for (size_t i = 0; i < t->n; i++) {
		rc = write_entry(f, &t->entries[i], i + 1, err);
		if (rc)
			return rc;
	}
	write_header(f, CPIO_END, 0, &end, 0);
	if (fflush(f) || ferror(f))
		return errinfo_set_errno(err, -errno, "%s", path);
	return 0;
}

/* ---- tar ----------------------------------------------------------------- */

static int tar_failed(struct archive *a, const char *path, struct errinfo *err)
{
	return errinfo_set(err, -EIO, "%.200s: %s", path,
			   archive_error_string(a));
}

static int tar_data(struct archive *a, const struct tree_entry *e,
		    struct errinfo *err)
{
	auto_free char *bytes = malloc(COPY_BYTES);
	auto_close int fd = tree_open(e, err);
	uint64_t left = e->size;

	if (fd < 0)
		return fd;
	if (!bytes)
		return errinfo_set(err, -ENOMEM, "out of memory");
	while (left) {
		size_t n = left < COPY_BYTES ? left : COPY_BYTES;
		int rc = fileio_read_all(fd, bytes, n);

		if (rc)
			return errinfo_set_errno(err, rc, "%s", e->source);
		if (archive_write_data(a, bytes, n) < 0)
			return tar_failed(a, e->path, err);
		left -= n;
	}
	return 0;
}

static int tar_entry(struct archive *a, struct archive_entry *to,
		     const struct tree_entry *e, const char *first,
		     struct errinfo *err)
{
	archive_entry_clear(to);
	archive_entry_set_pathname(to, e->path);
	archive_entry_set_mode(to, e->mode);
	archive_entry_set_uid(to, e->uid);
	archive_entry_set_gid(to, e->gid);
	archive_entry_set_mtime(to, e->mtime, 0);
	archive_entry_set_rdev(to, e->rdev);
	if (first)
		archive_entry_set_hardlink(to, first);
	else if (S_ISLNK(e->mode))
		archive_entry_set_symlink(to, e->source);
	else if (S_ISREG(e->mode))
		archive_entry_set_size(to, (int64_t)e->size);
	for (const struct tree_xattr *x = e->xattrs; x && !first; x = x->next)
		archive_entry_xattr_add_entry(to, x->name, x->value, x->len);
	if (archive_write_header(a, to) != ARCHIVE_OK)
		return tar_failed(a, e->path, err);
	return !first && S_ISREG(e->mode) ? tar_data(a, e, err) : 0;
}

static int tar_all(struct tree *t, struct archive *a, struct errinfo *err)
{
	auto_free const char **first = calloc(t->last_node + 1, sizeof(*first));
	struct archive_entry *to = archive_entry_new();
	int rc = 0;

	if (!first || !to)
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < t->n && !rc; i++) {
		const struct tree_entry *e = &t->entries[i];

		rc = tar_entry(a, to, e, e->node ? first[e->node] : NULL, err);
		if (e->node && !first[e->node])
			first[e->node] = e->path;
	}
	archive_entry_free(to);
	return rc;
}

int tree_write_tar(struct tree *t, const char *path, struct errinfo *err)
{
	struct archive *a = archive_write_new();
	int rc;

	if (!a)
		return errinfo_set(err, -ENOMEM, "out of memory");
	tree_sort(t);
	archive_write_set_format_pax_restricted(a);
	if (archive_write_open_filename(a, path) != ARCHIVE_OK)
		rc = tar_failed(a, path, err);
	else
		rc = tar_all(t, a, err);
	if (!rc && archive_write_close(a) != ARCHIVE_OK)
		rc = tar_failed(a, path, err);
	archive_write_free(a);
	return rc;
}
