/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories: what is damaged is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "bundle.h"
#include "cleanup.h"
#include "delta.h"
#include "repo-fixture.h"

#define FLIPS 1000

static size_t flip(uint8_t *data, size_t len)
{
	size_t at = ((size_t)rnd() << 20 | rnd()) % len;

	data[at] ^= (uint8_t)(1 << rnd() % 8);
	return at;
}

static void test_flips_of_a_manifest_are_refused(void **state)
{
	struct image_manifest m;
	auto_free char *doc = NULL;
	size_t len;

	(void)state;
	assert_int_equal(imagerepo_image_print(&image[1], &doc, &err), 0);
	len = strlen(doc);
	for (int i = 0; i < FLIPS; i++) {
		auto_free char *bad = strdup(doc), *again = NULL;

		flip((uint8_t *)bad, len);
		/* another digest or name is well formed; then it is just that */
		if (imagerepo_image_parse(bad, len, &m, &err))
			continue;
		assert_int_equal(imagerepo_image_print(&m, &again, &err), 0);
		assert_memory_equal(again, bad, len);
	}
	for (size_t n = 0; n < len; n++)
		assert_true(imagerepo_image_parse(doc, n, &m, &err) < 0);
}

static void test_flips_of_an_index_are_refused(void **state)
{
	struct index *ix;
	auto_free char *doc = NULL;
	size_t len = image[0].index.size;

	(void)state;
	assert_int_equal(imagerepo_repo_get(repo, &image[0].index, &doc, &err),
			 0);
	for (int i = 0; i < FLIPS; i++) {
		auto_free uint8_t *bad = malloc(len);
		struct index_chunk c;

		memcpy(bad, doc, len);
		flip(bad, len);
		if (imagerepo_index_parse(bad, len, &ix, &err))
			continue;
		/* an unused bit of the frame: it means the same */
		assert_int_equal(imagerepo_index_disk_size(ix), SIZE);
		for (uint32_t k = 0; k < imagerepo_index_n_chunks(ix); k++)
			imagerepo_index_chunk(ix, k, &c);
		imagerepo_index_free(ix);
	}
	for (size_t n = 0; n < len; n++)
		assert_true(imagerepo_index_parse(doc, n, &ix, &err) < 0);
}

/* All frames, as a reader would: -EBADMSG, or the right blocks. */
static int read_bundle(const uint8_t *doc)
{
	static uint8_t raw[BUNDLE_FRAME_BLOCKS * INDEX_BLOCK];
	const struct image_manifest *m = &image[0];
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	struct bundle *b = NULL;
	char hex[HASH_HEX];
	int rc;

	hash_bytes_hex(doc, m->bundle_head, hex);
	rc = imagerepo_bundle_parse(doc, m->bundle_head, SIZE, m->index.sha256,
				    &b, &err);
	if (!rc && strcmp(hex, m->bundle_head_sha256) != 0)
		rc = -EBADMSG;
	for (uint32_t i = 0; !rc && i < imagerepo_bundle_n_frames(b); i++) {
		struct bundle_frame f;

		imagerepo_bundle_frame(b, i, &f);
		rc = imagerepo_bundle_decode(dctx, &f, doc + f.offset, f.stored,
					     raw, &err);
		for (uint32_t k = 0; !rc && k < f.blocks; k++) {
			uint32_t at = imagerepo_bundle_block(b, f.first + k);

			assert_int_equal(imagerepo_bundle_find(b, at),
					 f.first + k);
			assert_memory_equal(raw + k * INDEX_BLOCK,
					    disk[0] + at * INDEX_BLOCK,
					    INDEX_BLOCK);
		}
	}
	imagerepo_bundle_free(b);
	ZSTD_freeDCtx(dctx);
	return rc;
}

