/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: files of blobs, whole ones and parts.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fetch-private.h"
#include "fileio.h"

/* TO/blobs/HH/HEX64; caller frees. NULL: out of memory. */
static char *blob_at(const char *to, const char *sha256)
{
	char file[IMAGE_PATH], *path = NULL;

	imagerepo_blob_file(sha256, file);
	return asprintf(&path, "%s/%s", to, file) < 0 ? NULL : path;
}

static char *part_at(const char *to, const char *sha256)
{
	char *path = NULL;

	return asprintf(&path, "%s/partial/%s", to, sha256) < 0 ? NULL : path;
}

int fetch_has(const char *to, const struct image_blob *b)
{
	auto_free char *path = blob_at(to, b->sha256);
	struct stat st;

	return path && !stat(path, &st) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == b->size;
}

int fetch_part_open(const char *to, const struct image_blob *b,
		    struct errinfo *err)
{
	auto_free char *path = part_at(to, b->sha256);
	int fd;

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? errinfo_set_errno(err, -errno, "%s", path) : fd;
}

void fetch_part_drop(const char *to, const struct image_blob *b)
{
	auto_free char *path = part_at(to, b->sha256);

	if (path)
		unlink(path);
}

int fetch_part_publish(const char *to, const struct image_blob *b, int fd,
		       struct errinfo *err)
{
	auto_free char *part = part_at(to, b->sha256);
	auto_free char *path = blob_at(to, b->sha256);
	auto_free char *copy = path ? strdup(path) : NULL;
	auto_close int dir_fd = -1;
	const char *dir;
	int rc;

	if (!part || !copy)
		return errinfo_set(err, -ENOMEM, "out of memory");
	dir = dirname(copy);
	rc = fileio_mkdirs(dir, 0755, err);
	if (rc)
		return rc;
	/* Whole and right: durable, then visible. */
	if (fchmod(fd, 0644) || fsync(fd) || rename(part, path))
		return errinfo_set_errno(err, -errno, "%s", path);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || fsync(dir_fd))
		return errinfo_set_errno(err, -errno, "%s", dir);
	return 0;
}
