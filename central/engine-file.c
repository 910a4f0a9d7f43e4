/* SPDX-License-Identifier: Apache-2.0 */
/* Input files, named by their SHA-256. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"

#include "engine-db.h"

static int file_path(const struct engine *e, const char *hex, char **path,
		     struct errinfo *err)
{
	if (!hash_is_hex(hex))
		return errinfo_set(err, -EINVAL,
				   "a file's name is 64 lower-case hex "
				   "digits, its SHA-256");
	return asprintf(path, "%s/files/%.2s/%s", e->dir, hex, hex) < 0 ? -ENOMEM
									: 0;
}

int engine_file_put(struct engine *e, const char *hex, const void *data,
		    size_t len, struct errinfo *err)
{
	auto_free char *path = NULL, *dir = NULL;
	char sum[HASH_HEX];
	int rc;

	rc = file_path(e, hex, &path, err);
	if (rc)
		return rc;
	if (len > ENGINE_FILE_MAX)
		return errinfo_set(err, -EFBIG, "larger than %d MiB",
				   ENGINE_FILE_MAX >> 20);
	hash_bytes_hex(data, len, sum);
	if (strcmp(sum, hex))
		return errinfo_set(err, -EINVAL,
				   "the bytes have another SHA-256 (%.12s...)",
				   sum);
	if (access(path, F_OK) == 0)
		return 0;
	if (asprintf(&dir, "%s/files/%.2s", e->dir, hex) < 0)
		return -ENOMEM;
	rc = fileio_mkdirs(dir, 0700, err);
	if (rc)
		return rc;
	return fileio_write_atomic(path, data, len, 0600, err);
}

int engine_file_open(struct engine *e, const char *hex, int *fd, uint64_t *size,
		     struct errinfo *err)
{
	auto_free char *path = NULL;
	struct stat sb;
	int rc;

	rc = file_path(e, hex, &path, err);
	if (rc)
		return rc;
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT)
		return errinfo_set(err, -ENOENT, "no file %.12s...", hex);
	if (*fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	if (fstat(*fd, &sb) < 0) {
		rc = -errno;
		close(*fd);
		return errinfo_set_errno(err, rc, "%s", path);
	}
	*size = (uint64_t)sb.st_size;
	return 0;
}
