/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev with a source of our own, which can lie in all ways: what comes out
 * is right or does not come out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "imagedev-fixture.h"

#define SIZE       (6u << 20)
#define PENDING    64
#define READS      32
#define GIVE_UP_MS 20000

static struct fixture image;

enum lie {
	HONEST,
	SHORT,     /* half of it */
	FLIP,      /* one bit */
	MORE,      /* bytes beyond the end */
	NOTHING,   /* an error at once */
	ABSENT,    /* 404 */
	ELSEWHERE, /* another place of the blob */
};

struct asked {
	uint64_t id, offset, len;
	enum imagedev_priority priority;
	char sha256[HASH_HEX];
	int live;
};

static struct world {
	struct loop *loop;
	struct loop_timer *answer, *alarm;
	struct imagedev *dev;
	struct asked asked[PENDING];
	int n_asked, total, cancelled, max_slots;
	enum lie lie;
	int lies;   /* so many, then honest; -1: always */
	int silent; /* answers nothing */
	int done, todo, bad_rc;
} w;

static int fake_get(void *arg, uint64_t id, enum imagedev_priority priority,
		    const char *sha256, uint64_t offset, uint64_t len)
{
	int live = 0;

	(void)arg;
	for (int i = 0; i < w.n_asked; i++)
		live += w.asked[i].live;
	if ((w.max_slots && live >= w.max_slots) || w.n_asked == PENDING)
		return -EAGAIN;
	w.asked[w.n_asked] = (struct asked){ .id = id,
					     .offset = offset,
					     .len = len,
					     .live = 1,
					     .priority = priority };
	memcpy(w.asked[w.n_asked++].sha256, sha256, HASH_HEX);
	w.total++;
	if (!w.silent)
		loop_timer_set(w.answer, 0);
	return 0;
}

static void fake_cancel(void *arg, uint64_t id)
{
	(void)arg;
	w.cancelled++;
	for (int i = 0; i < w.n_asked; i++)
		if (w.asked[i].id == id)
			w.asked[i].live = 0;
}

static void give(const struct asked *a, enum lie lie)
{
	const struct fixture_blob *b = fixture_find(&image, a->sha256);
	auto_free uint8_t *bytes = malloc(a->len + 4096);
	size_t step = 1 + a->len / 3, len = a->len;

	assert_non_null(b);
	assert_true(a->offset + a->len <= b->len);
	memset(bytes, 0x55, a->len + 4096);
	memcpy(bytes, b->data + a->offset, a->len);
	if (lie == ABSENT || lie == NOTHING)
		len = 0;
	if (lie == SHORT)
		len /= 2;
	if (lie == FLIP)
		bytes[len / 2] ^= 4;
	if (lie == MORE)
		len += 4096;
	if (lie == ELSEWHERE)
		memcpy(bytes, b->data + (a->offset ? 0 : b->len / 2), a->len / 2);
	for (size_t at = 0; at < len; at += step)
		imagedev_data(w.dev, a->id, bytes + at,
			      len - at < step ? len - at : step);
	imagedev_end(w.dev, a->id,
		     lie == ABSENT    ? -ENOENT
		     : lie == NOTHING ? -EIO
				      : 0);
}

static void answer(void *arg)
{
	(void)arg;
	while (w.n_asked) {
		struct asked a = w.asked[0];
		enum lie lie = w.lies ? w.lie : HONEST;

		memmove(w.asked, w.asked + 1,
			(size_t)--w.n_asked * sizeof(w.asked[0]));
		if (!a.live)
			continue;
		if (w.lies > 0)
			w.lies--;
		give(&a, lie);
	}
}

static void too_late(void *arg)
{
	(void)arg;
	loop_quit(w.loop, -1);
}

static void open_with(const struct imagedev_config *config)
{
	struct imagedev_source source = { fake_get, fake_cancel, NULL };

	memset(&w, 0, sizeof(w));
	w.loop = loop_new();
	w.answer = loop_timer_add(w.loop, answer, NULL);
	w.alarm = loop_timer_add(w.loop, too_late, NULL);
	assert_int_equal(imagedev_open(w.loop, config, &source, &w.dev, NULL), 0);
}

static void open_plainly(int with_bundle, int threads)
{
	struct imagedev_config c;

	fixture_config(&image, &c);
	c.threads = threads;
	if (!with_bundle)
		c.bundle_sha256[0] = 0;
	open_with(&c);
}

static void shut(void)
{
	imagedev_close(w.dev);
	loop_free(w.loop);
}

static void read_done(void *arg, int rc)
{
	(void)arg;
	w.bad_rc |= rc;
	if (++w.done == w.todo)
		loop_quit(w.loop, 0);
}

