/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests. What is wanted is queued; once the loop's round is over, runs of
 * neighbours are asked for: first what reads wait for, then the bundle, then
 * the rest of the disk. What did not come is queued again by unit.c, later
 * each time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "private.h"

void imagedev_schedule_soon(struct imagedev *dev)
{
	dev->soon = 1;
	loop_timer_set(dev->later, 0);
}

void imagedev_enqueue(struct imagedev *dev, struct unit *u)
{
	if (dev->on_air && u->type == UNIT_FRAME && !(u->flags & UNIT_AIR)) {
		u->flags |= UNIT_AIR;
		u->due_ms = clock_boot_ms() + AIR_WAIT_MS;
	}
	u->flags |= UNIT_QUEUED;
	u->queued = NULL;
	*dev->queue_tail = u;
	dev->queue_tail = &u->queued;
	imagedev_schedule_soon(dev);
}

void imagedev_dequeue(struct imagedev *dev, struct unit *u)
{
	struct unit **p = &dev->queue;

	while (*p && *p != u)
		p = &(*p)->queued;
	if (!*p)
		return;
	*p = u->queued;
	if (!*p)
		dev->queue_tail = p;
	u->flags &= (uint8_t)~UNIT_QUEUED;
}

static struct request **find(struct imagedev *dev, uint64_t id)
{
	struct request **r = &dev->requests;

	while (*r && (*r)->id != id)
		r = &(*r)->next;
	return r;
}

static struct unit *end_of(struct imagedev *dev, const struct unit *u)
{
	if (u->type == UNIT_CHUNK)
		return dev->chunks + dev->n_chunks;
	if (u->type == UNIT_FRAME)
		return dev->frames + dev->n_frames;
	return &dev->head + 1;
}

static int is_elsewhere(const struct unit *u)
{
	return imagedev_share_stored(u) ||
	       imagedev_share_awaited(u, IMAGEDEV_FILL);
}

/* How many units from u on make one request of at most `limit` bytes. A unit
 * that came wrong is asked for alone. */
static uint32_t run_of(struct imagedev *dev, struct unit *u, uint64_t limit,
		       int64_t now)
{
	const struct unit *end = end_of(dev, u), *last = u;
	uint64_t total = u->size;
	uint32_t n = 1;

	if (u->bad)
		return 1;
	for (const struct unit *v = u + 1; v < end; last = v++, n++) {
		total += v->size;
		if (total > limit || v->blob != u->blob || v->bad ||
		    v->offset != last->offset + last->size ||
		    !imagedev_unit_absent(v) || v->due_ms > now ||
		    is_elsewhere(v))
			break;
	}
	return n;
}

static void set_flying(struct imagedev *dev, struct request *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->first[i].flags & UNIT_QUEUED)
			imagedev_dequeue(dev, &r->first[i]);
		if (!r->first[i].stored)
			r->first[i].flags |= UNIT_FLYING;
	}
}

/* Takes that back: what is wanted is queued again. */
static void not_flying(struct imagedev *dev, struct request *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct unit *u = &r->first[i];

		u->flags &= (uint8_t) ~(UNIT_FLYING | UNIT_LATE);
		imagedev_share_tell(u);
		if (u->waiters || u->flags & UNIT_SOON)
			imagedev_enqueue(dev, u);
	}
}

static void name_of(const struct imagedev *dev, const struct unit *u,
		    char hex[HASH_HEX])
{
	static const char digit[] = "0123456789abcdef";
	struct index_pack p;

	if (u->blob == NONE) {
		memcpy(hex, dev->bundle_sha256, HASH_HEX);
		return;
	}
	imagerepo_index_pack(dev->index, u->blob, &p);
	for (int i = 0; i < HASH_LEN; i++) {
		hex[2 * i] = digit[p.sha256[i] >> 4];
		hex[2 * i + 1] = digit[p.sha256[i] & 15];
	}
	hex[2 * HASH_LEN] = 0;
}

static uint64_t room(const struct imagedev *dev)
{
	uint64_t used = dev->stats.cached_bytes, max = dev->cache_max / 8 * 7;

	for (const struct request *r = dev->requests; r; r = r->next)
		used += r->len - r->total;
	return used < max ? max - used : 0;
}

/* 1: asked, or had of a twin; 0: no memory or no room in the source. */
static int ask(struct imagedev *dev, struct unit *u, uint64_t limit,
	       enum imagedev_priority priority, int64_t now)
{
	struct request *r;
	char hex[HASH_HEX];
	uint64_t id;

