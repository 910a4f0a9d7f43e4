/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole blobs of a repository: files in, checked bytes out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "repo-private.h"

#define COPY_STEP (1024 * 1024)

int imagerepo_pread_all(int fd, void *buf, size_t len, uint64_t offset)
{
	for (uint8_t *p = buf; len;) {
		ssize_t n = pread(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int imagerepo_pwrite_all(int fd, const void *buf, size_t len, uint64_t offset)
{
	for (const uint8_t *p = buf; len;) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* Copies and hashes in one pass: what is stored is what was hashed, whatever
 * happens to the source meanwhile. */
static int copy_hashed(int in, int out, uint64_t max, struct image_blob *b)
{
	auto_free char *step = malloc(COPY_STEP);
	struct hash *h = hash_new();
	uint8_t raw[HASH_LEN];
	int rc = step && h ? 0 : -ENOMEM;

	b->size = 0;
	while (!rc) {
		ssize_t n = read(in, step, COPY_STEP);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = n ? -errno : 0;
			break;
		}
		b->size += (uint64_t)n;
		if (b->size > max)
			rc = -EFBIG;
		hash_update(h, step, (size_t)n);
		if (!rc)
			rc = fileio_write_all(out, step, (size_t)n);
	}
	if (!rc) {
		hash_final(h, raw);
		format_hex(raw, sizeof(raw), b->sha256);
	}
	hash_free(h);
	return rc;
}

static int check_wanted(const char *file, const struct image_blob *want,
			const struct image_blob *is, struct errinfo *err)
{
	if (!want || !want->sha256[0] || !strcmp(want->sha256, is->sha256))
		return 0;
	return errinfo_set(err, -EBADMSG,
			   "%s: its SHA-256 is %.12s..., not %.12s...", file,
			   is->sha256, want->sha256);
}

int imagerepo_repo_put_file(struct imagerepo_repo *r, const char *file,
			    uint64_t max, const struct image_blob *want,
			    struct image_blob *out, struct errinfo *err)
{
	char tmp[IMAGE_PATH], path[IMAGE_PATH];
	auto_close int in = open(file, O_RDONLY | O_CLOEXEC);
	auto_close int fd = -1;
	int rc;

	if (in < 0)
		return errinfo_set_errno(err, -errno, "%s", file);
	fd = imagerepo_repo_tmp(r, tmp);
	if (fd < 0)
		return errinfo_set_errno(err, fd, "%s/" REPO_TMP, r->name);
	rc = copy_hashed(in, fd, max, out);
	if (rc)
		errinfo_set_errno(err, rc, "%s -> %s/%s", file, r->name, tmp);
	else
		rc = check_wanted(file, want, out, err);
	if (rc || imagerepo_repo_refresh(r, out)) {
		unlinkat(r->dir, tmp, 0);
		return rc ? rc : imagerepo_repo_flush(r, err);
	}
	imagerepo_blob_file(out->sha256, path);
	rc = imagerepo_repo_place(r, fd, tmp, path, err);
	return rc ? rc : imagerepo_repo_flush(r, err);
}

int imagerepo_repo_settle(struct imagerepo_repo *r, int fd, const char *tmp,
			  struct image_blob *out, struct errinfo *err)
{
	char path[IMAGE_PATH];
	uint8_t raw[HASH_LEN];
	int rc = hash_fd(fd, raw, &out->size);

	if (rc) {
		unlinkat(r->dir, tmp, 0);
		return errinfo_set_errno(err, rc, "%s/%s", r->name, tmp);
	}
	format_hex(raw, sizeof(raw), out->sha256);
	if (imagerepo_repo_refresh(r, out)) {
		unlinkat(r->dir, tmp, 0);
	} else {
		imagerepo_blob_file(out->sha256, path);
		rc = imagerepo_repo_place(r, fd, tmp, path, err);
	}
	return rc ? rc : imagerepo_repo_flush(r, err);
}

int imagerepo_repo_open_blob(struct imagerepo_repo *r,
			     const struct image_blob *b, struct errinfo *err)
{
	char path[IMAGE_PATH];
	auto_close int fd = -1;
	struct stat st;

	imagerepo_blob_file(b->sha256, path);
	fd = openat(r->dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return errinfo_set_errno(err, -errno, "%s/%s", r->name, path);
	if ((uint64_t)st.st_size != b->size)
		return errinfo_set(err, -EBADMSG,
				   "%s/%s has %llu bytes instead of %llu",
				   r->name, path, (unsigned long long)st.st_size,
				   (unsigned long long)b->size);
	return TAKE_FD(fd);
}

static int wrong_digest(struct imagerepo_repo *r, const struct image_blob *b,
			struct errinfo *err)
{
	char path[IMAGE_PATH];

	imagerepo_blob_file(b->sha256, path);
	return errinfo_set(err, -EBADMSG,
			   "%s/%s is damaged: its SHA-256 is another", r->name,
			   path);
}

int imagerepo_repo_get(struct imagerepo_repo *r, const struct image_blob *b,
		       char **data, struct errinfo *err)
{
	auto_close int fd = imagerepo_repo_open_blob(r, b, err);
	auto_free char *p = NULL;
	char hex[HASH_HEX];
	int rc;

	if (fd < 0)
		return fd;
	p = malloc(b->size + 1);
	if (!p)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_pread_all(fd, p, b->size, 0);
	if (rc)
		return errinfo_set_errno(err, rc, "blob %.12s...", b->sha256);
	hash_bytes_hex(p, b->size, hex);
	if (strcmp(hex, b->sha256) != 0)
		return wrong_digest(r, b, err);
	p[b->size] = 0;
	*data = TAKE(p);
	return 0;
}

int imagerepo_repo_check(struct imagerepo_repo *r, const struct image_blob *b,
			 struct errinfo *err)
{
	auto_close int fd = imagerepo_repo_open_blob(r, b, err);
	uint8_t raw[HASH_LEN];
	char hex[HASH_HEX];
	uint64_t size;
	int rc;

	if (fd < 0)
		return fd;
	rc = hash_fd(fd, raw, &size);
	if (rc)
		return errinfo_set_errno(err, rc, "blob %.12s...", b->sha256);
	format_hex(raw, sizeof(raw), hex);
	if (strcmp(hex, b->sha256) != 0)
		return wrong_digest(r, b, err);
	return 0;
}

int imagerepo_repo_index(struct imagerepo_repo *r, const struct image_blob *b,
			 struct index **out, struct errinfo *err)
{
	auto_free char *doc = NULL;
	int rc = b->size > IMAGE_INDEX_MAX ? -EFBIG : 0;

	if (rc)
		return errinfo_set(err, rc, "the index is too large");
	rc = imagerepo_repo_get(r, b, &doc, err);
	return rc ? rc : imagerepo_index_parse(doc, b->size, out, err);
}

static int each_pack(struct imagerepo_repo *r, const struct image_manifest *m,
		     imagerepo_repo_blob_fn fn, void *arg)
{
	struct index *ix;
	int rc;

	/* What is not here or not sound has been told of as the index. */
	if (imagerepo_repo_index(r, &m->index, &ix, NULL))
		return 0;
	rc = 0;
	for (uint32_t i = 0; !rc && i < imagerepo_index_n_packs(ix); i++) {
		struct index_pack p;
		struct image_blob b;

		imagerepo_index_pack(ix, i, &p);
		format_hex(p.sha256, HASH_LEN, b.sha256);
		b.size = p.size;
		rc = fn(&b, arg);
	}
	imagerepo_index_free(ix);
	return rc;
}

int imagerepo_repo_each(struct imagerepo_repo *r, const struct image_manifest *m,
			int all, imagerepo_repo_blob_fn fn, void *arg,
			struct errinfo *err)
{
	const struct image_blob *part[] = { &m->kernel, &m->initrd, &m->index,
					    &m->bundle };
	int rc = 0;

	(void)err;
	for (size_t i = 0; !rc && i < ARRAY_SIZE(part); i++)
		if (part[i]->size)
			rc = fn(part[i], arg);
	if (!rc && all && m->contents.size)
		rc = fn(&m->contents, arg);
	for (int i = 0; !rc && all && i < m->n_deltas; i++)
		rc = fn(&m->delta[i].blob, arg);
	return rc ? rc : each_pack(r, m, fn, arg);
}
