/* SPDX-License-Identifier: Apache-2.0 */
/* The output of attempts: plain files, bounded, and owned by the last one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "parse.h"

#include "engine-db.h"

char *engine_output_path(const struct engine *e, int64_t job, int64_t index,
			 int64_t attempt)
{
	char *path;

	return asprintf(&path, "%s/output/%lld/%lld.%lld", e->dir,
			(long long)job, (long long)index, (long long)attempt) < 0
		       ? NULL
		       : path;
}

void engine_output_drop(const struct engine *e, int64_t job, int64_t index,
			int64_t attempt)
{
	auto_free char *path = engine_output_path(e, job, index, attempt);

	/* What stays behind is swept at the next start. */
	if (path)
		unlink(path);
}

static int open_output(const struct engine *e, const struct lease_row *l,
		       struct errinfo *err)
{
	auto_free char *dir = NULL, *path = NULL;
	int fd;

	path = engine_output_path(e, l->job, l->index, l->attempt);
	if (!path ||
	    asprintf(&dir, "%s/output/%lld", e->dir, (long long)l->job) < 0)
		return -ENOMEM;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return errinfo_set_errno(err, -errno, "%s", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? errinfo_set_errno(err, -errno, "%s", path) : fd;
}

static int write_at(int fd, uint64_t offset, const char *data, size_t len)
{
	ssize_t n;

	for (; len; data += n, offset += (uint64_t)n, len -= (size_t)n) {
		n = pwrite(fd, data, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -errno;
	}
	return 0;
}

int engine_output(struct engine *e, const char *lease, uint64_t offset,
		  const void *data, size_t len, uint64_t *size,
		  struct errinfo *err)
{
	auto_close int fd = -1;
	struct lease_row l;
	struct stat sb;
	int rc;

	rc = engine_lease_current(e, lease, &l, err);
	if (rc)
		return rc;
	if (offset > (uint64_t)l.output_max ||
	    len > (uint64_t)l.output_max - offset)
		return errinfo_set(err, -EFBIG,
				   "the output is larger than output_max %lld",
				   (long long)l.output_max);
	fd = open_output(e, &l, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &sb) < 0)
		return errinfo_set_errno(err, -errno, "output");
	*size = (uint64_t)sb.st_size;
	if (offset > *size)
		return 0;
	rc = write_at(fd, offset, data, len);
	if (rc)
		return errinfo_set_errno(err, rc, "output");
	if (offset + len > *size)
		*size = offset + len;
	return 0;
}

/* Compares what is stored with what the worker sent, and makes it last. */
int engine_output_match(const struct engine *e, int64_t job, int64_t index,
			int64_t attempt, uint64_t size, const char *hex,
			struct errinfo *err)
{
	auto_free char *path = engine_output_path(e, job, index, attempt);
	auto_close int fd = -1;
	uint8_t sum[HASH_LEN];
	char stored_hex[HASH_HEX];
	uint64_t stored = 0;
	int rc;

	if (!path)
		return -ENOMEM;
	hash_bytes("", 0, sum);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return errinfo_set_errno(err, -errno, "%s", path);
	rc = fd < 0 ? 0 : hash_fd(fd, sum, &stored);
	if (!rc && fd >= 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc)
		return errinfo_set_errno(err, rc, "%s", path);
	if (stored != size)
		return errinfo_set(err, -EINVAL,
				   "%llu bytes of output are stored, the "
				   "result says %llu",
				   (unsigned long long)stored,
				   (unsigned long long)size);
	format_hex(sum, sizeof(sum), stored_hex);
	if (strcmp(stored_hex, hex))
		return errinfo_set(err, -EINVAL,
				   "the stored output has another SHA-256");
	return 0;
}

/* "INDEX.ATTEMPT" of a job that has this as the task's last attempt. */
static int is_owned(struct engine *e, int64_t job, const char *name)
{
	char text[NAME_MAX + 1], *dot;
	uint64_t index, attempt;
	int64_t last;

	snprintf(text, sizeof(text), "%s", name);
	dot = strchr(text, '.');
	if (!dot)
		return 0;
	*dot = '\0';
	if (parse_u64(text, 0, INT64_MAX, &index) ||
	    parse_u64(dot + 1, 1, INT64_MAX, &attempt))
		return 0;
	if (sql_int(e->db, &last, NULL,
		    "SELECT attempts FROM task WHERE job=? AND idx=?", "ii",
		    job, (int64_t)index))
		return 0;
	return last == (int64_t)attempt;
}

static void sweep_job(struct engine *e, DIR *top, const char *name)
{
	struct dirent *d;
	uint64_t job;
	DIR *dir;
	int fd;

	if (parse_u64(name, 1, INT64_MAX, &job))
		return;
	fd = openat(dirfd(top), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && !is_owned(e, (int64_t)job, d->d_name))
			unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
}

int engine_output_sweep(struct engine *e, struct errinfo *err)
{
	auto_free char *path = NULL;
	struct dirent *d;
	DIR *top;

	if (asprintf(&path, "%s/output", e->dir) < 0)
		return -ENOMEM;
	top = opendir(path);
	if (!top)
		return errinfo_set_errno(err, -errno, "%s", path);
	while ((d = readdir(top)))
		sweep_job(e, top, d->d_name);
	closedir(top);
	return 0;
}
