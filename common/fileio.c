/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"

#define READ_STEP 65536

int fileio_read_fd(int fd, size_t max, char **data, size_t *len)
{
	auto_buf struct buf b = BUF_INIT_MAX(max);
	auto_free char *step = malloc(READ_STEP);
	ssize_t n;

	if (!step)
		return -ENOMEM;
	for (;;) {
		n = read(fd, step, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (buf_add(&b, step, (size_t)n))
			return b.rc;
	}
	if (len)
		*len = b.len;
	*data = buf_take(&b);
	return *data ? 0 : -ENOMEM;
}

int fileio_read(const char *path, size_t max, char **data, size_t *len,
		struct errinfo *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	rc = fileio_read_fd(fd, max, data, len);
	if (rc == -EFBIG)
		return errinfo_set(err, rc, "%s: larger than %zu bytes", path,
				   max);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", path);
	return 0;
}

int fileio_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fileio_read_all(int fd, void *data, size_t len)
{
	char *p = data;
	ssize_t n;

	while (len) {
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_parent(const char *path)
{
	auto_free char *copy = strdup(path);
	auto_close int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

static int write_synced(int fd, const void *data, size_t len, mode_t mode)
{
	int rc;

	rc = fileio_write_all(fd, data, len);
	if (rc)
		return rc;
	if (fchmod(fd, mode))
		return -errno;
	return fsync(fd) ? -errno : 0;
}

int fileio_write_atomic(const char *path, const void *data, size_t len,
			mode_t mode, struct errinfo *err)
{
	auto_free char *tmp = NULL;
	auto_close int fd = -1;
	int rc;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0) {
		tmp = NULL;
		return errinfo_set_errno(err, -ENOMEM, "%s", path);
	}
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", tmp);
	rc = write_synced(fd, data, len, mode);
	if (rc)
		goto err_unlink;
	if (rename(tmp, path)) {
		rc = -errno;
		goto err_unlink;
	}
	rc = sync_parent(path);
	return rc ? errinfo_set_errno(err, rc, "%s", path) : 0;

err_unlink:
	unlink(tmp);
	return errinfo_set_errno(err, rc, "%s", path);
}

int fileio_mkdirs(const char *path, mode_t mode, struct errinfo *err)
{
	auto_free char *copy = strdup(path);

	if (!copy)
		return errinfo_set_errno(err, -ENOMEM, "%s", path);
	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) && errno != EEXIST)
			return errinfo_set_errno(err, -errno, "%s", copy);
		if (!c)
			return 0;
		*p = '/';
	}
}