static int wait_for(int n)
{
	w.todo = n;
	if (w.done >= n)
		return 0;
	loop_timer_set(w.alarm, GIVE_UP_MS);
	return loop_run(w.loop);
}

static void run_for(int ms)
{
	w.todo = -1;
	loop_timer_set(w.alarm, ms);
	loop_run(w.loop);
}

static void read_and_check(uint64_t offset, uint32_t len)
{
	auto_free uint8_t *buf = malloc(len + 1);

	w.done = 0;
	buf[len] = 0xa5;
	imagedev_read(w.dev, offset, len, buf, read_done, buf);
	assert_int_equal(wait_for(1), 0);
	assert_int_equal(w.bad_rc, 0);
	assert_memory_equal(buf, image.disk + offset, len);
	assert_int_equal(buf[len], 0xa5);
}

static void read_all(uint32_t step)
{
	for (uint64_t at = 0; at < SIZE; at += step)
		read_and_check(at,
			       SIZE - at < step ? (uint32_t)(SIZE - at) : step);
}

static uint64_t first_data(void)
{
	for (uint64_t at = 0; at < SIZE; at += 4096)
		if (image.disk[at + 1])
			return at;
	return 0;
}

/* ---- tests ----------------------------------------------------------------- */

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
	assert_int_equal(imagedev_size(w.dev), SIZE);
	w.bad_rc = 0;
	imagedev_read(w.dev, SIZE, 1, &c, read_done, NULL);
	assert_int_equal(w.bad_rc, -EINVAL);
	imagedev_read(w.dev, UINT64_MAX, 1, &c, read_done, NULL);
	assert_int_equal(w.done, 2);
	shut();
}

static void one_request_for_the_bundle(void **state)
{
	struct imagedev_stats s;

	(void)state;
	open_plainly(1, 0);
	/* in the order of the boot: only blocks of the bundle */
	for (int64_t b = SIZE / 4096 / 7 - 1; b >= 0; b--)
		read_and_check((uint64_t)b * 7 * 4096, 4096);
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(w.total, 1);
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
	assert_int_equal(w.total, 1);
	shut();
}

static void one_request_for_many_readers(void **state)
{
	uint8_t buf[READS][4096];

	(void)state;
	open_plainly(0, 0);
	w.silent = 1;
	for (int i = 0; i < READS; i++)
		imagedev_read(w.dev, first_data(), 4096, buf[i], read_done, NULL);
	run_for(20);
	assert_int_equal(w.total, 1);
	assert_int_equal(w.done, 0);
	w.silent = 0;
	loop_timer_set(w.answer, 0);
	assert_int_equal(wait_for(READS), 0);
	for (int i = 0; i < READS; i++)
		assert_memory_equal(buf[i], image.disk + first_data(), 4096);
	assert_int_equal(w.total, 1);
	shut();
}

static void sequence_is_coalesced(void **state)
{
	(void)state;
	open_plainly(0, 0);
	read_all(65536);
	/* 6 MiB at up to 1 MiB each, and a few small ones in the beginning */
	assert_true(w.total <= 24);
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
	w.silent = 1;
	run_for(10);
	assert_true(w.total >= 1 && w.total <= 2);
	assert_int_equal(w.asked[0].priority, IMAGEDEV_FILL);
	/* one that a waiting fill would bring is asked for at once instead */
	imagedev_read(w.dev, first_data(), 4096, buf, read_done, NULL);
	run_for(10);
	for (int i = 0; i < w.n_asked; i++)
		demands += w.asked[i].live &&
			   w.asked[i].priority == IMAGEDEV_DEMAND;
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
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(s.chunks_have, s.chunks);
	w.silent = 1; /* the gateway may go now */
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
			w.lie = lie;
			w.lies = 4;
			read_all(1 << 20);
			imagedev_stats_get(w.dev, &s);
			assert_int_equal(w.lies, 0);
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
	w.lie = NOTHING;
	w.lies = -1;
	imagedev_read(w.dev, first_data(), 4096, buf, read_done, NULL);
	run_for(500);
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(w.done, 0);
	assert_int_equal(s.waiting, 1);
	assert_true(s.waiting_since_ms > 0);
	assert_true(w.total >= 3 && w.total < 40); /* backs off */
	w.lies = 0;
	assert_int_equal(wait_for(1), 0);
	assert_memory_equal(buf, image.disk + first_data(), 4096);
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(s.waiting, 0);
	shut();
}

