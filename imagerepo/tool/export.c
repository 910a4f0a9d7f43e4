/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: some images of a repository, with all that proves them, as one tar
 * file. Metadata first, blobs, timestamp.json last: the same bytes from the
 * same repository. Nothing that does not verify gets in.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blobset.h"
#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "meta.h"
#include "tool.h"
#include "view.h"

#define READ_BYTES 65536

struct export
{
	struct view_how how;
	const char *out;
	int quiet, boot_only;
	struct fetch *from;
	struct tuf_client *c;
	struct archive *tar;
	char *timestamp;
	size_t timestamp_len;
	struct blobset blobs;
	uint64_t files;
};

static int tar_failed(struct export *x, struct errinfo *err)
{
	int e = archive_errno(x->tar);

	return errinfo_set(err, e > 0 ? -e : -EIO, "%s: %s", x->out,
			   archive_error_string(x->tar));
}

/* Nobody's name, no time: the content alone makes the bytes. */
static int begin_file(struct export *x, const char *path, uint64_t size,
		      struct errinfo *err)
{
	struct archive_entry *e = archive_entry_new();
	int r;

	if (!e)
		return errinfo_set(err, -ENOMEM, "out of memory");
	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(e, 0, 0);
	r = archive_write_header(x->tar, e);
	archive_entry_free(e);
	x->files++;
	return r == ARCHIVE_OK ? 0 : tar_failed(x, err);
}

static int add_data(struct export *x, const void *data, size_t len,
		    struct errinfo *err)
{
	la_ssize_t n = archive_write_data(x->tar, data, len);

	return n == (la_ssize_t)len ? 0 : tar_failed(x, err);
}

static int add_doc(struct export *x, const char *path, const void *data,
		   size_t len, struct errinfo *err)
{
	int rc = begin_file(x, path, len, err);

	return rc ? rc : add_data(x, data, len, err);
}

static int keep_doc(const char *path, const void *data, size_t len, void *arg,
		    struct errinfo *err)
{
	struct export *x = arg;
	const char *name = strrchr(path, '/');
	size_t n = strlen(path);

	if (!strcmp(path, META_TIMESTAMP)) {
		x->timestamp = malloc(len ? len : 1);
		if (!x->timestamp)
			return errinfo_set(err, -ENOMEM, "out of memory");
		memcpy(x->timestamp, data, len);
		x->timestamp_len = len;
		return 0;
	}
	/* All roots follow by number. */
	if (name && n > 10 && !strcmp(path + n - 10, ".root.json"))
		return 0;
	return add_doc(x, path, data, len, err);
}

