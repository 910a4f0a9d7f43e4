/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories: what is published comes back, what is damaged is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "bundle.h"
#include "cleanup.h"
#include "delta.h"
#include "fileio.h"
#include "index.h"
#include "repo.h"

#define BLOCKS 768u /* 3 MiB */
#define SIZE   (BLOCKS * INDEX_BLOCK)
#define FLIPS  1000

static char dir[] = "/tmp/test-repo-XXXXXX";
static struct imagerepo_repo *repo;
static struct errinfo err;
static uint8_t disk[2][SIZE];
static struct image_manifest image[2];
static char digest[2][HASH_HEX];
static size_t gzip_len; /* of a file on both disks */

/* Numbers that are the same in each run. */
static uint64_t seed = 1;
static uint32_t rnd(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Text of few words, so that it compresses; a hole; noise. */
static void make_disks(void)
{
	static const char words[] = "the quick brown fox jumps over dogs";

	for (size_t i = 0; i < SIZE; i++)
		disk[0][i] = (uint8_t)words[rnd() % (sizeof(words) - 1)];
	memset(disk[0] + 100 * INDEX_BLOCK, 0, 200 * INDEX_BLOCK);
	for (size_t i = 400 * INDEX_BLOCK; i < 420 * INDEX_BLOCK; i++)
		disk[0][i] = (uint8_t)rnd();
	/* the next version: a word inserted, a part moved, a byte changed */
	memcpy(disk[1], disk[0], SIZE);
	memmove(disk[1] + 500 * INDEX_BLOCK + 7, disk[0] + 500 * INDEX_BLOCK,
		60 * INDEX_BLOCK);
	memcpy(disk[1] + 600 * INDEX_BLOCK, disk[0] + 20 * INDEX_BLOCK,
	       40 * INDEX_BLOCK);
	disk[1][5 * INDEX_BLOCK + 99] ^= 1;
}

/* A text on both disks, as gzip makes it; in the second a word is another. */
static int put_gzip(int v)
{
	auto_free char *text = NULL, *pack = NULL, *file = NULL, *run = NULL;
	auto_free char *data = malloc(20000);
	size_t n = 0;

	if (!data || asprintf(&text, "%s/text", dir) < 0 ||
	    asprintf(&pack, "gzip -9nc %s > %s.gz", text, text) < 0 ||
	    asprintf(&file, "%s.gz", text) < 0)
		return -1;
	memcpy(data, disk[0] + 310 * INDEX_BLOCK, 20000);
	if (v)
		memcpy(data, "another", 7);
	if (fileio_write_atomic(text, data, 20000, 0600, &err) ||
	    system(pack) || fileio_read(file, 20000, &run, &n, &err))
		return -1;
	memset(disk[v] + 640 * INDEX_BLOCK, 0, 5 * INDEX_BLOCK);
	memcpy(disk[v] + 640 * INDEX_BLOCK, run, n);
	gzip_len = n;
	return 0;
}

static void in_dir(const char *name, char out[IMAGE_PATH])
{
	snprintf(out, IMAGE_PATH, "%s/%s", dir, name);
}

static int publish(int v, const struct imagerepo_publish *more)
{
	struct imagerepo_publish how = *more;
	auto_free char *doc = NULL;
	char file[IMAGE_PATH], target[IMAGE_PATH];
	struct image_manifest *m = &image[v];

	in_dir("disk", file);
	if (fileio_write_atomic(file, disk[v], SIZE, 0644, &err))
		return -1;
	how.disk = file;
	*m = (struct image_manifest){ .name = "batch",
				      .created_ms = 1795226400000,
				      .memory_min_mib = 64,
				      .cmdline = "quiet" };
	snprintf(m->version, sizeof(m->version), "%d", v);
	if (imagerepo_repo_put(repo, "kernel", 6, &m->kernel, &err) ||
	    imagerepo_repo_publish(repo, &how, m, NULL, &err) ||
	    imagerepo_image_print(m, &doc, &err))
		return -1;
	hash_bytes_hex(doc, strlen(doc), digest[v]);
	snprintf(target, sizeof(target), "targets/batch/%s.%d.json", digest[v],
		 v);
	return imagerepo_repo_put_doc(repo, target, doc, strlen(doc), &err);
}

static int setup(void **state)
{
	static const uint32_t trace[] = { 700, 3, 4, 5, 150, 410, 510, 511, 2 };
	/* little is compressed a thousand times */
	struct imagerepo_publish first = { .level = 1,
					   .trace = trace,
					   .n_trace = ARRAY_SIZE(trace) };
	struct imagerepo_publish second = { .level = 1,
					    .previous = &image[0],
					    .previous_sha256 = digest[0] };
	char path[IMAGE_PATH];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	make_disks();
	if (put_gzip(0) || put_gzip(1))
		return -1;
	in_dir("repo", path);
	return imagerepo_repo_open(path, 1, &repo, &err) ||
	       imagerepo_repo_lock(repo, &err) || publish(0, &first) ||
	       publish(1, &second);
}

static int teardown(void **state)
{
	char *rm = NULL;
	int r;

	(void)state;
	imagerepo_repo_close(repo);
	r = asprintf(&rm, "rm -rf %s", dir) < 0 ? -1 : system(rm);
	free(rm);
	return r;
}

static void read_back(const struct image_manifest *m, const uint8_t *want)
{
	auto_free uint8_t *raw = malloc(SIZE);
	struct imagerepo_disk *d;

	assert_int_equal(imagerepo_disk_open(repo, &m->index, &d, &err), 0);
	assert_int_equal(imagerepo_disk_size(d), SIZE);
	assert_int_equal(imagerepo_disk_read(d, 0, raw, SIZE, &err), 0);
	assert_memory_equal(raw, want, SIZE);
	/* any range */
	assert_int_equal(imagerepo_disk_read(d, 12345, raw, 70000, &err), 0);
	assert_memory_equal(raw, want + 12345, 70000);
	assert_int_equal(imagerepo_disk_read(d, SIZE - 10, raw, 11, &err),
			 -EINVAL);
	imagerepo_disk_close(d);
}

static void test_what_is_published_comes_back(void **state)
{
	(void)state;
	read_back(&image[0], disk[0]);
	read_back(&image[1], disk[1]);
}

static void test_a_version_shares_what_did_not_change(void **state)
{
	struct imagerepo_publish how = { .no_delta = 1 };
	struct imagerepo_publish_stats stats;
	struct image_manifest m = image[0];
	char file[IMAGE_PATH];

	(void)state;
	in_dir("disk", file);
	how.disk = file; /* holds disk[1] */
	assert_int_equal(imagerepo_repo_publish(repo, &how, &m, &stats, &err), 0);
	assert_int_equal(stats.new_chunks, 0);
	assert_string_equal(m.index.sha256, image[1].index.sha256);
	assert_true(image[1].delta[0].blob.size < image[1].disk_stored / 4);
}

static void test_threads_do_not_show(void **state)
{
	struct imagerepo_publish how = { .no_delta = 1, .threads = 1 };
	struct image_manifest m = image[0];
	struct imagerepo_repo *other;
	char file[IMAGE_PATH], path[IMAGE_PATH];
	char first[HASH_HEX];

	(void)state;
	in_dir("disk", file);
	how.disk = file;
	for (int i = 0; i < 2; i++) {
		in_dir(i ? "threads" : "thread", path);
		how.threads = i ? 7 : 1;
		assert_int_equal(imagerepo_repo_open(path, 1, &other, &err), 0);
		assert_int_equal(imagerepo_repo_lock(other, &err), 0);
		assert_int_equal(
			imagerepo_repo_publish(other, &how, &m, NULL, &err), 0);
		imagerepo_repo_close(other);
		if (i)
			assert_string_equal(first, m.index.sha256);
		strcpy(first, m.index.sha256);
	}
}

/* The other repository: an image's blobs, and nothing else. */
static int copy_blob(const struct image_blob *b, void *to)
{
	struct image_blob got;
	auto_free char *data = NULL;

	assert_int_equal(imagerepo_repo_get(repo, b, &data, &err), 0);
	return imagerepo_repo_put(to, data, b->size, &got, &err);
}

static struct imagerepo_repo *mirror_of_first(const char *name)
{
	struct imagerepo_repo *to;
	char path[IMAGE_PATH];

	in_dir(name, path);
	assert_int_equal(imagerepo_repo_open(path, 1, &to, &err), 0);
	assert_int_equal(imagerepo_repo_lock(to, &err), 0);
	assert_int_equal(
		imagerepo_repo_each(repo, &image[0], 1, copy_blob, to, &err), 0);
	return to;
}

static int count_missing(const struct image_blob *b, void *arg)
{
	struct imagerepo_repo **r = arg;

	return imagerepo_repo_has(*r, b) ? 0 : 1;
}

static void test_a_delta_rebuilds_packs_bit_by_bit(void **state)
{
	struct imagerepo_repo *to = mirror_of_first("mirror"), *was = repo;
	const struct image_blob *d = &image[1].delta[0].blob;
	struct imagerepo_delta_stats stats;

	(void)state;
	assert_int_equal(image[1].n_deltas, 1);
	assert_string_equal(image[1].delta[0].from, digest[0]);
	copy_blob(d, to);
	assert_int_equal(imagerepo_delta_apply(to, &image[0].index,
					       &image[1].index, d, 0, &stats,
					       &err),
			 0);
	assert_true(stats.packs > 0);
	assert_int_equal(stats.packs, stats.rebuilt);
	repo = to;
	read_back(&image[1], disk[1]);
	repo = was;
	/* all but kernel, bundle: those are fetched */
	assert_int_equal(
		imagerepo_repo_each(to, &image[0], 1, count_missing, &to, &err),
		0);
	imagerepo_repo_close(to);
}

static void test_a_gzip_file_costs_what_its_text_costs(void **state)
{
	(void)state;
	/* with an index, and what else was moved and changed */
	assert_true(gzip_len > 9000);
	assert_true(image[1].delta[0].blob.size < gzip_len / 2);
}

/* ---- damage ------------------------------------------------------------------ */

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

/* ---- sweeping and checking ------------------------------------------------------ */

static void keep_image(int v, struct imagerepo_keep *k)
{
	strcpy(k->sha256, digest[v]);
	snprintf(k->file, sizeof(k->file), "targets/batch/%s.%d.json",
		 digest[v], v);
}

static void test_gc_keeps_what_is_named_and_young(void **state)
{
	struct imagerepo_keep keep[2];
	struct imagerepo_gc_stats stats;
	struct imagerepo_fsck_stats found;
	struct image_blob stray;

	(void)state;
	keep_image(0, &keep[0]);
	keep_image(1, &keep[1]);
	assert_int_equal(imagerepo_repo_put(repo, "stray", 5, &stray, &err), 0);
	assert_int_equal(imagerepo_repo_gc(repo, keep, 2, 3600, 0, &stats, &err),
			 0);
	assert_int_equal(stats.swept, 0);
	assert_true(stats.young > 0 && imagerepo_repo_has(repo, &stray));
	assert_int_equal(imagerepo_repo_gc(repo, keep, 2, 0, 0, &stats, &err), 0);
	assert_true(stats.swept > 0 && !imagerepo_repo_has(repo, &stray));
	assert_int_equal(
		imagerepo_repo_fsck(repo, keep, 2, 1, NULL, NULL, &found, &err),
		0);
	assert_int_equal(found.faults, 0);
}

static void test_gc_does_nothing_when_it_cannot_see(void **state)
{
	struct imagerepo_keep keep[2];
	struct imagerepo_gc_stats stats;
	struct image_blob stray;

	(void)state;
	keep_image(0, &keep[0]);
	keep_image(1, &keep[1]);
	memset(keep[1].sha256, 'a', 64); /* another manifest than that file */
	assert_int_equal(imagerepo_repo_put(repo, "stray", 5, &stray, &err), 0);
	assert_int_equal(imagerepo_repo_gc(repo, keep, 2, 0, 0, &stats, &err),
			 -EBADMSG);
	assert_true(imagerepo_repo_has(repo, &stray));
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

static void test_a_writer_needs_the_lock(void **state)
{
	struct imagerepo_repo *other;
	struct image_blob b;
	char path[IMAGE_PATH];

	(void)state;
	in_dir("unlocked", path);
	assert_int_equal(imagerepo_repo_open(path, 1, &other, &err), 0);
	assert_int_equal(imagerepo_repo_put(other, "x", 1, &b, &err), -ENOLCK);
	assert_int_equal(imagerepo_repo_gc(other, NULL, 0, 0, 0, NULL, &err),
			 -ENOLCK);
	imagerepo_repo_close(other);
}

static void test_traces_are_lists_of_blocks(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = { { "0\n7\n3\n", 0 },     { "", 0 },
		      { "0\n0\n", -EBADMSG }, { "768\n", -EBADMSG },
		      { "1", -EBADMSG },      { "x\n", -EBADMSG },
		      { "-1\n", -EBADMSG },   { "\n", -EBADMSG } };
	char file[IMAGE_PATH];

	(void)state;
	in_dir("trace", file);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free uint32_t *blocks = NULL;
		size_t n = 99;

		fileio_write_atomic(file, cases[i].text, strlen(cases[i].text),
				    0644, &err);
		assert_int_equal(
			imagerepo_trace_load(file, SIZE, &blocks, &n, &err),
			cases[i].rc);
		if (!i)
			assert_true(n == 3 && blocks[1] == 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_published_comes_back),
		cmocka_unit_test(test_a_version_shares_what_did_not_change),
		cmocka_unit_test(test_threads_do_not_show),
		cmocka_unit_test(test_a_delta_rebuilds_packs_bit_by_bit),
		cmocka_unit_test(test_a_gzip_file_costs_what_its_text_costs),
		cmocka_unit_test(test_flips_of_a_manifest_are_refused),
		cmocka_unit_test(test_flips_of_an_index_are_refused),
		cmocka_unit_test(test_flips_of_a_bundle_are_refused),
		cmocka_unit_test(test_flips_of_a_delta_store_nothing_wrong),
		cmocka_unit_test(test_gc_keeps_what_is_named_and_young),
		cmocka_unit_test(test_gc_does_nothing_when_it_cannot_see),
		cmocka_unit_test(test_fsck_sees_every_damaged_blob),
		cmocka_unit_test(test_a_writer_needs_the_lock),
		cmocka_unit_test(test_traces_are_lists_of_blocks),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
