/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive-in.h"
#include "cleanup.h"
#include "fileio.h"

#define READ_BYTES (128 * 1024)
#define BLOCK      4096u
#define XATTR_MAX  4096 /* bytes of one value */
#define WHITEOUT   ".wh."
#define OPAQUE     ".wh..wh..opq"

int archive_open(struct archive_in *in, struct tree *tree, const char *spool,
		 struct errinfo *err)
{
	memset(in, 0, sizeof(*in));
	in->tree = tree;
	in->max = ARCHIVE_BYTES_MAX;
	in->mtime_max = INT32_MAX;
	in->spool_fd = open(spool, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (in->spool_fd < 0)
		return errinfo_set_errno(err, -errno, "%s", spool);
	in->spool = strdup(spool);
	return in->spool ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

void archive_close(struct archive_in *in)
{
	if (in->spool)
		close(in->spool_fd);
	free(in->spool);
	in->spool = NULL;
}

/* ---- bytes --------------------------------------------------------------- */

static int is_zero(const char *p, size_t len)
{
	return !len || (!*p && !memcmp(p, p + 1, len - 1));
}

/* At that place of the spool; zeros become a hole. */
static int spool_put(struct archive_in *in, uint64_t at, const char *p,
		     size_t len, struct errinfo *err)
{
	while (len) {
		size_t n = len < BLOCK ? len : BLOCK;
		ssize_t w = (ssize_t)n;

		if (!is_zero(p, n))
			w = pwrite(in->spool_fd, p, n, (off_t)at);
		if (w <= 0)
			return errinfo_set_errno(err, w ? -errno : -EIO, "%s",
						 in->spool);
		p += w;
		at += (uint64_t)w;
		len -= (size_t)w;
	}
	return 0;
}

/* The content of the entry that was read last; e->size says how long it is
 * and is compared with what comes. */
static int spool_entry(struct archive_in *in, struct archive *a,
		       struct tree_entry *e, struct errinfo *err)
{
	const void *p;
	size_t len;
	la_int64_t offset;
	int r, rc;

	if (e->size > in->max || in->spooled > in->max - e->size)
		return errinfo_set(err, -EFBIG,
				   "/%.200s: more than %llu MiB of files",
				   e->path, (unsigned long long)in->max >> 20);
	e->source = in->spool;
	e->offset = in->spooled;
	while ((r = archive_read_data_block(a, &p, &len, &offset)) == ARCHIVE_OK) {
		if (offset < 0 || (uint64_t)offset > e->size ||
		    len > e->size - (uint64_t)offset)
			return errinfo_set(err, -EBADMSG,
					   "/%.200s is longer than it says",
					   e->path);
		rc = spool_put(in, e->offset + (uint64_t)offset, p, len, err);
		if (rc)
			return rc;
	}
	if (r != ARCHIVE_EOF)
		return errinfo_set(err, -EBADMSG, "/%.200s: %s", e->path,
				   archive_error_string(a));
	in->spooled += (e->size + BLOCK - 1) / BLOCK * BLOCK;
	if (ftruncate(in->spool_fd, (off_t)in->spooled))
		return errinfo_set_errno(err, -errno, "%s", in->spool);
	return 0;
}

/* ---- entries ------------------------------------------------------------- */

/* What a read-only disk can carry and a job can see. */
static int is_kept(const char *name)
{
	return !strcmp(name, "security.capability") || !strncmp(name, "user.", 5);
}

static int copy_xattrs(struct archive_in *in, struct archive_entry *from,
		       struct tree_entry *e, struct errinfo *err)
{
	const char *name;
	const void *value;
	size_t len;

	archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &name, &value, &len) == ARCHIVE_OK) {
		struct tree_xattr *x;

		if (!is_kept(name) || strlen(name) > 250 || len > XATTR_MAX) {
			in->ignored++;
			continue;
		}
		x = calloc(1, sizeof(*x));
		if (!x)
			return errinfo_set(err, -ENOMEM, "out of memory");
		x->next = e->xattrs;
		e->xattrs = x;
		x->name = strdup(name);
		x->value = malloc(len + 1);
		x->len = len;
		if (!x->name || !x->value)
			return errinfo_set(err, -ENOMEM, "out of memory");
		memcpy(x->value, value, len);
	}
	return 0;
}

/* ".wh.x" removes x, ".wh..wh..opq" all that lower layers have in its
 * directory (OCI image specification, layer.md). 1: it was one. */