	if (imagedev_share_take(dev, u))
		return 1;
	r = calloc(1, sizeof(*r));
	if (!r)
		return 0;
	r->id = id = ++dev->last_id;
	r->priority = priority;
	r->heard_ms = now;
	r->first = u;
	r->n = run_of(dev, u, limit, now);
	r->offset = u->offset;
	r->len = u[r->n - 1].offset + u[r->n - 1].size - u->offset;
	if (u->type == UNIT_HEAD && !dev->on_air &&
	    dev->bundle_size <= room(dev)) {
		r->then_frames = 1;
		r->len = dev->bundle_size;
	}
	name_of(dev, u, hex);
	r->next = dev->requests;
	dev->requests = r;
	set_flying(dev, r);
	/* it may answer, and the request be gone, before this returns */
	if (!dev->source.get(dev->source.arg, id, priority, hex, r->offset,
			     r->len)) {
		dev->stats.requests++;
		return 1;
	}
	dev->requests = r->next;
	not_flying(dev, r);
	free(r);
	dev->source_full_ms = now + SOURCE_FULL_MS;
	return 0;
}

static enum imagedev_priority urgency(const struct unit *u)
{
	return u->waiters || u->type == UNIT_CHUNK ? IMAGEDEV_DEMAND
						   : IMAGEDEV_BUNDLE;
}

/* Asks for what is due of the queue; the time of the next in *due. */
static int ask_queue(struct imagedev *dev, int64_t now, int64_t *due)
{
	struct unit *u = dev->queue;

	while (u) {
		if (!imagedev_unit_absent(u)) {
			imagedev_dequeue(dev, u);
			u = dev->queue;
		} else if (u->due_ms > now) {
			*due = u->due_ms < *due ? u->due_ms : *due;
			u = u->queued;
		} else if (imagedev_share_awaited(u, urgency(u))) {
			u = u->queued; /* we are told */
		} else {
			if (!ask(dev, u, imagedev_window(dev, u), urgency(u), now))
				return 0;
			u = dev->queue;
		}
	}
	return 1;
}

/* The first of [*cursor, n) that was never here, and may be asked for now. */
static struct unit *next_new(struct unit *list, uint32_t n, uint32_t *cursor,
			     int64_t now, int64_t *due)
{
	while (*cursor < n && list[*cursor].flags & UNIT_HAD)
		++*cursor;
	for (uint32_t i = *cursor; i < n; i++) {
		if (list[i].flags & (UNIT_HAD | UNIT_QUEUED) ||
		    !imagedev_unit_absent(&list[i]) ||
		    imagedev_share_awaited(&list[i], IMAGEDEV_FILL))
			continue;
		if (list[i].due_ms <= now)
			return &list[i];
		*due = list[i].due_ms < *due ? list[i].due_ms : *due;
	}
	return NULL;
}

static unsigned int in_flight(const struct imagedev *dev,
			      enum imagedev_priority priority)
{
	unsigned int n = 0;

	for (const struct request *r = dev->requests; r; r = r->next)
		n += r->priority == priority;
	return n;
}

static void ask_bundle(struct imagedev *dev, int64_t now, int64_t *due)
{
	uint64_t limit = room(dev);
	struct unit *u;

	if (dev->on_air || in_flight(dev, IMAGEDEV_BUNDLE))
		return;
	u = next_new(dev->frames, dev->n_frames, &dev->bundle_cursor, now, due);
	if (u && u->size <= limit)
		ask(dev, u, limit, IMAGEDEV_BUNDLE, now);
}

static void ask_rest(struct imagedev *dev, int64_t now, int64_t *due)
{
	while (dev->fill && !dev->queue &&
	       in_flight(dev, IMAGEDEV_FILL) < FILLS_MAX) {
		uint64_t limit = room(dev);
		struct unit *u = next_new(dev->chunks, dev->n_chunks,
					  &dev->fill_cursor, now, due);

		if (!u || u->size > limit)
			return;
		if (limit > WINDOW_MAX)
			limit = WINDOW_MAX;
		if (!ask(dev, u, limit, IMAGEDEV_FILL, now))
			return;
	}
}

void imagedev_schedule(void *arg)
{
	struct imagedev *dev = arg;
	int64_t now = clock_boot_ms(), due = INT64_MAX;

	dev->soon = 0;
	imagedev_late_wake(dev, now, &due);

	if (now >= dev->source_full_ms) {
		dev->source_full_ms = 0;
		if (ask_queue(dev, now, &due)) {
			ask_bundle(dev, now, &due);
			ask_rest(dev, now, &due);
		}
	}
	if (dev->source_full_ms && dev->source_full_ms < due)
		due = dev->source_full_ms;
	if (due != INT64_MAX && !dev->soon)
		loop_timer_set(dev->later, due - now);
}