static void test_flips_of_a_bundle_are_refused(void **state)
{
	auto_free char *doc = NULL;
	struct bundle *b;
	size_t len = image[0].bundle.size;

	(void)state;
	assert_int_equal(imagerepo_repo_get(repo, &image[0].bundle, &doc, &err),
			 0);
	assert_int_equal(read_bundle((uint8_t *)doc), 0);
	for (int i = 0; i < FLIPS; i++) {
		auto_free uint8_t *bad = malloc(len);

		memcpy(bad, doc, len);
		flip(bad, len);
		assert_int_equal(read_bundle(bad), -EBADMSG);
	}
	for (size_t n = 0; n < image[0].bundle_head; n++)
		assert_true(imagerepo_bundle_parse(doc, n, SIZE,
						   image[0].index.sha256, &b,
						   &err) < 0);
	assert_int_equal(imagerepo_bundle_parse(doc, image[0].bundle_head,
						SIZE + INDEX_BLOCK,
						image[0].index.sha256, &b, &err),
			 -EBADMSG);
	assert_int_equal(imagerepo_bundle_parse(doc, image[0].bundle_head, SIZE,
						image[1].index.sha256, &b, &err),
			 -EBADMSG);
}

/* Whatever a delta says, a pack is stored under its digest or not at all. The
 * delta is handed in under the digest of its damaged bytes. */
static void test_flips_of_a_delta_store_nothing_wrong(void **state)
{
	struct imagerepo_repo *to = mirror_of_first("flips");
	const struct image_blob *d = &image[1].delta[0].blob;
	struct imagerepo_fsck_stats found;
	auto_free char *doc = NULL;

	(void)state;
	assert_int_equal(imagerepo_repo_get(repo, d, &doc, &err), 0);
	for (int i = 0; i < FLIPS; i++) {
		struct image_blob bad;
		auto_free uint8_t *copy = malloc(d->size);
		size_t len = d->size;
		char path[IMAGE_PATH];

		memcpy(copy, doc, len);
		if (i % 10)
			flip(copy, len);
		else
			len = rnd() % len;
		assert_int_equal(imagerepo_repo_put(to, copy, len, &bad, &err),
				 0);
		imagerepo_delta_apply(to, &image[0].index, &image[1].index,
				      &bad, 1, NULL, NULL);
		imagerepo_blob_file(bad.sha256, path);
		unlinkat(imagerepo_repo_dir(to), path, 0);
	}
	assert_int_equal(
		imagerepo_repo_fsck(to, NULL, 0, 1, NULL, NULL, &found, &err), 0);
	assert_int_equal(found.faults, 0);
	imagerepo_repo_close(to);
}

static void test_fsck_sees_every_damaged_blob(void **state)
{
	const struct image_blob *blob[] = { &image[0].kernel, &image[0].index,
					    &image[0].bundle,
					    &image[1].delta[0].blob };
	struct imagerepo_fsck_stats found;
	struct imagerepo_keep keep[2];

	(void)state;
	keep_image(0, &keep[0]);
	keep_image(1, &keep[1]);
	for (size_t i = 0; i < ARRAY_SIZE(blob); i++) {
		char path[IMAGE_PATH];
		auto_close int fd = -1;
		uint8_t byte;

		imagerepo_blob_file(blob[i]->sha256, path);
		fd = openat(imagerepo_repo_dir(repo), path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, 3), 1);
		byte ^= 4;
		assert_int_equal(pwrite(fd, &byte, 1, 3), 1);
		assert_int_equal(imagerepo_repo_fsck(repo, keep, 2, 1, NULL,
						     NULL, &found, &err),
				 0);
		assert_true(found.faults > 0);
		byte ^= 4;
		assert_int_equal(pwrite(fd, &byte, 1, 3), 1);
	}
	assert_int_equal(
		imagerepo_repo_fsck(repo, keep, 2, 1, NULL, NULL, &found, &err),
		0);
	assert_int_equal(found.faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flips_of_a_manifest_are_refused),
		cmocka_unit_test(test_flips_of_an_index_are_refused),
		cmocka_unit_test(test_flips_of_a_bundle_are_refused),
		cmocka_unit_test(test_flips_of_a_delta_store_nothing_wrong),
		cmocka_unit_test(test_fsck_sees_every_damaged_blob),
	};

	return cmocka_run_group_tests(tests, repo_setup, repo_teardown);
}
