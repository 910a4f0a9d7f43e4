/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What imagedev asks its source for, and what it does where that lies or is
 * silent.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "imagedev-world.h"

static void one_request_for_the_bundle(void **state)
{
	struct imagedev_stats s;

	(void)state;
	open_plainly(1, 0);
	/* in the order of the boot: only blocks of the bundle */
	for (int64_t b = SIZE / 4096 / 7 - 1; b >= 0; b--)
		read_and_check((uint64_t)b * 7 * 4096, 4096);
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(world.total, 1);
	assert_int_equal(s.requests, 1);
	assert_int_equal(s.fetched_bytes, s.bundle_bytes);
	assert_int_equal(s.bundle_have, s.bundle_bytes);
	shut();
}

/* Nearly in sequence, and yet nothing is read ahead of what the bundle has. */
static void nothing_beyond_the_bundle(void **state)
{
	(void)state;
	open_plainly(1, 2);
	for (uint64_t b = 0; b < SIZE / 4096 / 7; b++)
		read_and_check(b * 7 * 4096, 4096);
	run_for(20);
	assert_int_equal(world.total, 1);
	shut();
}

static void one_request_for_many_readers(void **state)
{
	uint8_t buf[READS][4096];

	(void)state;
	open_plainly(0, 0);
	world.silent = 1;
	for (int i = 0; i < READS; i++)
		imagedev_read(world.dev, first_data(), 4096, buf[i], read_done,
			      NULL);
	run_for(20);
	assert_int_equal(world.total, 1);
	assert_int_equal(world.done, 0);
	world.silent = 0;
	loop_timer_set(world.answer, 0);
	assert_int_equal(wait_for(READS), 0);
	for (int i = 0; i < READS; i++)
		assert_memory_equal(buf[i], image.disk + first_data(), 4096);
	assert_int_equal(world.total, 1);
	shut();
}

static void demand_goes_first(void **state)
{
	struct imagedev_config c;
	uint8_t buf[4096];
	int demands = 0;

	(void)state;
	fixture_config(&image, &c);
	c.bundle_sha256[0] = 0;
	c.fill = 1;
	open_with(&c);
	world.silent = 1;
	run_for(10);
	assert_true(world.total >= 1 && world.total <= 2);
	assert_int_equal(world.asked[0].priority, IMAGEDEV_FILL);
	/* one that a waiting fill would bring is asked for at once instead */
	imagedev_read(world.dev, first_data(), 4096, buf, read_done, NULL);
	run_for(10);
	for (int i = 0; i < world.n_asked; i++)
		demands += world.asked[i].live &&
			   world.asked[i].priority == IMAGEDEV_DEMAND;
	assert_int_equal(demands, 1);
	shut();
}

static void fill_fetches_all(void **state)
{
	struct imagedev_config c;
	struct imagedev_stats s;

	(void)state;
	fixture_config(&image, &c);
	c.fill = 1;
	open_with(&c);
	run_for(300);
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(s.chunks_have, s.chunks);
	world.silent = 1; /* the gateway may go now */
	read_all(1 << 20);
	shut();
}

static void lies_are_asked_again(void **state)
{
	(void)state;
	for (enum lie lie = SHORT; lie <= ELSEWHERE; lie++)
		for (int bundle = 0; bundle < 2; bundle++) {
			struct imagedev_stats s;

			open_plainly(bundle, 0);
			world.lie = lie;
			world.lies = 4;
			read_all(1 << 20);
			imagedev_stats_get(world.dev, &s);
			assert_int_equal(world.lies, 0);
			if (lie == FLIP)
				assert_true(s.bad >= 1);
			if (lie == SHORT || lie == NOTHING || lie == ABSENT)
				assert_true(s.retries >= 4);
			shut();
		}
}

