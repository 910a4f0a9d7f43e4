/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repositories: what is published comes back, what is swept was not needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "delta.h"
#include "fileio.h"
#include "repo-fixture.h"

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
		cmocka_unit_test(test_gc_keeps_what_is_named_and_young),
		cmocka_unit_test(test_gc_does_nothing_when_it_cannot_see),
		cmocka_unit_test(test_a_writer_needs_the_lock),
		cmocka_unit_test(test_traces_are_lists_of_blocks),
	};

	return cmocka_run_group_tests(tests, repo_setup, repo_teardown);
}
