/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as cpio archive and as directory.
 *
 * newc (linux Documentation/driver-api/early-userspace/buffer-format.rst): a
 * header of "070701" and 13 numbers of 8 hex digits, the name, the content,
 * each padded to 4 bytes; the last entry is called TRAILER!!!.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "tree.h"

#define FILE_MAX (256 * 1024 * 1024)
#define CPIO_END "TRAILER!!!"

static const char zeros[4];

static void pad(FILE *f, size_t len)
{
	fwrite(zeros, 1, (4 - len % 4) % 4, f);
}

static void write_header(FILE *f, const char *name, size_t ino, mode_t mode,
			 size_t size)
{
	size_t namesize = strlen(name) + 1;

	/* ino mode uid gid nlink mtime size dev(2) rdev(2) namesize check */
	fprintf(f,
		"070701%08zX%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
		ino, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, size, 0, 0, 0, 0,
		namesize, 0);
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
		rc = fileio_read(e->source, FILE_MAX, &data, &len, err);
	} else if (S_ISLNK(e->mode)) {
		data = strdup(e->source);
		len = strlen(e->source);
		rc = data ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
	}
	if (rc)
		return rc;
	write_header(f, e->path, ino, e->mode, len);
	if (len) {
		fwrite(data, 1, len, f);
		pad(f, len);
	}
	return 0;
}

int tree_write_cpio(struct tree *t, const char *path, struct errinfo *err)
{
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
	write_header(f, CPIO_END, 0, 0, 0);
	if (fflush(f) || ferror(f))
		return errinfo_set_errno(err, -errno, "%s", path);
	return 0;
}

static int copy_file(const struct tree_entry *e, const char *to,
		     struct errinfo *err)
{
	auto_free char *data = NULL;
	auto_close int fd = -1;
	size_t len;
	int rc = fileio_read(e->source, FILE_MAX, &data, &len, err);

	if (rc)
		return rc;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : fileio_write_all(fd, data, len);
	if (!rc && fchmod(fd, e->mode & 07777))
		rc = -errno;
	return rc ? errinfo_set_errno(err, rc, "%s", to) : 0;
}

static int place(const struct tree_entry *e, const char *to, struct errinfo *err)
{
	int r;

	if (S_ISREG(e->mode))
		return copy_file(e, to, err);
	r = S_ISLNK(e->mode) ? symlink(e->source, to) : mkdir(to, 0700);
	return r ? errinfo_set_errno(err, -errno, "%s", to) : 0;
}

int tree_write_dir(struct tree *t, const char *dir, struct errinfo *err)
{
	char to[4096];
	int rc;

	tree_sort(t);
	for (size_t i = 0; i < t->n; i++) {
		snprintf(to, sizeof(to), "%s/%s", dir, t->entries[i].path);
		rc = place(&t->entries[i], to, err);
		if (rc)
			return rc;
	}
	/* Last, for a directory may be one that we could not write to. */
	for (size_t i = t->n; i-- > 0;) {
		if (!S_ISDIR(t->entries[i].mode))
			continue;
		snprintf(to, sizeof(to), "%s/%s", dir, t->entries[i].path);
		if (chmod(to, t->entries[i].mode & 07777))
			return errinfo_set_errno(err, -errno, "%s", to);
	}
	return chmod(dir, 0755) ? errinfo_set_errno(err, -errno, "%s", dir) : 0;
}