static void outage_makes_reads_wait(void **state)
{
	struct imagedev_stats s;
	uint8_t buf[4096];

	(void)state;
	open_plainly(1, 0);
	world.lie = NOTHING;
	world.lies = -1;
	imagedev_read(world.dev, first_data(), 4096, buf, read_done, NULL);
	run_for(500);
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(world.done, 0);
	assert_int_equal(s.waiting, 1);
	assert_true(s.waiting_since_ms > 0);
	assert_true(world.total >= 3 && world.total < 40); /* backs off */
	world.lies = 0;
	assert_int_equal(wait_for(1), 0);
	assert_memory_equal(buf, image.disk + first_data(), 4096);
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(s.waiting, 0);
	shut();
}

/* What reads ask for alone is answered, whatever else is out. */
static void give_demands(void)
{
	for (int i = 0; i < world.n_asked; i++) {
		struct asked a = world.asked[i];
		const struct fixture_blob *b = fixture_find(&image, a.sha256);

		if (!a.live || a.priority != IMAGEDEV_DEMAND)
			continue;
		world.asked[i].live = 0;
		imagedev_data(world.dev, a.id, b->data + a.offset, a.len);
		imagedev_end(world.dev, a.id, 0);
	}
}

/* The bundle comes at `step` bytes a turn, from `from` on; a read of what lies
 * at its end. */
static void read_while_it_comes(size_t from, size_t step)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	uint64_t last = first_data();
	uint8_t buf[4096];

	while (last / 4096 % 7 || !image.disk[last + 1])
		last += 4096;
	open_plainly(1, 0);
	world.silent = 1;
	run_for(20);
	assert_int_equal(world.n_asked, 1);
	imagedev_data(world.dev, world.asked[0].id, b->data, from);
	imagedev_read(world.dev, last, 4096, buf, read_done, NULL);
	for (int i = 0; i < 1000 && !world.done; i++) {
		imagedev_data(world.dev, world.asked[0].id, b->data + from, step);
		from += step;
		run_for(10);
		give_demands();
	}
	assert_int_equal(world.done, 1);
	assert_int_equal(world.bad_rc, 0);
	assert_memory_equal(buf, image.disk + last, 4096);
	assert_in_range(world.total, 2, 3);
	/* and it is of use once it is here */
	imagedev_data(world.dev, world.asked[0].id, b->data + from,
		      b->len - from);
	imagedev_end(world.dev, world.asked[0].id, 0);
	world.silent = 0;
	read_all(1 << 20);
	shut();
}

static void slow_bundles_hold_no_read_back(void **state)
{
	struct fixture small = image;

	(void)state;
	read_while_it_comes(0, 0);
	read_while_it_comes(image.bundle_head - 10, 0);
	read_while_it_comes(image.bundle_head + 100000, 0);
	assert_int_equal(fixture_make(&image, 24u << 20, 7), 0);
	read_while_it_comes(image.bundle_head + 1000, 10);
	fixture_free(&image);
	image = small;
}

static void full_source_is_asked_again(void **state)
{
	(void)state;
	open_plainly(1, 0);
	world.max_slots = 1;
	read_all(SIZE);
	shut();
}

static void bad_bundles_are_done_without(void **state)
{
	struct imagedev_config c;

	(void)state;
	fixture_config(&image, &c);
	c.bundle_head_sha256[0] = c.bundle_head_sha256[0] == '0'
					  ? '1'
					  : '0'; /* no head will ever fit */
	open_with(&c);
	read_all(1 << 20);
	shut();
	c.bundle_head = c.bundle_size + 1;
	assert_int_equal(try_open(&c), -EINVAL);
	loop_free(world.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request_for_the_bundle),
		cmocka_unit_test(nothing_beyond_the_bundle),
		cmocka_unit_test(one_request_for_many_readers),
		cmocka_unit_test(demand_goes_first),
		cmocka_unit_test(fill_fetches_all),
		cmocka_unit_test(lies_are_asked_again),
		cmocka_unit_test(outage_makes_reads_wait),
		cmocka_unit_test(slow_bundles_hold_no_read_back),
		cmocka_unit_test(full_source_is_asked_again),
		cmocka_unit_test(bad_bundles_are_done_without),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
