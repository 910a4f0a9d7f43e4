/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What imagedev is offered from the air, before, after and while it asks for it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "imagedev-world.h"

static void offers(void **state)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	struct imagedev_stats s;
	size_t step = 10007;

	(void)state;
	open_plainly(1, 0);
	imagedev_carousel(world.dev, 1);
	run_for(20);
	assert_int_equal(world.total, 1); /* the head alone */
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(s.fetched_bytes, image.bundle_head);
	/* backwards, in pieces that fit nothing; twice; one of them damaged */
	for (size_t n = b->len / step + 1; n-- > 0;) {
		size_t len = n * step + step > b->len ? b->len - n * step : step;
		auto_free uint8_t *copy = malloc(len + 1);

		memcpy(copy, b->data + n * step, len);
		if (n == 3)
			copy[5]++;
		imagedev_offer(world.dev, b->sha256, n * step, copy, len);
		imagedev_offer(world.dev, b->sha256, n * step, copy, len);
	}
	imagedev_offer(world.dev, image.head_sha256, 0, b->data, b->len);
	imagedev_stats_get(world.dev, &s);
	assert_true(s.bad >= 1);
	assert_true(s.offered_bytes > 0);
	world.total = 0;
	for (int64_t i = SIZE / 4096 / 7 - 1; i >= 0; i--)
		read_and_check((uint64_t)i * 7 * 4096, 4096);
	assert_in_range(world.total, 1, 3); /* what was damaged */
	/* packs are good as well */
	for (int i = 0; i < image.bundle; i++)
		imagedev_offer(world.dev, image.blob[i].sha256, 0,
			       image.blob[i].data, image.blob[i].len);
	world.total = 0;
	world.silent = 1;
	read_all(1 << 20);
	shut();
}

static void offer_all(const struct fixture_blob *b, size_t from)
{
	const size_t step = 65536;

	for (; from < b->len; from += step)
		imagedev_offer(world.dev, b->sha256, from, b->data + from,
			       b->len - from < step ? b->len - from : step);
}

/* What comes before the head is kept until it is here; whoever brings it. */
static void offers_before_the_head(void **state)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	struct imagedev_stats s;

	for (int by_air = 0; by_air < 2; by_air++) {
		open_plainly(1, 0);
		imagedev_carousel(world.dev, 1);
		world.silent = 1;
		run_for(20);
		offer_all(b, image.bundle_head);
		imagedev_stats_get(world.dev, &s);
		assert_int_equal(s.bundle_have, 0);
		if (by_air) {
			imagedev_offer(world.dev, b->sha256, 0, b->data,
				       image.bundle_head);
		} else {
			world.silent = 0;
			answer(NULL);
		}
		imagedev_stats_get(world.dev, &s);
		assert_int_equal(s.bundle_have, s.bundle_bytes);
		assert_int_equal(world.total, 1);
		world.silent = 0;
		answer(NULL); /* it comes both ways */
		read_all(40960);
		shut();
	}
	/* and is freed where it never comes */
	open_plainly(1, 0);
	offer_all(b, image.bundle_head);
	shut();
	(void)state;
}

/* On the air again: what was asked for elsewhere is not, and who offers may
 * leave out what is here. */
static void back_on_air(void **state)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	size_t half = image.bundle_head + (b->len - image.bundle_head) / 2;
	struct imagedev_stats s;
	uint64_t start, end;

	(void)state;
	open_plainly(1, 0);
	assert_int_equal(imagedev_bundle_had(world.dev, 0, &start, &end),
			 -ENOENT);
	imagedev_carousel(world.dev, 1);
	run_for(20);
	assert_int_equal(imagedev_bundle_had(world.dev, 0, &start, &end), 0);
	assert_int_equal(start, 0);
	assert_int_equal(end, image.bundle_head);
	offer_all(b, half);
	world.silent = 1;
	imagedev_carousel(world.dev, 0);
	run_for(20);
	assert_int_equal(world.n_asked, 1);
	assert_int_equal(world.asked[0].offset, image.bundle_head);
	imagedev_carousel(world.dev, 1);
	assert_int_equal(world.cancelled, 1);
	run_for(20);
	assert_int_equal(world.n_asked, 1);
	assert_int_equal(imagedev_bundle_had(world.dev, end, &start, &end), 0);
	assert_in_range(start, half, b->len - 1);
	assert_int_equal(end, b->len);
	assert_int_equal(imagedev_bundle_had(world.dev, end, &start, &end),
			 -ENOENT);
	offer_all(b, 0);
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(s.bundle_have, s.bundle_bytes);
	world.silent = 0;
	read_all(40960);
	shut();
}

/* On and off, while requests are under way at every stage. */
static void on_and_off_air(void **state)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	const size_t step = 20011;
	struct imagedev_stats s;

	(void)state;
	for (unsigned int seed = 0; seed < 40; seed++) {
		uint64_t chance = seed + 1;

		open_plainly(1, (int)seed % 3);
		for (size_t at = 0; at < b->len; at += step) {
			chance = chance * 6364136223846793005u + 1;
			imagedev_carousel(world.dev, chance >> 33 & 1);
			if (chance >> 34 & 1)
				run_for(1);
			if (chance >> 35 & 3)
				imagedev_offer(
					world.dev, b->sha256, at, b->data + at,
					b->len - at < step ? b->len - at : step);
			if (chance >> 37 & 1)
				read_and_check(at % SIZE / 4096 * 4096, 4096);
		}
		imagedev_carousel(world.dev, 0);
		read_all(40960);
		imagedev_stats_get(world.dev, &s);
		assert_int_equal(s.bad, 0);
		assert_int_equal(s.waiting, 0);
		shut();
	}
}

/* What is offered while half of it has come by request: the head, a frame. */
static void offered_meanwhile(size_t half)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	struct imagedev_stats s;

	open_plainly(1, 0);
	world.silent = 1;
	run_for(20);
	assert_int_equal(world.n_asked, 1);
	assert_int_equal(world.asked[0].len, b->len);
	imagedev_data(world.dev, world.asked[0].id, b->data, half);
	imagedev_offer(world.dev, b->sha256, 0, b->data, b->len / 2);
	imagedev_data(world.dev, world.asked[0].id, b->data + half,
		      b->len - half);
	imagedev_end(world.dev, world.asked[0].id, 0);
	imagedev_stats_get(world.dev, &s);
	assert_int_equal(s.bundle_have, s.bundle_bytes);
	assert_int_equal(s.cached_bytes, s.bundle_have - image.bundle_head);
	for (uint64_t i = 0; i < SIZE / 4096 / 7; i++)
		read_and_check(i * 7 * 4096, 4096);
	assert_int_equal(world.total, 1);
	shut();
}

static void offers_between(void **state)
{
	(void)state;
	offered_meanwhile(image.bundle_head / 2);
	offered_meanwhile(image.bundle_head + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers),
		cmocka_unit_test(offers_before_the_head),
		cmocka_unit_test(back_on_air),
		cmocka_unit_test(on_and_off_air),
		cmocka_unit_test(offers_between),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
