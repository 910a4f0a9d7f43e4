/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "imagedev-world.h"

#define GIVE_UP_MS 20000

struct fixture image;
struct world world;

static int fake_get(void *arg, uint64_t id, enum imagedev_priority priority,
		    const char *sha256, uint64_t offset, uint64_t len)
{
	int live = 0;

	(void)arg;
	for (int i = 0; i < world.n_asked; i++)
		live += world.asked[i].live;
	if ((world.max_slots && live >= world.max_slots) ||
	    world.n_asked == PENDING)
		return -EAGAIN;
	world.asked[world.n_asked] = (struct asked){ .id = id,
						     .offset = offset,
						     .len = len,
						     .live = 1,
						     .priority = priority };
	memcpy(world.asked[world.n_asked++].sha256, sha256, HASH_HEX);
	world.total++;
	if (!world.silent)
		loop_timer_set(world.answer, 0);
	return 0;
}

static void fake_cancel(void *arg, uint64_t id)
{
	(void)arg;
	world.cancelled++;
	for (int i = 0; i < world.n_asked; i++)
		if (world.asked[i].id == id)
			world.asked[i].live = 0;
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
		imagedev_data(world.dev, a->id, bytes + at,
			      len - at < step ? len - at : step);
	imagedev_end(world.dev, a->id,
		     lie == ABSENT    ? -ENOENT
		     : lie == NOTHING ? -EIO
				      : 0);
}

void answer(void *arg)
{
	(void)arg;
	while (world.n_asked) {
		struct asked a = world.asked[0];
		enum lie lie = world.lies ? world.lie : HONEST;

		memmove(world.asked, world.asked + 1,
			(size_t)--world.n_asked * sizeof(world.asked[0]));
		if (!a.live)
			continue;
		if (world.lies > 0)
			world.lies--;
		give(&a, lie);
	}
}

static void too_late(void *arg)
{
	(void)arg;
	loop_quit(world.loop, -1);
}

int try_open(const struct imagedev_config *config)
{
	struct imagedev_source source = { fake_get, fake_cancel, NULL };

	memset(&world, 0, sizeof(world));
	world.loop = loop_new();
	world.answer = loop_timer_add(world.loop, answer, NULL);
	world.alarm = loop_timer_add(world.loop, too_late, NULL);
	return imagedev_open(world.loop, config, &source, &world.dev, NULL);
}

void open_with(const struct imagedev_config *config)
{
	assert_int_equal(try_open(config), 0);
}

void open_plainly(int with_bundle, int threads)
{
	struct imagedev_config c;

	fixture_config(&image, &c);
	c.threads = threads;
	if (!with_bundle)
		c.bundle_sha256[0] = 0;
	open_with(&c);
}

void shut(void)
{
	imagedev_close(world.dev);
	loop_free(world.loop);
}

void read_done(void *arg, int rc)
{
	(void)arg;
	world.bad_rc |= rc;
	if (++world.done == world.todo)
		loop_quit(world.loop, 0);
}

int wait_for(int n)
{
	world.todo = n;
	if (world.done >= n)
		return 0;
	loop_timer_set(world.alarm, GIVE_UP_MS);
	return loop_run(world.loop);
}

void run_for(int ms)
{
	world.todo = -1;
	loop_timer_set(world.alarm, ms);
	loop_run(world.loop);
}

void read_and_check(uint64_t offset, uint32_t len)
{
	auto_free uint8_t *buf = malloc(len + 1);

	world.done = 0;
	buf[len] = 0xa5;
	imagedev_read(world.dev, offset, len, buf, read_done, buf);
	assert_int_equal(wait_for(1), 0);
	assert_int_equal(world.bad_rc, 0);
	assert_memory_equal(buf, image.disk + offset, len);
	assert_int_equal(buf[len], 0xa5);
}

void read_all(uint32_t step)
{
	for (uint64_t at = 0; at < SIZE; at += step)
		read_and_check(at,
			       SIZE - at < step ? (uint32_t)(SIZE - at) : step);
}

uint64_t first_data(void)
{
	for (uint64_t at = 0; at < SIZE; at += 4096)
		if (image.disk[at + 1])
			return at;
	return 0;
}

int world_setup(void **state)
{
	(void)state;
	return fixture_make(&image, SIZE, 1);
}

int world_teardown(void **state)
{
	(void)state;
	fixture_free(&image);
	return 0;
}