static int whiteout(struct archive_in *in, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	int opaque = !strcmp(base, OPAQUE);
	char target[TREE_PATH], clean[TREE_PATH] = "";

	if (!in->whiteouts || strncmp(base, WHITEOUT, strlen(WHITEOUT)) != 0)
		return 0;
	snprintf(target, sizeof(target), "%.*s%s", (int)(base - path), path,
		 opaque ? "" : base + strlen(WHITEOUT));
	if ((opaque && !slash) || !tree_resolve(in->tree, target, clean))
		tree_remove(in->tree, clean, in->tree->layer, opaque);
	return 1;
}

static int64_t bounded_time(const struct archive_in *in, int64_t t)
{
	return t < 0 ? 0 : t > in->mtime_max ? in->mtime_max : t;
}

static int known_type(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) ||
	       S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode);
}

static int put_node(struct archive_in *in, struct archive *a,
		    struct archive_entry *from, const char *path,
		    struct errinfo *err)
{
	struct tree_entry e = { .path = (char *)path,
				.mode = archive_entry_mode(from),
				.uid = (uint32_t)archive_entry_uid(from),
				.gid = (uint32_t)archive_entry_gid(from) };
	const char *target = archive_entry_symlink(from);
	int rc;

	e.mtime = bounded_time(in, archive_entry_mtime(from));
	if (!known_type(e.mode))
		return errinfo_set(err, -EINVAL,
				   "/%.200s is of a kind that no image holds",
				   path);
	if (S_ISCHR(e.mode) || S_ISBLK(e.mode))
		e.rdev = archive_entry_rdev(from);
	if (S_ISLNK(e.mode)) {
		if (!target || !*target || strlen(target) >= BLOCK)
			return errinfo_set(err, -EINVAL,
					   "/%.200s: bad target of a link", path);
		e.source = (char *)target;
		e.size = strlen(target);
		e.mode = S_IFLNK | 0777;
	}
	rc = copy_xattrs(in, from, &e, err);
	if (!rc && S_ISREG(e.mode)) {
		e.size = (uint64_t)archive_entry_size(from);
		rc = archive_entry_size(from) < 0
			     ? errinfo_set(err, -EBADMSG, "/%.200s: bad size",
					   path)
			     : spool_entry(in, a, &e, err);
	}
	if (!rc)
		rc = tree_put(in->tree, &e, err);
	tree_xattrs_free(e.xattrs);
	return rc;
}

static int put_entry(struct archive_in *in, struct archive *a,
		     struct archive_entry *from, struct errinfo *err)
{
	const char *path = archive_entry_pathname(from);
	const char *hard = archive_entry_hardlink(from);
	char clean[TREE_PATH];
	int rc;

	if (!path)
		return errinfo_set(err, -EBADMSG, "an entry has no name");
	path += strspn(path, "/");
	while (!strncmp(path, "./", 2))
		path += 2 + strspn(path + 2, "/");
	if (!*path || !strcmp(path, ".")) /* the top itself */
		return 0;
	rc = tree_resolve(in->tree, path, clean);
	if (rc)
		return errinfo_set_errno(err, rc, "refused path '%.200s'", path);
	if (whiteout(in, path))
		return 0;
	if (hard)
		return tree_put_hardlink(in->tree, path, hard, err);
	return put_node(in, a, from, path, err);
}

/* ---- archives ------------------------------------------------------------ */

static int read_all(struct archive_in *in, struct archive *a, struct errinfo *err)
{
	struct archive_entry *e;
	int r, rc;

	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK ||
	       r == ARCHIVE_WARN) {
		rc = put_entry(in, a, e, err);
		if (rc)
			return rc;
	}
	if (r != ARCHIVE_EOF)
		return errinfo_set(err, -EBADMSG, "%s", archive_error_string(a));
	return tree_mend(in->tree, err);
}

int archive_read_fd(struct archive_in *in, int fd, const char *name,
		    struct errinfo *err)
{
	struct archive *a = archive_read_new();
	int rc;

	if (!a)
		return errinfo_set(err, -ENOMEM, "out of memory");
	/* "empty" for a layer that changes nothing */
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_gnutar(a);
	archive_read_support_format_empty(a);
	if (archive_read_open_fd(a, fd, READ_BYTES) != ARCHIVE_OK)
		rc = errinfo_set(err, -EBADMSG, "%s", archive_error_string(a));
	else
		rc = read_all(in, a, err);
	archive_read_free(a);
	return rc ? errinfo_wrap(err, rc, "%s", name) : 0;
}

int archive_read_file(struct archive_in *in, const char *path, struct errinfo *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	return archive_read_fd(in, fd, path, err);
}