/* Whoever trusts an older root must find the way from there. */
static int add_roots(struct export *x, struct errinfo *err)
{
	int last = tuf_client_floor(x->c).root;

	for (int n = 1; n <= last; n++) {
		auto_free char *doc = NULL;
		char path[TUF_PATH];
		size_t len;
		int rc;

		snprintf(path, sizeof(path), META_DIR "/%d.root.json", n);
		rc = fetch_doc(x->from, path, TUF_SMALL_MAX, &doc, &len, err);
		if (rc == -ENOENT && n < last)
			continue;
		if (!rc)
			rc = add_doc(x, path, doc, len, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_image(struct export *x, const struct tuf_target *t,
		     struct errinfo *err)
{
	auto_free char *doc = NULL;
	struct index *ix = NULL;
	struct image_manifest m;
	size_t len;
	int rc = follow_manifest(x->from, t, &doc, &len, &m, err);

	if (!rc)
		rc = add_doc(x, t->file, doc, len, err);
	if (!rc)
		rc = blobset_index(x->from, &m.index, &ix, err);
	if (!rc && (blobset_add_fixed(&x->blobs, &m) ||
		    blobset_add(&x->blobs, &m.contents) ||
		    blobset_add_packs(&x->blobs, ix)))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	imagerepo_index_free(ix);
	return rc;
}

/* An image has a version and maybe channels: all names of what is wanted. */
static int is_wanted(const struct tuf_target *t,
		     const struct tuf_target *const *chosen, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (target_same_image(t, chosen[i]))
			return 1;
	return 0;
}

static int add_images(struct export *x, int argc, char **argv, struct errinfo *err)
{
	auto_free const struct tuf_target **chosen = NULL;
	const struct tuf_target *t;
	struct wanted w;
	int rc = 0;

	chosen = calloc((size_t)argc + 1, sizeof(*chosen));
	if (!chosen)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < argc && !rc; i++) {
		rc = wanted_parse(argv[i], &w, err);
		if (!rc)
			rc = wanted_find(&w, x->c, &chosen[i], err);
	}
	for (size_t i = 0; !rc && (t = tuf_client_each(x->c, i)); i++)
		if (is_wanted(t, chosen, (size_t)argc))
			rc = add_image(x, t, err);
	if (!rc && blobset_unique(&x->blobs))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	return rc;
}

static int copy_blob(struct export *x, const struct image_blob *b, int fd,
		     struct errinfo *err)
{
	struct hash *h = hash_new();
	auto_free char *chunk = malloc(READ_BYTES);
	uint8_t digest[HASH_LEN];
	char hex[HASH_HEX];
	uint64_t left = b->size;
	int rc = h && chunk ? 0 : errinfo_set(err, -ENOMEM, "out of memory");

	while (!rc && left) {
		ssize_t n =
			read(fd, chunk, left < READ_BYTES ? left : READ_BYTES);

		if (n <= 0) {
			rc = errinfo_set(err, n ? -errno : -EBADMSG,
					 "is shorter than %llu bytes",
					 (unsigned long long)b->size);
			break;
		}
		hash_update(h, chunk, (size_t)n);
		left -= (uint64_t)n;
		rc = add_data(x, chunk, (size_t)n, err);
	}
	if (!rc) {
		hash_final(h, digest);
		format_hex(digest, sizeof(digest), hex);
		if (strcmp(hex, b->sha256) != 0)
			rc = errinfo_set(err, -EBADMSG,
					 "its SHA-256 is %.12s...", hex);
	}
	hash_free(h);
	return rc;
}

static int add_blobs(struct export *x, struct errinfo *err)
{
	char path[IMAGE_PATH], done[TOOL_SIZE], total[TOOL_SIZE];
	uint64_t bytes = 0;
	int64_t told_ms = 0;

	for (size_t i = 0; i < x->blobs.n; i++) {
		const struct image_blob *b = &x->blobs.blob[i];
		auto_free char *file = NULL;
		auto_close int fd = -1;
		int rc;

		imagerepo_blob_file(b->sha256, path);
		file = tool_join(x->how.repo, path);
		fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
		rc = fd < 0 ? errinfo_set_errno(err, -errno, "read")
			    : begin_file(x, path, b->size, err);
		if (!rc)
			rc = copy_blob(x, b, fd, err);
		if (rc)
			return errinfo_wrap(err, rc, "%s/%s", x->how.repo, path);
		bytes += b->size;
		if (x->quiet || !isatty(STDERR_FILENO) ||
		    (clock_boot_ms() - told_ms < 200 && i + 1 < x->blobs.n))
			continue;
		told_ms = clock_boot_ms();
		fprintf(stderr, "\r%s of %s ", tool_size(bytes, done),
			tool_size(x->blobs.bytes, total));
	}
	return 0;
}

static int write_all(struct export *x, int argc, char **argv, struct errinfo *err)
{
	const struct fetch_config config = { .where = x->how.repo };
	struct follow follow = { .root_file = x->how.root_file,
				 .now_ms = x->how.at_ms ? x->how.at_ms
							: clock_unix_ms(),
				 .keep = keep_doc,
				 .arg = x };
	int rc = fetch_open(&config, &x->from, err);

	follow.from = x->from;
	if (!rc)
		rc = follow_run(&follow, &x->c, err);
	if (!rc)
		rc = add_roots(x, err);
	if (!rc)
		rc = add_images(x, argc, argv, err);
	if (!rc)
		rc = add_blobs(x, err);
	if (!rc)
		rc = add_doc(x, META_TIMESTAMP, x->timestamp, x->timestamp_len,
			     err);
	if (!rc && archive_write_close(x->tar) != ARCHIVE_OK)
		rc = tar_failed(x, err);
	return rc;
}

static int run(struct export *x, int argc, char **argv, struct errinfo *err)
{
	auto_free char *tmp = NULL;
	auto_close int fd = -1;
	int rc = 0;

	if (asprintf(&tmp, "%s.part", x->out) < 0)
		return errinfo_set(err, -ENOMEM, "out of memory");
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", tmp);
	x->tar = archive_write_new();
	if (!x->tar || archive_write_set_format_pax_restricted(x->tar) ||
	    archive_write_open_fd(x->tar, fd))
		rc = errinfo_set(err, -ENOMEM, "cannot write %s", tmp);
	if (!rc)
		rc = write_all(x, argc, argv, err);
	archive_write_free(x->tar);
	if (!rc && (fsync(fd) || rename(tmp, x->out)))
		rc = errinfo_set_errno(err, -errno, "%s", x->out);
	if (rc)
		unlink(tmp);
	return rc;
}

static void print_result(const struct export *x)
{
	char size[TOOL_SIZE];

	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	printf("%s: %llu files, %zu blobs, %s\n", x->out,
	       (unsigned long long)x->files, x->blobs.n,
	       tool_size(x->blobs.bytes, size));
}

int tool_export(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		VIEW_OPTIONS,
		{ "output", required_argument, NULL, 'o' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	struct errinfo err = ERRINFO_INIT;
	struct export x = { 0 };
	int c, rc = 0;

	(void)arg;
	while (!rc && (c = getopt_long(argc, argv, VIEW_SHORT "o:q", options,
				       NULL)) != -1) {
		if (c == 'o')
			x.out = optarg;
		else if (c == 'q')
			x.quiet = 1;
		else
			rc = view_option(&x.how, c, optarg);
	}
	if (rc)
		return rc == 1 ? cmd_misuse("see --help") : rc;
	if (x.how.url)
		return cmd_misuse("a repository in a directory, please; mirror "
				  "it first");
	view_defaults(&x.how);
	if (!x.out || argc == optind)
		return cmd_misuse("name the file by --output, and images");
	rc = run(&x, argc - optind, argv + optind, &err);
	if (!rc && !x.quiet)
		print_result(&x);
	tuf_client_free(x.c);
	fetch_close(x.from);
	free(x.timestamp);
	blobset_dispose(&x.blobs);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
