/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of one set: what their images have in common is fetched once, and
 * what one does, lies or loses, is right for the others.
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
#define COMMON     (4u << 20) /* of the second image with the first */
#define DEVICES    3
#define PENDING    64
#define GIVE_UP_MS 20000

static struct fixture image[2];

struct asked {
	uint64_t id, offset, len;
	enum imagedev_priority priority;
	char sha256[HASH_HEX];
};

/* A device and its source. */
struct port {
	struct imagedev *dev;
	const struct fixture *image;
	struct asked asked[PENDING];
	int n_asked, total;
	int lies; /* so many answers are wrong */
	int done, bad_rc;
};

static struct world {
	struct loop *loop;
	struct loop_timer *answer, *alarm;
	struct imagedev_set *set;
	struct port port[DEVICES];
	int silent, todo;
} w;

static int get(void *arg, uint64_t id, enum imagedev_priority priority,
	       const char *sha256, uint64_t offset, uint64_t len)
{
	struct port *p = arg;
	struct asked *a = &p->asked[p->n_asked];

	if (p->n_asked == PENDING)
		return -EAGAIN;
	*a = (struct asked){ id, offset, len, priority, "" };
	memcpy(a->sha256, sha256, HASH_HEX);
	p->n_asked++;
	p->total++;
	if (!w.silent)
		loop_timer_set(w.answer, 0);
	return 0;
}

static void cancel(void *arg, uint64_t id)
{
	struct port *p = arg;
	int k = 0;

	for (int i = 0; i < p->n_asked; i++)
		if (p->asked[i].id != id)
			p->asked[k++] = p->asked[i];
	p->n_asked = k;
}

static void give(struct port *p, const struct asked *a)
{
	const struct fixture_blob *b = fixture_find(p->image, a->sha256);
	auto_free uint8_t *bytes = malloc(a->len);

	assert_non_null(b);
	assert_true(a->offset + a->len <= b->len);
	memcpy(bytes, b->data + a->offset, a->len);
	if (p->lies > 0 && p->lies--)
		bytes[a->len / 2] ^= 4;
	imagedev_data(p->dev, a->id, bytes, a->len / 3);
	imagedev_data(p->dev, a->id, bytes + a->len / 3, a->len - a->len / 3);
	imagedev_end(p->dev, a->id, 0);
}

static void answer(void *arg)
{
	(void)arg;
	for (struct port *p = w.port; p < w.port + DEVICES; p++)
		while (p->n_asked && !w.silent) {
			struct asked a = p->asked[0];

			memmove(p->asked, p->asked + 1,
				(size_t)--p->n_asked * sizeof(a));
			give(p, &a);
		}
}

static void too_late(void *arg)
{
	(void)arg;
	loop_quit(w.loop, -1);
}

static void begin(void)
{
	memset(&w, 0, sizeof(w));
	w.loop = loop_new();
	w.answer = loop_timer_add(w.loop, answer, NULL);
	w.alarm = loop_timer_add(w.loop, too_late, NULL);
	assert_int_equal(imagedev_set_new(&w.set), 0);
}

static void open_port(int no, int which, int fill, int with_bundle)
{
	struct port *p = &w.port[no];
	struct imagedev_source source = { get, cancel, p };
	struct imagedev_config c;

	memset(p, 0, sizeof(*p));
	p->image = &image[which];
	fixture_config(p->image, &c);
	c.set = w.set;
	c.fill = fill;
	c.threads = no & 1 ? 2 : 0;
	if (!with_bundle)
		c.bundle_sha256[0] = 0;
	assert_int_equal(imagedev_open(w.loop, &c, &source, &p->dev, NULL), 0);
}

static void close_port(int no)
{
	imagedev_close(w.port[no].dev);
	w.port[no].dev = NULL;
}

static void end(void)
{
	for (int i = 0; i < DEVICES; i++)
		close_port(i);
	imagedev_set_free(w.set);
	loop_free(w.loop);
}

static void run_for(int ms)
{
	w.todo = -1;
	loop_timer_set(w.alarm, ms);
	loop_run(w.loop);
}

static void read_done(void *arg, int rc)
{
	struct port *p = arg;

	p->bad_rc |= rc;
	p->done++;
	if (--w.todo == 0)
		loop_quit(w.loop, 0);
}

