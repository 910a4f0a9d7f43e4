/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How images are named on the command line, in lists, and as targets; and sets
 * of blobs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../imagerepo/tool/blobset.h"
#include "../../imagerepo/tool/follow.h"
#include "cleanup.h"

#define HEX  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX2 "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LONG "a234567890123456789012345678901234567890123456789012345678901234"

static void test_words(void **state)
{
	static const struct {
		const char *word, *image, *channel, *version, *sha256;
	} cases[] = {
		{ "batch", "batch", "stable", "", "" },
		{ "batch:test", "batch", "test", "", "" },
		{ "batch/1-00ff", "batch", "", "1-00ff", "" },
		{ "batch@" HEX, "batch", "", "", HEX },
		{ "", NULL, "", "", "" },
		{ ":test", NULL, "", "", "" },
		{ "batch:", NULL, "", "", "" },
		{ "batch/", NULL, "", "", "" },
		{ "batch@", NULL, "", "", "" },
		{ "batch@00ff", NULL, "", "", "" },
		{ "batch@" HEX "0", NULL, "", "", "" },
		{ "Batch", NULL, "", "", "" },
		{ "a b", NULL, "", "", "" },
		{ "../x", NULL, "", "", "" },
		{ "batch/../x", NULL, "", "", "" },
		{ "batch:a:b", NULL, "", "", "" },
		{ LONG, NULL, "", "", "" },
		{ "batch:" LONG, NULL, "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct errinfo err = ERRINFO_INIT;
		struct wanted w;
		int rc = wanted_parse(cases[i].word, &w, &err);

		if (!cases[i].image) {
			assert_int_not_equal(rc, 0);
			assert_true(err.text[0]);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_string_equal(w.image, cases[i].image);
		assert_string_equal(w.channel, cases[i].channel);
		assert_string_equal(w.version, cases[i].version);
		assert_string_equal(w.sha256, cases[i].sha256);
	}
}

static void test_targets(void **state)
{
	static const struct {
		const char *path, *image, *name;
		int is_channel;
	} cases[] = {
		{ "batch/1-00ff.json", "batch", "1-00ff", 0 },
		{ "batch/channels/stable.json", "batch", "stable", 1 },
		{ "batch/1.json.json", "batch", "1.json", 0 },
		{ "batch/channels.json", "batch", "channels", 0 },
		{ "batch", NULL, NULL, 0 },
		{ "batch/", NULL, NULL, 0 },
		{ "batch/.json", NULL, NULL, 0 },
		{ "batch/channels/.json", NULL, NULL, 0 },
		{ "batch/x/1.json", NULL, NULL, 0 },
		{ "/1.json", NULL, NULL, 0 },
		{ "../1.json", NULL, NULL, 0 },
		{ "batch/../1.json", NULL, NULL, 0 },
		{ "batch/1.txt", NULL, NULL, 0 },
		{ LONG "/1.json", NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char image[IMAGE_NAME], name[IMAGE_NAME];
		int is_channel, rc;

		rc = target_split(cases[i].path, image, name, &is_channel);
		assert_int_equal(!rc, cases[i].image != NULL);
		if (rc)
			continue;
		assert_string_equal(image, cases[i].image);
		assert_string_equal(name, cases[i].name);
		assert_int_equal(is_channel, cases[i].is_channel);
	}
}

static int load(const char *text, struct wanted **list, size_t *n,
		struct errinfo *err)
{
	char path[] = "/tmp/test-image-words.XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	rc = wanted_load(path, list, n, err);
	unlink(path);
	return rc;
}

static void test_lists(void **state)
{
	static const char *const bad[] = {
		"batch 1\n",
		"batch 1 00ff\n",
		"batch 1 " HEX " more\n",
		"Batch 1 " HEX "\n",
		"batch 1 " HEX "\nbatch\n",
	};
	struct errinfo err = ERRINFO_INIT;
	struct wanted *list = NULL;
	size_t n = 9;

	(void)state;
	assert_int_equal(load("", &list, &n, &err), 0);
	assert_int_equal(n, 0);
	free(list);
	assert_int_equal(load("# of tonight\n\n  batch\t1-00ff  " HEX
			      "\r\ndebian 12 " HEX2,
			      &list, &n, &err),
			 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].version, "1-00ff");
	assert_string_equal(list[1].image, "debian");
	assert_string_equal(list[1].sha256, HEX2);
	free(list);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		list = NULL;
		assert_int_not_equal(load(bad[i], &list, &n, &err), 0);
		assert_null(list);
		assert_non_null(strstr(err.text, i == 4 ? ":2:" : ":1:"));
	}
}

static void test_sets(void **state)
{
	struct blobset s = { 0 };
	struct image_blob b = { HEX, 7 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(b.sha256, sizeof(b.sha256), "%064d", i % 300);
		b.size = (uint64_t)(i % 300) * 3;
		assert_int_equal(blobset_add(&s, &b), 0);
	}
	assert_int_equal(blobset_unique(&s), 0);
	assert_int_equal(s.n, 299); /* an empty one is none */
	assert_int_equal(s.bytes, 3 * 299 * 300 / 2);
	for (size_t i = 0; i < s.n; i++) /* in the order of the first */
		assert_int_equal(s.blob[i].size, 3 * (i + 1));
	assert_int_equal(blobset_add(&s, &b), 0);
	assert_int_equal(s.n, 300);
	blobset_dispose(&s);
	assert_int_equal(blobset_unique(&s), 0);
	blobset_dispose(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