static void full_source_is_asked_again(void **state)
{
	(void)state;
	open_plainly(1, 0);
	w.max_slots = 1;
	read_all(SIZE);
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
	imagedev_stats_get(w.dev, &s);
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
	assert_int_equal(imagedev_lend(w.dev, first_data(), 4096, piece[0]), 0);
	assert_int_equal(imagedev_lend(w.dev, SIZE, 1, piece[0]), 0);
	assert_int_equal(imagedev_lend(w.dev, UINT64_MAX, 2, piece[0]), 0);
	for (int i = 0; i < READS; i++) {
		read_and_check((uint64_t)i * SIZE / READS, 65536);
		n[i] = imagedev_lend(w.dev, (uint64_t)i * SIZE / READS, 65536,
				     piece[i]);
		lent += n[i] != 0;
	}
	assert_in_range(lent, 4, READS - 1);
	read_all(1 << 20);
	for (int i = 0; i < READS; i++)
		check_pieces(piece[i], n[i], (uint64_t)i * SIZE / READS);
	imagedev_stats_get(w.dev, &s);
	assert_true(s.decoded_bytes <= 2u << 20);
	for (int i = 0; i < READS; i++)
		imagedev_give_back(w.dev, piece[i], n[i]);
	for (int i = 0; i < READS; i++) {
		read_and_check((uint64_t)i * SIZE / READS, 65536);
		n[0] = imagedev_lend(w.dev, (uint64_t)i * SIZE / READS, 65536,
				     piece[0]);
		assert_in_range(n[0], 1, IMAGEDEV_PIECES);
		imagedev_give_back(w.dev, piece[0], n[0]);
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
		imagedev_read(w.dev, (uint64_t)i * 65536, 4096, buf[i],
			      read_done, buf[i]);
	for (int i = 1; i < READS; i += 2)
		imagedev_cancel(w.dev, buf[i]);
	imagedev_stats_get(w.dev, &s);
	n = w.done + (int)s.waiting; /* holes are done already */
	assert_true(s.waiting > 0 && n < READS);
	assert_int_equal(wait_for(n), 0);
	run_for(20);
	assert_int_equal(w.done, n);
	imagedev_read(w.dev, SIZE - 4096, 4096, buf[0], read_done, buf[0]);
	shut(); /* with one under way */
}

static void offers(void **state)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	struct imagedev_stats s;
	size_t step = 10007;

	(void)state;
	open_plainly(1, 0);
	imagedev_carousel(w.dev, 1);
	run_for(20);
	assert_int_equal(w.total, 1); /* the head alone */
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(s.fetched_bytes, image.bundle_head);
	/* backwards, in pieces that fit nothing; twice; one of them damaged */
	for (size_t n = b->len / step + 1; n-- > 0;) {
		size_t len = n * step + step > b->len ? b->len - n * step : step;
		auto_free uint8_t *copy = malloc(len + 1);

		memcpy(copy, b->data + n * step, len);
		if (n == 3)
			copy[5]++;
		imagedev_offer(w.dev, b->sha256, n * step, copy, len);
		imagedev_offer(w.dev, b->sha256, n * step, copy, len);
	}
	imagedev_offer(w.dev, image.head_sha256, 0, b->data, b->len);
	imagedev_stats_get(w.dev, &s);
	assert_true(s.bad >= 1);
	assert_true(s.offered_bytes > 0);
	w.total = 0;
	for (int64_t i = SIZE / 4096 / 7 - 1; i >= 0; i--)
		read_and_check((uint64_t)i * 7 * 4096, 4096);
	assert_in_range(w.total, 1, 3); /* what was damaged */
	/* packs are good as well */
	for (int i = 0; i < image.bundle; i++)
		imagedev_offer(w.dev, image.blob[i].sha256, 0,
			       image.blob[i].data, image.blob[i].len);
	w.total = 0;
	w.silent = 1;
	read_all(1 << 20);
	shut();
}

static void offer_all(const struct fixture_blob *b, size_t from)
{
	const size_t step = 65536;

	for (; from < b->len; from += step)
		imagedev_offer(w.dev, b->sha256, from, b->data + from,
			       b->len - from < step ? b->len - from : step);
}