static void wait_for(int n)
{
	w.todo = n;
	loop_timer_set(w.alarm, GIVE_UP_MS);
	assert_int_equal(loop_run(w.loop), 0);
}

static void read_and_check(int no, uint64_t from, uint32_t len)
{
	struct port *p = &w.port[no];
	auto_free uint8_t *buf = malloc(len);

	w.todo = 1;
	p->done = 0;
	imagedev_read(p->dev, from, len, buf, read_done, p);
	if (!p->done)
		wait_for(1);
	assert_int_equal(p->bad_rc, 0);
	assert_memory_equal(buf, p->image->disk + from, len);
}

static void read_all(int no, uint32_t step)
{
	for (uint64_t at = 0; at < SIZE; at += step)
		read_and_check(no, at,
			       SIZE - at < step ? (uint32_t)(SIZE - at) : step);
}

static struct imagedev_stats stats(int no)
{
	struct imagedev_stats s;

	imagedev_stats_get(w.port[no].dev, &s);
	return s;
}

static uint64_t first_data(void)
{
	for (uint64_t at = 0; at < COMMON; at += 4096)
		if (image[0].disk[at + 1])
			return at;
	return 0;
}

static uint64_t stored(const struct fixture *f)
{
	uint64_t sum = 0;

	for (int i = 0; i < f->bundle; i++)
		sum += f->blob[i].len;
	return sum;
}

/* ---- tests ----------------------------------------------------------------- */

static void the_second_fetches_what_differs(void **state)
{
	struct imagedev_stats s;

	(void)state;
	begin();
	open_port(0, 0, 1, 0);
	run_for(200);
	assert_int_equal(stats(0).chunks_have, stats(0).chunks);
	open_port(1, 1, 1, 0);
	run_for(200);
	s = stats(1);
	assert_int_equal(s.chunks_have, s.chunks);
	assert_int_equal(s.fetched_bytes + s.shared_bytes, stored(&image[1]));
	assert_true(s.shared_bytes > stored(&image[1]) / 2);
	w.silent = 1; /* the gateway may go now */
	read_all(0, 1 << 20);
	close_port(0);
	read_all(1, 1 << 20);
	end();
}

/* Read lazily, and each its bundle: chunks are still fetched once. */
static void lazily_as_well(void **state)
{
	uint64_t both;

	(void)state;
	begin();
	open_port(0, 0, 0, 1);
	open_port(1, 1, 0, 1);
	for (uint32_t at = 0; at < SIZE; at += 1 << 18)
		for (int i = 0; i < 2; i++)
			read_and_check(i, at, 1 << 18);
	both = stats(0).shared_bytes + stats(1).shared_bytes;
	assert_true(both > stored(&image[1]) / 4);
	end();
}

static void asked_for_once_at_once(void **state)
{
	uint8_t buf[2][4096];

	(void)state;
	begin();
	open_port(0, 0, 0, 0);
	open_port(1, 1, 0, 0);
	w.silent = 1;
	for (int i = 0; i < 2; i++)
		imagedev_read(w.port[i].dev, first_data(), 4096, buf[i],
			      read_done, &w.port[i]);
	run_for(20);
	assert_int_equal(w.port[0].total + w.port[1].total, 1);
	w.port[0].lies = w.port[1].lies = 1; /* and it comes wrong */
	w.silent = 0;
	loop_timer_set(w.answer, 0);
	wait_for(2);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(buf[i], image[0].disk + first_data(), 4096);
	assert_in_range(stats(0).bad + stats(1).bad, 1, 2);
	end();
}

static void who_waited_asks_itself(void **state)
{
	uint8_t buf[2][4096];

	(void)state;
	begin();
	open_port(0, 0, 0, 0);
	open_port(1, 1, 0, 0);
	w.silent = 1;
	for (int i = 0; i < 2; i++)
		imagedev_read(w.port[i].dev, first_data(), 4096, buf[i],
			      read_done, &w.port[i]);
	run_for(20);
	assert_int_equal(w.port[0].total + w.port[1].total, 1);
	w.silent = 0;
	close_port(w.port[0].total ? 0 : 1);
	wait_for(1);
	assert_int_equal(w.port[0].total + w.port[1].total, 2);
	end();
}

