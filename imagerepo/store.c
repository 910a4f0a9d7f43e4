/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A repository in a directory.
 *
 * Every file is written as tmp/NAME, synced, and renamed to its place, so that
 * what stands in its place is whole at any moment and after a power cut. Files
 * in tmp/ belong to the writer that holds the lock; the next one removes them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "private.h"

#define TMP_PATH  DIR_TMP "/new"
#define COPY_STEP (1024 * 1024)

int imagerepo_store_open(const char *dir, int create,
			 struct imagerepo_store **out, struct errinfo *err)
{
	struct imagerepo_store *s;
	int rc = create ? fileio_mkdirs(dir, 0755, err) : 0;

	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return errinfo_set(err, -ENOMEM, "out of memory");
	s->name = strdup(dir);
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 || !s->name) {
		rc = errinfo_set_errno(err, s->name ? -errno : -ENOMEM, "%s",
				       dir);
		imagerepo_store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void imagerepo_store_close(struct imagerepo_store *s)
{
	if (!s)
		return;
	cleanup_close(&s->dir); /* and with it the lock */
	free(s->name);
	free(s);
}

static int make_dir(struct imagerepo_store *s, const char *path,
		    struct errinfo *err)
{
	if (mkdirat(s->dir, path, 0755) && errno != EEXIST)
		return errinfo_set_errno(err, -errno, "%s/%s", s->name, path);
	return 0;
}

/* Makes the directories above path. */
static int make_parents(struct imagerepo_store *s, const char *path,
			struct errinfo *err)
{
	char part[IMAGEREPO_PATH];
	int rc;

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		rc = make_dir(s, part, err);
		if (rc)
			return rc;
	}
	return 0;
}

