/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs that are or were just sent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "parse.h"
#include "send.h"

#define UNUSED_MS 10000
#define OPENS_MAX 50 /* a second: whoever asks for what is not here */

struct send_object *carousel_send_find(struct carousel_send *s, const uint8_t *id)
{
	for (int i = 0; i < SEND_OBJECTS_MAX; i++) {
		struct send_object *o = &s->objects[i];

		if (o->used && !memcmp(o->id, id, sizeof(o->id)))
			return o;
	}
	return NULL;
}

void carousel_send_object_close(struct carousel_send *s, struct send_object *o)
{
	if (!o->used)
		return;
	for (int i = 0; i < SEND_CACHED; i++)
		if (s->cache[i].object == o)
			s->cache[i].object = NULL;
	free(o->block);
	free(o->queue);
	free(o->askers);
	close(o->fd);
	memset(o, 0, sizeof(*o));
}

void carousel_send_expire(struct carousel_send *s, int64_t now)
{
	for (int i = 0; i < SEND_OBJECTS_MAX; i++) {
		struct send_object *o = &s->objects[i];

		if (o->used && !o->left && now - o->heard_ms > UNUSED_MS)
			carousel_send_object_close(s, o);
	}
}

static int may_open(struct carousel_send *s, int64_t now)
{
	if (now - s->opens_ms >= 1000) {
		s->opens_ms = now;
		s->opens = 0;
	}
	return s->opens++ < OPENS_MAX;
}

static int prepare(struct send_object *o)
{
	if (!o->size || o->size > CAROUSEL_BLOB_MAX)
		return -ENOENT;
	o->blocks = carousel_blocks(o->size);
	o->position = o->blocks;
	o->block = calloc(o->blocks, sizeof(*o->block));
	o->queue = calloc(o->blocks, sizeof(*o->queue));
	o->askers = calloc(SEND_ASKERS_MAX, sizeof(*o->askers));
	return o->block && o->queue && o->askers ? 0 : -ENOMEM;
}

int carousel_send_object_open(struct carousel_send *s, const uint8_t *id,
			      struct send_object **out)
{
	int64_t now = clock_boot_ms();
	char hex[2 * CAROUSEL_OBJECT + 1];
	struct send_object *o = NULL;
	int rc;

	carousel_send_expire(s, now);
	for (int i = 0; i < SEND_OBJECTS_MAX && !o; i++)
		if (!s->objects[i].used)
			o = &s->objects[i];
	if (!o || !may_open(s, now))
		return -EBUSY;
	format_hex(id, CAROUSEL_OBJECT, hex);
	rc = s->open(s->arg, hex, &o->fd, &o->size);
	if (rc)
		return rc;
	o->used = 1;
	o->heard_ms = now;
	memcpy(o->id, id, sizeof(o->id));
	rc = prepare(o);
	if (rc)
		carousel_send_object_close(s, o);
	else
		*out = o;
	return rc;
}

static struct send_cache *oldest(struct carousel_send *s)
{
	struct send_cache *best = &s->cache[0];

	for (int i = 0; i < SEND_CACHED; i++) {
		struct send_cache *c = &s->cache[i];

		if (!c->object)
			return c;
		if (c->used < best->used)
			best = c;
	}
	return best;
}

static int load(struct send_cache *c, const struct send_object *o, uint32_t block)
{
	size_t len = carousel_block_len(o->size, block), done = 0;
	off_t at = (off_t)block * CAROUSEL_BLOCK;

	while (done < len) {
		ssize_t n = pread(o->fd, c->data + done, len - done,
				  at + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		done += (size_t)n;
	}
	memset(c->data + len, 0, CAROUSEL_BLOCK - len);
	return 0;
}

const uint8_t *carousel_send_block(struct carousel_send *s,
				   const struct send_object *o, uint32_t block)
{
	struct send_cache *c;

	for (int i = 0; i < SEND_CACHED; i++) {
		c = &s->cache[i];
		if (c->object == o && c->block == block) {
			c->used = ++s->cache_clock;
			return c->data;
		}
	}
	c = oldest(s);
	c->object = NULL;
	if (load(c, o, block))
		return NULL;
	c->object = o;
	c->block = block;
	c->used = ++s->cache_clock;
	return c->data;
}
