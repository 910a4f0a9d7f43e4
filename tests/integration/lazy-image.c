/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes an image for tests: lazy-image DIR MIB [SEED]
 *
 *	DIR/disk		what must be read
 *	DIR/manifest.json	for imagedev --manifest
 *	DIR/repo/blobs/HH/HEX	index, packs, bundle
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/imagedev-fixture.h"
#include "cleanup.h"
#include "fileio.h"
#include "image.h"

static int put(const char *dir, const char *name, const void *data, size_t len)
{
	auto_free char *path = NULL;
	char *slash;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -1;
	slash = strrchr(path, '/');
	*slash = 0;
	if (fileio_mkdirs(path, 0755, NULL))
		return -1;
	*slash = '/';
	return fileio_write_atomic(path, data, len, 0644, NULL);
}

static int put_blob(const char *dir, const char *sha256, const void *data,
		    size_t len)
{
	char path[IMAGE_PATH], name[IMAGE_PATH + 8];

	imagerepo_blob_file(sha256, path);
	snprintf(name, sizeof(name), "repo/%s", path);
	return put(dir, name, data, len);
}

static int put_manifest(const char *dir, const struct fixture *f)
{
	const struct fixture_blob *b = &f->blob[f->bundle];
	struct image_manifest m = {
		.name = "test",
		.version = "1",
		.created_ms = 1795226400000,
		.memory_min_mib = 64,
		.disk_size = f->size,
		.bundle_head = f->bundle_head,
	};
	auto_free char *doc = NULL;
	struct errinfo err = ERRINFO_INIT;

	memcpy(m.kernel.sha256, b->sha256, HASH_HEX);
	m.kernel.size = b->len;
	memcpy(m.index.sha256, f->index_sha256, HASH_HEX);
	m.index.size = f->index_len;
	memcpy(m.bundle.sha256, b->sha256, HASH_HEX);
	m.bundle.size = b->len;
	memcpy(m.bundle_head_sha256, f->head_sha256, HASH_HEX);
	for (int i = 0; i < f->bundle; i++)
		m.disk_stored += f->blob[i].len;
	if (imagerepo_image_print(&m, &doc, &err)) {
		fprintf(stderr, "lazy-image: %s\n", err.text);
		return -1;
	}
	return put(dir, "manifest.json", doc, strlen(doc));
}

int main(int argc, char **argv)
{
	struct fixture f;
	int rc;

	if (argc < 3 || fixture_make(&f, (size_t)atoi(argv[2]) << 20,
				     argc > 3 ? (uint64_t)atoi(argv[3]) : 1))
		return 2;
	rc = put(argv[1], "disk", f.disk, f.size) ||
	     put_blob(argv[1], f.index_sha256, f.index, f.index_len) ||
	     put_manifest(argv[1], &f);
	for (int i = 0; !rc && i < f.n_blobs; i++)
		rc = put_blob(argv[1], f.blob[i].sha256, f.blob[i].data,
			      f.blob[i].len);
	fixture_free(&f);
	return rc ? 1 : 0;
}