int imagerepo_store_lock(struct imagerepo_store *s, struct errinfo *err)
{
	struct dirent *e;
	DIR *d;
	int fd, rc;

	if (flock(s->dir, LOCK_EX))
		return errinfo_set_errno(err, -errno, "cannot lock %s", s->name);
	s->locked = 1;
	rc = make_dir(s, DIR_TMP, err);
	if (rc)
		return rc;
	fd = openat(s->dir, DIR_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		rc = errinfo_set_errno(err, -errno, "%s/" DIR_TMP, s->name);
		cleanup_close(&fd);
		return rc;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return 0;
}

/* A rename is durable once its directory is synced. */
static int sync_parent(struct imagerepo_store *s, const char *path)
{
	char parent[IMAGEREPO_PATH];
	const char *slash = strrchr(path, '/');
	auto_close int fd = -1;

	if (!slash)
		return fsync(s->dir) ? -errno : 0;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	fd = openat(s->dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

static int open_tmp(struct imagerepo_store *s)
{
	int fd = openat(s->dir, TMP_PATH,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : fd;
}

/* fd is TMP_PATH, written: makes it durable and puts it in its place. */
static int publish_tmp(struct imagerepo_store *s, int fd, const char *path)
{
	if (fchmod(fd, 0644) || fsync(fd))
		return -errno;
	if (renameat(s->dir, TMP_PATH, s->dir, path))
		return -errno;
	return sync_parent(s, path);
}

int imagerepo_store_put_doc(struct imagerepo_store *s, const char *path,
			    const char *doc, struct errinfo *err)
{
	auto_close int fd = -1;
	int rc = make_parents(s, path, err);

	if (rc)
		return rc;
	fd = open_tmp(s);
	rc = fd < 0 ? fd : fileio_write_all(fd, doc, strlen(doc));
	if (!rc)
		rc = publish_tmp(s, fd, path);
	if (!rc)
		return 0;
	unlinkat(s->dir, TMP_PATH, 0);
	return errinfo_set_errno(err, rc, "%s/%s", s->name, path);
}

int imagerepo_store_get_doc(struct imagerepo_store *s, const char *path,
			    char **doc, size_t *len, struct errinfo *err)
{
	auto_close int fd = openat(s->dir, path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : fileio_read_fd(fd, TRUST_DOC_MAX, doc, len);

	if (rc)
		return errinfo_set_errno(err, rc, "%s/%s", s->name, path);
	return 0;
}

/* Is the open file the blob? Compares the size before it reads. */
static int check_fd(int fd, const struct imagerepo_blob *blob, struct errinfo *err)
{
	uint8_t raw[HASH_LEN];
	char hex[HASH_HEX];
	struct stat st;
	uint64_t size;
	int rc;

	if (fstat(fd, &st))
		return errinfo_set_errno(err, -errno, "blob %.12s", blob->sha256);
	if ((uint64_t)st.st_size != blob->size)
		return errinfo_set(err, -EBADMSG,
				   "has %llu bytes instead of %llu",
				   (unsigned long long)st.st_size,
				   (unsigned long long)blob->size);
	rc = hash_fd(fd, raw, &size);
	if (rc)
		return errinfo_set_errno(err, rc, "blob %.12s", blob->sha256);
	format_hex(raw, sizeof(raw), hex);
	if (strcmp(hex, blob->sha256) != 0 || size != blob->size)
		return errinfo_set(err, -EBADMSG,
				   "its SHA-256 is %.12s..., not %.12s...", hex,
				   blob->sha256);
	return 0;
}

int imagerepo_store_check_blob(struct imagerepo_store *s,
			       const struct imagerepo_blob *blob,
			       struct errinfo *err)
{
	char path[IMAGEREPO_PATH];
	auto_close int fd = -1;

	imagerepo_blob_path(blob->sha256, path);
	fd = openat(s->dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s/%s", s->name, path);
	return check_fd(fd, blob, err);
}

/* Copies and hashes in one pass: what is stored is what was hashed, whatever
 * happens to the source meanwhile. */
static int copy_hashed(int in, int out, const struct imagerepo_blob *blob,
		       imagerepo_progress_fn fn, void *arg, char hex[HASH_HEX])
{
	auto_free char *step = malloc(COPY_STEP);
	struct hash *h = hash_new();
	uint8_t raw[HASH_LEN];
	uint64_t done = 0;
	ssize_t n = -1;
	int rc = step && h ? 0 : -ENOMEM;

	while (!rc) {
		n = read(in, step, COPY_STEP);
		if (n < 0)
			rc = errno == EINTR ? 0 : -errno;
		if (n == 0 || done > blob->size)
			break;
		if (n < 0)
			continue;
		hash_update(h, step, (size_t)n);
		rc = fileio_write_all(out, step, (size_t)n);
		done += (uint64_t)n;
		if (fn)
			fn(done, blob->size, arg);
	}
	if (!rc) {
		hash_final(h, raw);
		format_hex(raw, sizeof(raw), hex);
	}
	hash_free(h);
	return rc;
}

static int write_blob(struct imagerepo_store *s, const char *file,
		      const struct imagerepo_blob *blob, const char *path,
		      imagerepo_progress_fn fn, void *arg, struct errinfo *err)
{
	auto_close int in = open(file, O_RDONLY | O_CLOEXEC);
	auto_close int out = in < 0 ? -1 : open_tmp(s);
	char hex[HASH_HEX];
	int rc;

	if (in < 0)
		return errinfo_set_errno(err, -errno, "%s", file);
	rc = out < 0 ? out : copy_hashed(in, out, blob, fn, arg, hex);
	if (!rc && strcmp(hex, blob->sha256) != 0) {
		unlinkat(s->dir, TMP_PATH, 0);
		return errinfo_set(err, -EBADMSG,
				   "%s is not what was built: its SHA-256 is "
				   "%.12s..., not %.12s...; build again",
				   file, hex, blob->sha256);
	}
	if (!rc)
		rc = publish_tmp(s, out, path);
	if (!rc)
		return 0;
	unlinkat(s->dir, TMP_PATH, 0);
	return errinfo_set_errno(err, rc, "%s/%s", s->name, path);
}

int imagerepo_store_put_blob(struct imagerepo_store *s, const char *file,
			     const struct imagerepo_blob *blob, int *added,
			     imagerepo_progress_fn fn, void *arg,
			     struct errinfo *err)
{
	char path[IMAGEREPO_PATH];
	int rc;

	*added = 0;
	if (!imagerepo_store_check_blob(s, blob, NULL))
		return 0;
	imagerepo_blob_path(blob->sha256, path);
	rc = make_parents(s, path, err);
	if (!rc)
		rc = write_blob(s, file, blob, path, fn, arg, err);
	*added = !rc;
	return rc;
}
