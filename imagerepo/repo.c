/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A repository in a directory.
 *
 * Every file is written as tmp/N, synced, and renamed to its place, so that
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
#include "repo-private.h"

int imagerepo_repo_open(const char *dir, int create,
			struct imagerepo_repo **out, struct errinfo *err)
{
	struct imagerepo_repo *r;
	int rc = create ? fileio_mkdirs(dir, 0755, err) : 0;

	if (rc)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return errinfo_set(err, -ENOMEM, "out of memory");
	r->name = strdup(dir);
	r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir < 0 || !r->name) {
		rc = errinfo_set_errno(err, r->name ? -errno : -ENOMEM, "%s",
				       dir);
		imagerepo_repo_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void imagerepo_repo_close(struct imagerepo_repo *r)
{
	if (!r)
		return;
	cleanup_close(&r->dir); /* and with it the lock */
	free(r->name);
	free(r);
}

int imagerepo_repo_dir(const struct imagerepo_repo *r)
{
	return r->dir;
}

static int make_dir(struct imagerepo_repo *r, const char *path,
		    struct errinfo *err)
{
	if (mkdirat(r->dir, path, 0755) && errno != EEXIST)
		return errinfo_set_errno(err, -errno, "%s/%s", r->name, path);
	return 0;
}

static int sync_dir(struct imagerepo_repo *r, const char *path)
{
	auto_close int fd =
		openat(r->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

/* Makes the directories above path; a new one's name is durable too. */
static int make_parents(struct imagerepo_repo *r, const char *path,
			struct errinfo *err)
{
	char part[IMAGE_PATH], above[IMAGE_PATH] = ".";
	struct stat st;
	int rc;

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (fstatat(r->dir, part, &st, 0)) {
			rc = make_dir(r, part, err);
			if (rc)
				return rc;
			rc = sync_dir(r, above);
			if (rc)
				return errinfo_set_errno(err, rc, "%s/%s",
							 r->name, above);
		}
		strcpy(above, part);
	}
	return 0;
}

int imagerepo_repo_lock(struct imagerepo_repo *r, struct errinfo *err)
{
	struct dirent *e;
	DIR *d;
	int fd, rc;

	if (flock(r->dir, LOCK_EX))
		return errinfo_set_errno(err, -errno, "cannot lock %s", r->name);
	r->locked = 1;
	rc = make_dir(r, REPO_TMP, err);
	if (rc)
		return rc;
	fd = openat(r->dir, REPO_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		rc = errinfo_set_errno(err, -errno, "%s/" REPO_TMP, r->name);
		cleanup_close(&fd);
		return rc;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return 0;
}

static int sync_parent(struct imagerepo_repo *r, const char *path)
{
	char parent[IMAGE_PATH];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return fsync(r->dir) ? -errno : 0;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	return sync_dir(r, parent);
}

int imagerepo_repo_tmp(struct imagerepo_repo *r, char tmp[IMAGE_PATH])
{
	int fd;

	/* Without the lock another writer may be at work here. */
	if (!r->locked)
		return -ENOLCK;
	snprintf(tmp, IMAGE_PATH, REPO_TMP "/%u", r->serial++);
	fd = openat(r->dir, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

int imagerepo_repo_place(struct imagerepo_repo *r, int fd, const char *tmp,
			 const char *path, struct errinfo *err)
{
	int rc = make_parents(r, path, err);

	if (!rc && (fchmod(fd, 0644) || fsync(fd) ||
		    renameat(r->dir, tmp, r->dir, path)))
		rc = errinfo_set_errno(err, -errno, "%s/%s", r->name, path);
	if (rc)
		unlinkat(r->dir, tmp, 0);
	return rc;
}

static int put_path(struct imagerepo_repo *r, const char *path,
		    const void *data, size_t len, struct errinfo *err)
{
	char tmp[IMAGE_PATH];
	auto_close int fd = imagerepo_repo_tmp(r, tmp);
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, fd, "%s/" REPO_TMP, r->name);
	rc = fileio_write_all(fd, data, len);
	if (!rc)
		return imagerepo_repo_place(r, fd, tmp, path, err);
	unlinkat(r->dir, tmp, 0);
	return errinfo_set_errno(err, rc, "%s/%s", r->name, path);
}

int imagerepo_repo_put_doc(struct imagerepo_repo *r, const char *path,
			   const void *data, size_t len, struct errinfo *err)
{
	int rc = put_path(r, path, data, len, err);

	if (rc)
		return rc;
	rc = sync_parent(r, path);
	return rc ? errinfo_set_errno(err, rc, "%s/%s", r->name, path) : 0;
}

int imagerepo_repo_get_doc(struct imagerepo_repo *r, const char *path, size_t max,
			   char **data, size_t *len, struct errinfo *err)
{
	auto_close int fd = openat(r->dir, path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : fileio_read_fd(fd, max, data, len);

	if (rc)
		return errinfo_set_errno(err, rc, "%s/%s", r->name, path);
	return 0;
}

int imagerepo_repo_has(struct imagerepo_repo *r, const struct image_blob *b)
{
	char path[IMAGE_PATH];
	struct stat st;

	imagerepo_blob_file(b->sha256, path);
	return !fstatat(r->dir, path, &st, 0) && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == b->size;
}

static void note_dirty(struct imagerepo_repo *r, const char *sha256)
{
	uint8_t first;

	parse_hex((char[]){ sha256[0], sha256[1], 0 }, &first, 1);
	r->dirty[first] = 1;
}

int imagerepo_repo_refresh(struct imagerepo_repo *r, const struct image_blob *b)
{
	char path[IMAGE_PATH];

	note_dirty(r, b->sha256);
	if (!imagerepo_repo_has(r, b))
		return 0;
	imagerepo_blob_file(b->sha256, path);
	return !utimensat(r->dir, path, NULL, 0);
}

int imagerepo_repo_put_later(struct imagerepo_repo *r, const void *data,
			     size_t len, struct image_blob *out,
			     struct errinfo *err)
{
	char path[IMAGE_PATH];

	hash_bytes_hex(data, len, out->sha256);
	out->size = len;
	if (imagerepo_repo_refresh(r, out))
		return 0;
	imagerepo_blob_file(out->sha256, path);
	return put_path(r, path, data, len, err);
}

int imagerepo_repo_flush(struct imagerepo_repo *r, struct errinfo *err)
{
	char path[IMAGE_PATH];
	int rc;

	for (int i = 0; i < 256; i++) {
		if (!r->dirty[i])
			continue;
		snprintf(path, sizeof(path), REPO_BLOBS "/%02x", i);
		rc = sync_dir(r, path);
		if (rc)
			return errinfo_set_errno(err, rc, "%s/%s", r->name, path);
		r->dirty[i] = 0;
	}
	return 0;
}

int imagerepo_repo_put(struct imagerepo_repo *r, const void *data, size_t len,
		       struct image_blob *out, struct errinfo *err)
{
	int rc = imagerepo_repo_put_later(r, data, len, out, err);

	return rc ? rc : imagerepo_repo_flush(r, err);
}

int imagerepo_repo_scratch(struct imagerepo_repo *r, struct errinfo *err)
{
	char tmp[IMAGE_PATH];
	int fd = imagerepo_repo_tmp(r, tmp);

	if (fd < 0)
		return errinfo_set_errno(err, fd, "%s/" REPO_TMP, r->name);
	unlinkat(r->dir, tmp, 0);
	return fd;
}