/* What comes before the head is kept until it is here; whoever brings it. */
static void offers_before_the_head(void **state)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	struct imagedev_stats s;

	for (int by_air = 0; by_air < 2; by_air++) {
		open_plainly(1, 0);
		imagedev_carousel(w.dev, 1);
		w.silent = 1;
		run_for(20);
		offer_all(b, image.bundle_head);
		imagedev_stats_get(w.dev, &s);
		assert_int_equal(s.bundle_have, 0);
		if (by_air) {
			imagedev_offer(w.dev, b->sha256, 0, b->data,
				       image.bundle_head);
		} else {
			w.silent = 0;
			answer(NULL);
		}
		imagedev_stats_get(w.dev, &s);
		assert_int_equal(s.bundle_have, s.bundle_bytes);
		assert_int_equal(w.total, 1);
		w.silent = 0;
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
	assert_int_equal(imagedev_bundle_had(w.dev, 0, &start, &end), -ENOENT);
	imagedev_carousel(w.dev, 1);
	run_for(20);
	assert_int_equal(imagedev_bundle_had(w.dev, 0, &start, &end), 0);
	assert_int_equal(start, 0);
	assert_int_equal(end, image.bundle_head);
	offer_all(b, half);
	w.silent = 1;
	imagedev_carousel(w.dev, 0);
	run_for(20);
	assert_int_equal(w.n_asked, 1);
	assert_int_equal(w.asked[0].offset, image.bundle_head);
	imagedev_carousel(w.dev, 1);
	assert_int_equal(w.cancelled, 1);
	run_for(20);
	assert_int_equal(w.n_asked, 1);
	assert_int_equal(imagedev_bundle_had(w.dev, end, &start, &end), 0);
	assert_in_range(start, half, b->len - 1);
	assert_int_equal(end, b->len);
	assert_int_equal(imagedev_bundle_had(w.dev, end, &start, &end), -ENOENT);
	offer_all(b, 0);
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(s.bundle_have, s.bundle_bytes);
	w.silent = 0;
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
			imagedev_carousel(w.dev, chance >> 33 & 1);
			if (chance >> 34 & 1)
				run_for(1);
			if (chance >> 35 & 3)
				imagedev_offer(
					w.dev, b->sha256, at, b->data + at,
					b->len - at < step ? b->len - at : step);
			if (chance >> 37 & 1)
				read_and_check(at % SIZE / 4096 * 4096, 4096);
		}
		imagedev_carousel(w.dev, 0);
		read_all(40960);
		imagedev_stats_get(w.dev, &s);
		assert_int_equal(s.bad, 0);
		assert_int_equal(s.waiting, 0);
		shut();
	}
}

static void next_block(void *arg, uint32_t block)
{
	uint32_t *list = arg;

	list[++list[0]] = block;
}

/* What is offered while half of it has come by request: the head, a frame. */
static void offered_meanwhile(size_t half)
{
	const struct fixture_blob *b = &image.blob[image.bundle];
	struct imagedev_stats s;

	open_plainly(1, 0);
	w.silent = 1;
	run_for(20);
	assert_int_equal(w.n_asked, 1);
	assert_int_equal(w.asked[0].len, b->len);
	imagedev_data(w.dev, w.asked[0].id, b->data, half);
	imagedev_offer(w.dev, b->sha256, 0, b->data, b->len / 2);
	imagedev_data(w.dev, w.asked[0].id, b->data + half, b->len - half);
	imagedev_end(w.dev, w.asked[0].id, 0);
	imagedev_stats_get(w.dev, &s);
	assert_int_equal(s.bundle_have, s.bundle_bytes);
	assert_int_equal(s.cached_bytes, s.bundle_have - image.bundle_head);
	for (uint64_t i = 0; i < SIZE / 4096 / 7; i++)
		read_and_check(i * 7 * 4096, 4096);
	assert_int_equal(w.total, 1);
	shut();
}

static void offers_between(void **state)
{
	(void)state;
	offered_meanwhile(image.bundle_head / 2);
	offered_meanwhile(image.bundle_head + 100);
}

static void trace_of_first_reads(void **state)
{
	uint32_t list[16] = { 0 };

	(void)state;
	open_plainly(1, 0);
	imagedev_trace(w.dev, next_block, list);
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

static void bad_bundles_are_done_without(void **state)
{
	struct imagedev_source none = { fake_get, fake_cancel, NULL };
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
	w.loop = loop_new();
	assert_int_equal(imagedev_open(w.loop, &c, &none, &w.dev, NULL), -EINVAL);
	loop_free(w.loop);
}

static int setup(void **state)
{
	(void)state;
	return fixture_make(&image, SIZE, 1);
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&image);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(ranges),
		cmocka_unit_test(one_request_for_the_bundle),
		cmocka_unit_test(nothing_beyond_the_bundle),
		cmocka_unit_test(one_request_for_many_readers),
		cmocka_unit_test(sequence_is_coalesced),
		cmocka_unit_test(demand_goes_first),
		cmocka_unit_test(fill_fetches_all),
		cmocka_unit_test(lies_are_asked_again),
		cmocka_unit_test(outage_makes_reads_wait),
		cmocka_unit_test(full_source_is_asked_again),
		cmocka_unit_test(cache_is_bounded),
		cmocka_unit_test(lent_bytes_stay),
		cmocka_unit_test(forgotten_reads),
		cmocka_unit_test(offers),
		cmocka_unit_test(offers_before_the_head),
		cmocka_unit_test(back_on_air),
		cmocka_unit_test(on_and_off_air),
		cmocka_unit_test(offers_between),
		cmocka_unit_test(trace_of_first_reads),
		cmocka_unit_test(bad_bundles_are_done_without),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