/* A read does not wait for what another only fetches in the background. */
static void demand_does_not_wait_for_fill(void **state)
{
	uint8_t buf[4096];

	(void)state;
	begin();
	open_port(0, 0, 1, 0);
	w.silent = 1;
	run_for(20);
	assert_true(w.port[0].n_asked > 0);
	open_port(1, 1, 0, 0);
	imagedev_read(w.port[1].dev, first_data(), 4096, buf, read_done,
		      &w.port[1]);
	run_for(20);
	assert_int_equal(w.port[1].n_asked, 1);
	assert_int_equal(w.port[1].asked[0].priority, IMAGEDEV_DEMAND);
	end();
}

static void two_fill_together(void **state)
{
	uint64_t sum;

	(void)state;
	begin();
	for (int i = 0; i < 3; i++)
		open_port(i, i & 1, 1, 0);
	run_for(300);
	sum = stats(0).fetched_bytes + stats(1).fetched_bytes +
	      stats(2).fetched_bytes;
	for (int i = 0; i < 3; i++)
		assert_int_equal(stats(i).chunks_have, stats(i).chunks);
	assert_true(sum < stored(&image[0]) + stored(&image[1]) / 2);
	end();
}

static void who_ends_leaves_its_chunks(void **state)
{
	(void)state;
	begin();
	open_port(0, 0, 0, 0);
	open_port(1, 1, 0, 0);
	read_all(0, 1 << 20);
	w.silent = 1;
	close_port(0);
	for (uint64_t at = 0; at + (1 << 19) < COMMON; at += 1 << 18)
		read_and_check(1, at, 1 << 18);
	assert_int_equal(w.port[1].total, 0);
	end();
}

/* Everything at any moment; small caches, so that much is thrown away. */
static void at_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		uint64_t chance = seed;

		begin();
		for (int step = 0; step < 60; step++) {
			int no, what;

			chance = chance * 6364136223846793005u + 1442695u;
			no = (int)((chance >> 33) % DEVICES);
			what = (int)((chance >> 40) % 8);
			if (!w.port[no].dev)
				open_port(no, (int)(chance >> 50 & 1),
					  (chance >> 51 & 3) == 0,
					  (int)(chance >> 53 & 1));
			else if (!what)
				close_port(no);
			else if (what == 1)
				w.port[no].lies = 2;
			else if (what == 2)
				run_for(2);
			else
				read_and_check(no,
					       (chance >> 20) % (SIZE - 300000),
					       1 + (chance >> 30) % 299999);
		}
		end();
	}
}

static void caches_are_bounded(void **state)
{
	struct fixture small[2] = { image[0], image[1] };

	(void)state;
	assert_int_equal(fixture_make(&image[0], 24u << 20, 7), 0);
	assert_int_equal(fixture_make_next(&image[1], &image[0], 20u << 20, 8),
			 0);
	begin();
	open_port(0, 0, 0, 0);
	open_port(1, 1, 0, 0);
	for (uint64_t at = 0; at < 24u << 20; at += 1 << 20)
		for (int i = 0; i < 2; i++)
			read_and_check(i, i ? at : (23u << 20) - at, 1 << 20);
	for (int i = 0; i < 2; i++)
		assert_true(stats(i).cached_bytes <= 8u << 20);
	end();
	for (int i = 0; i < 2; i++) {
		fixture_free(&image[i]);
		image[i] = small[i];
	}
}

static int setup(void **state)
{
	(void)state;
	return fixture_make(&image[0], SIZE, 1) ||
	       fixture_make_next(&image[1], &image[0], COMMON, 2);
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&image[0]);
	fixture_free(&image[1]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_fetches_what_differs),
		cmocka_unit_test(lazily_as_well),
		cmocka_unit_test(asked_for_once_at_once),
		cmocka_unit_test(who_waited_asks_itself),
		cmocka_unit_test(demand_does_not_wait_for_fill),
		cmocka_unit_test(two_fill_together),
		cmocka_unit_test(who_ends_leaves_its_chunks),
		cmocka_unit_test(at_random),
		cmocka_unit_test(caches_are_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
