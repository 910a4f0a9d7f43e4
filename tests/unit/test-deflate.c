/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of imagerepo/deflate.h and delta-expand.h: gzip's own streams, which
 * zlib does not make, are taken apart and come back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "deflate.h"
#include "delta-expand.h"
#include "fileio.h"

#define TEXT  (600u * 1024) /* enough for several blocks */
#define FLIPS 1000

static char dir[] = "/tmp/test-deflate-XXXXXX";
static uint8_t text[TEXT], back[TEXT];
static struct errinfo err;
static struct {
	uint8_t *p; /* a gzip file */
	size_t len, head, body;
} gz[3]; /* by gzip -9, gzip -6, gzip -1 */

static uint64_t seed = 1;
static uint32_t rnd(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Prose, then digits: blocks of several kinds. */
static void make_text(void)
{
	static const char *const words[] = { "fixed",   "a",      "crash",
					     "when",    "the",    "file",
					     "release", "\n * ",  "was",
					     "not",     "closed", "\n\n" };
	size_t n = 0;

	while (n < TEXT) {
		const char *w = words[rnd() % ARRAY_SIZE(words)];
		char digits[12];

		if (n > TEXT / 2 && rnd() % 4) {
			snprintf(digits, sizeof(digits), "%u", rnd());
			w = digits;
		}
		for (; *w && n < TEXT; w++)
			text[n++] = (uint8_t)*w;
		if (n < TEXT)
			text[n++] = ' ';
	}
}

static int setup(void **state)
{
	static const char levels[] = "961";
	auto_free char *path = NULL;

	(void)state;
	make_text();
	if (!mkdtemp(dir) || asprintf(&path, "%s/text", dir) < 0 ||
	    fileio_write_atomic(path, text, TEXT, 0600, &err))
		return -1;
	for (int i = 0; i < 3; i++) {
		auto_free char *run = NULL, *file = NULL;
		char *data;

		if (asprintf(&run, "gzip -%cnc %s > %s.%d", levels[i], path,
			     path, i) < 0 ||
		    asprintf(&file, "%s.%d", path, i) < 0 || system(run) ||
		    fileio_read(file, TEXT, &data, &gz[i].len, &err))
			return -1;
		gz[i].p = (uint8_t *)data;
		gz[i].head = imagerepo_gzip_head(gz[i].p, gz[i].len);
		gz[i].body = gz[i].len - gz[i].head - 8;
	}
	return 0;
}

static int teardown(void **state)
{
	auto_free char *rm = NULL;

	(void)state;
	for (int i = 0; i < 3; i++)
		free(gz[i].p);
	return asprintf(&rm, "rm -rf %s", dir) < 0 ? -1 : system(rm);
}

static void test_gzip_heads(void **state)
{
	const uint8_t named[] = { 0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 2, 3, 'a', 0, 3 };

	(void)state;
	assert_int_equal(gz[0].head, 10);
	assert_int_equal(imagerepo_gzip_head(named, sizeof(named)), 12);
	for (size_t n = 0; n < sizeof(named); n++)
		assert_int_equal(imagerepo_gzip_head(named, n), 0);
	assert_int_equal(imagerepo_gzip_head(text, TEXT), 0);
}

static void test_texts_are_bounded(void **state)
{
	size_t n, used;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const uint8_t *p = gz[i].p + gz[i].head;

		assert_int_equal(imagerepo_inflate(p, gz[i].body + 8, back,
						   TEXT, &n, &used),
				 0);
		assert_int_equal(n, TEXT);
		assert_int_equal(used, gz[i].body);
		assert_memory_equal(back, text, TEXT);
		assert_int_equal(imagerepo_inflate(p, gz[i].body, back,
						   TEXT - 1, &n, &used),
				 -EFBIG);
		assert_int_equal(imagerepo_inflate(p, gz[i].body - 9, back,
						   TEXT, &n, &used),
				 -EPIPE);
	}
}

