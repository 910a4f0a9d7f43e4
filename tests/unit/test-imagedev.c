/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev: every range reads as it is, within its memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "imagedev-world.h"

static void all_sizes(void **state)
{
	static const uint32_t step[] = { 512, 4096, 100001, 1 << 20, SIZE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(step); i++)
		for (int how = 0; how < 4; how++) {
			open_plainly(how & 1, how & 2);
			read_all(step[i]);
			shut();
		}
}

static void ranges(void **state)
{
	char c;

	(void)state;
	open_plainly(0, 0);
	assert_int_equal(imagedev_size(world.dev), SIZE);
	world.bad_rc = 0;
	imagedev_read(world.dev, SIZE, 1, &c, read_done, NULL);
	assert_int_equal(world.bad_rc, -EINVAL);
	imagedev_read(world.dev, UINT64_MAX, 1, &c, read_done, NULL);
	assert_int_equal(world.done, 2);
	shut();
}

static void sequence_is_coalesced(void **state)
{
	(void)state;
	open_plainly(0, 0);
	read_all(65536);
	/* 6 MiB at up to 1 MiB each, and a few small ones in the beginning */
	assert_true(world.total <= 24);
	shut();
}

static void cache_is_bounded(void **state)
{
	struct imagedev_config c;
	struct imagedev_stats s;
	struct fixture small = image;

	(void)state;
	assert_int_equal(fixture_make(&image, 24u << 20, 7), 0);
	fixture_config(&image, &c);
	open_with(&c); /* floors: 8 MiB stored, 2 MiB decoded */
	for (int turn = 0; turn < 2; turn++)
		for (uint64_t at = 0; at < image.size; at += 1 << 20)
			read_and_check(at, 1 << 20);
	imagedev_stats_get(world.dev, &s);
	assert_true(s.cached_bytes <= 8u << 20);
	assert_true(s.decoded_bytes <= 2u << 20);
	shut();
	fixture_free(&image);
	image = small;
}

static void check_pieces(const struct imagedev_piece *p, int n, uint64_t at)
{
	for (int i = 0; i < n; at += p[i++].len)
		assert_memory_equal(p[i].data, image.disk + at, p[i].len);
}

/* What is lent stays where it is while all else is read, and is bounded. */
static void lent_bytes_stay(void **state)
{
	struct imagedev_piece piece[READS][IMAGEDEV_PIECES];
	struct imagedev_stats s;
	int n[READS], lent = 0;

	(void)state;
	open_plainly(0, 2);
	assert_int_equal(imagedev_lend(world.dev, first_data(), 4096, piece[0]),
			 0);
	assert_int_equal(imagedev_lend(world.dev, SIZE, 1, piece[0]), 0);
	assert_int_equal(imagedev_lend(world.dev, UINT64_MAX, 2, piece[0]), 0);
	for (int i = 0; i < READS; i++) {
		read_and_check((uint64_t)i * SIZE / READS, 65536);
		n[i] = imagedev_lend(world.dev, (uint64_t)i * SIZE / READS,
				     65536, piece[i]);
		lent += n[i] != 0;
	}
	assert_in_range(lent, 4, READS - 1);
	read_all(1 << 20);
	for (int i = 0; i < READS; i++)
		check_pieces(piece[i], n[i], (uint64_t)i * SIZE / READS);
	imagedev_stats_get(world.dev, &s);
	assert_true(s.decoded_bytes <= 2u << 20);
	for (int i = 0; i < READS; i++)
		imagedev_give_back(world.dev, piece[i], n[i]);
	for (int i = 0; i < READS; i++) {
		read_and_check((uint64_t)i * SIZE / READS, 65536);
		n[0] = imagedev_lend(world.dev, (uint64_t)i * SIZE / READS,
				     65536, piece[0]);
		assert_in_range(n[0], 1, IMAGEDEV_PIECES);
		imagedev_give_back(world.dev, piece[0], n[0]);
	}
	shut();
}

static void forgotten_reads(void **state)
{
	uint8_t buf[READS][4096];
	struct imagedev_stats s;
	int n;

	(void)state;
	open_plainly(0, 2);
	for (int i = 0; i < READS; i++)
		imagedev_read(world.dev, (uint64_t)i * 65536, 4096, buf[i],
			      read_done, buf[i]);
	for (int i = 1; i < READS; i += 2)
		imagedev_cancel(world.dev, buf[i]);
	imagedev_stats_get(world.dev, &s);
	n = world.done + (int)s.waiting; /* holes are done already */
	assert_true(s.waiting > 0 && n < READS);
	assert_int_equal(wait_for(n), 0);
	run_for(20);
	assert_int_equal(world.done, n);
	imagedev_read(world.dev, SIZE - 4096, 4096, buf[0], read_done, buf[0]);
	shut(); /* with one under way */
}

static void next_block(void *arg, uint32_t block)
{
	uint32_t *list = arg;

	list[++list[0]] = block;
}

static void trace_of_first_reads(void **state)
{
	uint32_t list[16] = { 0 };

	(void)state;
	open_plainly(1, 0);
	imagedev_trace(world.dev, next_block, list);
	read_and_check(8 * 4096, 4096);
	read_and_check(2 * 4096 + 1, 4096);
	read_and_check(2 * 4096, 8192);
	read_and_check(7 * 4096, 3 * 4096);
	assert_int_equal(list[0], 5);
	assert_int_equal(list[1], 8);
	assert_int_equal(list[2], 2);
	assert_int_equal(list[3], 3);
	assert_int_equal(list[4], 7);
	assert_int_equal(list[5], 9);
	shut();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(ranges),
		cmocka_unit_test(sequence_is_coalesced),
		cmocka_unit_test(cache_is_bounded),
		cmocka_unit_test(lent_bytes_stay),
		cmocka_unit_test(forgotten_reads),
		cmocka_unit_test(trace_of_first_reads),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