/* ---- answers ---------------------------------------------------------------- */

/* The request's end, good or not. `bad`: asking again is of little use. */
static void request_end(struct imagedev *dev, struct request **at, int bad)
{
	struct request *r = *at;
	uint32_t missing = 0;

	*at = r->next;
	for (uint32_t i = r->at; i < r->n; i++) {
		if (!(r->first[i].flags & UNIT_FLYING))
			continue;
		missing++;
		r->first[i].bad |= bad;
		imagedev_unit_failed(dev, &r->first[i]);
	}
	if (missing)
		dev->stats.retries++;
	free(r->buf);
	free(r);
	dev->source_full_ms = 0;
	imagedev_schedule_soon(dev);
}

static void frames_follow(struct imagedev *dev, struct request *r)
{
	r->then_frames = 0;
	r->first = dev->frames;
	r->n = dev->n_frames;
	r->at = 0;
	if (r->n)
		set_flying(dev, r);
}

/* All bytes of the unit are here. */
static void unit_came(struct imagedev *dev, struct request *r)
{
	struct unit *u = &r->first[r->at++];
	uint8_t *buf = r->buf;

	r->buf = NULL;
	r->got = 0;
	if (u->flags & UNIT_FLYING && buf) {
		u->bad = imagedev_unit_complete(dev, u, buf) != 0;
		if (u->bad)
			imagedev_unit_failed(dev, u);
	} else {
		free(buf); /* it came by another way */
	}
	if (u->type == UNIT_HEAD && dev->bundle && r->then_frames)
		frames_follow(dev, r);
}

/* Returns bytes used; 0: no more are expected, or there is no memory. */
static size_t take(struct imagedev *dev, struct request *r, const uint8_t *data,
		   size_t len)
{
	struct unit *u = &r->first[r->at];
	size_t n;

	if (r->at == r->n)
		return 0;
	/* what was offered meanwhile is only counted */
	if (!r->got && u->flags & UNIT_FLYING) {
		r->buf = malloc(u->size);
		if (!r->buf)
			return 0;
	}
	n = u->size - r->got;
	if (n > len)
		n = len;
	if (r->buf)
		memcpy(r->buf + r->got, data, n);
	r->got += (uint32_t)n;
	if (r->got == u->size)
		unit_came(dev, r);
	return n;
}

void imagedev_data(struct imagedev *dev, uint64_t id, const void *data, size_t len)
{
	struct request **at = find(dev, id), *r = *at;
	const uint8_t *p = data;

	if (!r)
		return;
	dev->stats.fetched_bytes += len;
	r->total += len;
	if (len)
		r->heard_ms = clock_boot_ms();
	while (len) {
		size_t n = take(dev, r, p, len);

		if (!n)
			break;
		p += n;
		len -= n;
	}
	if (!len)
		return;
	/* more than was asked for */
	dev->source.cancel(dev->source.arg, id);
	at = find(dev, id);
	if (*at)
		request_end(dev, at, 0);
}

void imagedev_end(struct imagedev *dev, uint64_t id, int rc)
{
	struct request **at = find(dev, id);

	/* what counts is what came, whatever the source says of it */
	if (*at)
		request_end(dev, at, rc == -ENOENT);
}

static void recall(struct imagedev *dev, struct request **at)
{
	struct request *r = *at;

	dev->source.cancel(dev->source.arg, r->id);
	*at = r->next;
	not_flying(dev, r);
	free(r->buf);
	free(r);
}

void imagedev_request_recall(struct imagedev *dev, const struct unit *u)
{
	for (struct request **at = &dev->requests; *at; at = &(*at)->next) {
		struct request *r = *at;

		if (r->priority != IMAGEDEV_FILL || r->total || u < r->first ||
		    u >= r->first + r->n)
			continue;
		recall(dev, at);
		return;
	}
}

static int is_waited_for(const struct request *r)
{
	for (uint32_t i = r->at; i < r->n; i++)
		if (r->first[i].waiters)
			return 1;
	return 0;
}

void imagedev_bundle_recall(struct imagedev *dev)
{
	struct request **at = &dev->requests;

	while (*at) {
		struct request *r = *at;

		if (r->priority == IMAGEDEV_BUNDLE && r->first != &dev->head &&
		    !is_waited_for(r))
			recall(dev, at);
		else
			at = &r->next;
	}
}

void imagedev_requests_free(struct imagedev *dev)
{
	struct request *r;

	while ((r = dev->requests)) {
		dev->requests = r->next;
		dev->source.cancel(dev->source.arg, r->id);
		free(r->buf);
		free(r);
	}
}