static void test_a_stream_of_gzip_comes_back(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		auto_buf struct buf recipe = BUF_INIT;
		const uint8_t *p = gz[i].p + gz[i].head;

		assert_int_equal(imagerepo_deflate_learn(p, gz[i].body, text,
							 TEXT, &recipe),
				 0);
		assert_true(recipe.len < gz[i].body / 20);
		assert_int_equal(imagerepo_deflate_remake((uint8_t *)recipe.data,
							  recipe.len, text, TEXT,
							  back, gz[i].body),
				 0);
		assert_memory_equal(back, p, gz[i].body);
	}
}

static void test_what_another_level_made_is_left_alone(void **state)
{
	auto_buf struct buf recipe = BUF_INIT;

	(void)state;
	assert_int_equal(imagerepo_deflate_learn(gz[2].p + gz[2].head,
						 gz[2].body, text, TEXT, &recipe),
			 -ENOENT);
	assert_int_equal(recipe.len, 0);
}

/* Nothing is written past the end; what is another stream says so or not. */
static void test_flips_of_a_recipe_do_no_harm(void **state)
{
	const size_t some = 20000; /* of the text: little, a thousand times */
	auto_buf struct buf recipe = BUF_INIT;
	auto_free uint8_t *out = malloc(gz[0].body);
	size_t wrong = 0;

	(void)state;
	assert_int_equal(imagerepo_deflate_learn(gz[0].p + gz[0].head,
						 gz[0].body, text, TEXT, &recipe),
			 0);
	for (int i = 0; i < FLIPS; i++) {
		auto_free uint8_t *bad = malloc(recipe.len);

		memcpy(bad, recipe.data, recipe.len);
		bad[rnd() % recipe.len] ^= (uint8_t)(1 << rnd() % 8);
		wrong += imagerepo_deflate_remake(bad, recipe.len, text, some,
						  out, gz[0].body / 2) != 0;
	}
	assert_int_equal(wrong, FLIPS);
}

/* A disk of files: gzip, nothing, half a gzip, gzip. */
static void test_a_unit_is_expanded_and_shrunk(void **state)
{
	size_t second = (gz[0].len / INDEX_BLOCK + 2) * INDEX_BLOCK;
	size_t third = second + 8 * INDEX_BLOCK, plain_len;
	size_t len =
		(third + gz[1].len) / INDEX_BLOCK * INDEX_BLOCK + INDEX_BLOCK;
	auto_free uint8_t *raw = calloc(1, len), *again = malloc(len);
	auto_free uint8_t *plain = malloc(DELTA_PLAIN_MAX);
	struct delta_stream s[DELTA_STREAMS_MAX];

	(void)state;
	memcpy(raw, gz[0].p, gz[0].len);
	memcpy(raw + second, gz[1].p, 6 * INDEX_BLOCK);
	memcpy(raw + third, gz[1].p, gz[1].len);
	assert_int_equal(imagerepo_delta_expand(raw, len, plain, &plain_len, s),
			 2);
	assert_int_equal(s[1].at, third + gz[1].head);
	assert_int_equal(s[1].text, TEXT);
	assert_int_equal(imagerepo_delta_plain_len(s, 2, len), plain_len);
	assert_int_equal(imagerepo_delta_shrink(s, 2, plain, again, len), 0);
	assert_memory_equal(again, raw, len);
	/* streams that cannot be */
	assert_int_equal(imagerepo_delta_plain_len(s, 2, third), 0);
	s[1].at = s[0].at;
	assert_int_equal(imagerepo_delta_plain_len(s, 2, len), 0);
	s[1].at = (uint32_t)third;
	s[1].text = UINT32_MAX;
	assert_int_equal(imagerepo_delta_plain_len(s, 2, len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gzip_heads),
		cmocka_unit_test(test_texts_are_bounded),
		cmocka_unit_test(test_a_stream_of_gzip_comes_back),
		cmocka_unit_test(test_what_another_level_made_is_left_alone),
		cmocka_unit_test(test_flips_of_a_recipe_do_no_harm),
		cmocka_unit_test(test_a_unit_is_expanded_and_shrunk),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
