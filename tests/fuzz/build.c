/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what a build reads. The first byte says what the rest is:
 *
 *	'c'	a list of contents
 *	'j'	an image.json
 *	't'	a tar archive, put into a tree
 *	'o'	an OCI layout: a manifest, 0, a layer; @ in the manifest stands
 *		for the layer's digest. Without a 0: an index
 *
 * What is accepted must be the same when it is made anew; no path in a tree
 * leads out of it.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../imagerepo/tool/archive-in.h"
#include "buf.h"
#include "cleanup.h"
#include "contents.h"
#include "draft.h"
#include "fileio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_contents(const void *doc, size_t len)
{
	auto_free char *again = NULL;
	struct contents *c;
	size_t n;

	if (imagerepo_contents_parse(doc, len, &c, NULL))
		return;
	if (imagerepo_contents_print(c, &again, &n, NULL))
		abort();
	imagerepo_contents_free(c);
	if (imagerepo_contents_parse(again, n, &c, NULL))
		abort();
	imagerepo_contents_free(c);
}

static void try_draft(const void *doc, size_t len)
{
	static struct image_draft d, d2;
	auto_free char *again = NULL;

	if (imagerepo_draft_parse(doc, len, &d, NULL))
		return;
	if (imagerepo_draft_print(&d, &again, NULL) ||
	    imagerepo_draft_parse(again, strlen(again), &d2, NULL) ||
	    memcmp(&d, &d2, sizeof(d)) != 0)
		abort();
}

static void check_path(const char *path)
{
	char padded[TREE_PATH + 2];

	snprintf(padded, sizeof(padded), "/%s/", path);
	if (strstr(padded, "/../") || strstr(padded, "/./") ||
	    strstr(padded, "//"))
		abort();
}

static void try_tar(const void *doc, size_t len)
{
	auto_close int fd = memfd_create("tar", MFD_CLOEXEC);
	char spool[] = "/tmp/fuzz-build.XXXXXX";
	int file = mkstemp(spool);
	struct tree t = { .layer = 1 };
	struct archive_in in;

	if (file < 0 || fd < 0 || fileio_write_all(fd, doc, len) ||
	    lseek(fd, 0, SEEK_SET) || archive_open(&in, &t, spool, NULL))
		abort();
	close(file);
	unlink(spool);
	in.max = 1 << 20;
	in.whiteouts = 1;
	archive_read_fd(&in, fd, "fuzz", NULL);
	tree_sort(&t);
	for (size_t i = 0; i < t.n; i++)
		check_path(t.entries[i].path);
	archive_close(&in);
	tree_dispose(&t);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static void put_file(const char *dir, const char *name, const void *data,
		     size_t len)
{
	auto_free char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0 ||
	    fileio_write_atomic(path, data, len, 0644, NULL))
		abort();
}

/* blobs/sha256/HEX; its name for a descriptor. */
static void put_blob(const char *dir, const void *data, size_t len,
		     char hex[HASH_HEX])
{
	char name[128];

	hash_bytes_hex(data, len, hex);
	snprintf(name, sizeof(name), "blobs/sha256/%s", hex);
	put_file(dir, name, data, len);
}

static void put_layout(const char *dir, const uint8_t *doc, size_t len)
{
	const uint8_t *end = memchr(doc, 0, len);
	auto_buf struct buf manifest = BUF_INIT;
	char hex[HASH_HEX], index[256];
	int n;

	if (!end) {
		put_file(dir, "index.json", doc, len);
		return;
	}
	put_blob(dir, end + 1, len - (size_t)(end + 1 - doc), hex);
	for (const uint8_t *p = doc; p < end; p++)
		if (*p == '@' ? buf_adds(&manifest, hex)
			      : buf_add(&manifest, p, 1))
			abort();
	put_blob(dir, manifest.data ? manifest.data : "", manifest.len, hex);
	n = snprintf(
		index, sizeof(index),
		"{\"manifests\": [{\"digest\": \"sha256:%s\", \"size\": %zu}]}",
		hex, manifest.len);
	put_file(dir, "index.json", index, (size_t)n);
}

static void try_oci(const uint8_t *doc, size_t len)
{
	char dir[] = "/tmp/fuzz-oci.XXXXXX", spool[64], blobs[64];
	struct tree t = { .layer = 1 };
	struct archive_in in;
	int file;

	if (!mkdtemp(dir))
		abort();
	snprintf(spool, sizeof(spool), "%s/spool", dir);
	snprintf(blobs, sizeof(blobs), "%s/blobs/sha256", dir);
	file = open(spool, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || fileio_mkdirs(blobs, 0755, NULL) ||
	    archive_open(&in, &t, spool, NULL))
		abort();
	close(file);
	put_layout(dir, doc, len);
	in.max = 1 << 20;
	archive_read_oci(&in, dir, NULL);
	tree_sort(&t);
	for (size_t i = 0; i < t.n; i++)
		check_path(t.entries[i].path);
	archive_close(&in);
	tree_dispose(&t);
	if (nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	if (data[0] == 'c')
		try_contents(data + 1, len - 1);
	else if (data[0] == 'j')
		try_draft(data + 1, len - 1);
	else if (data[0] == 't')
		try_tar(data + 1, len - 1);
	else if (data[0] == 'o')
		try_oci(data + 1, len - 1);
	return 0;
}
