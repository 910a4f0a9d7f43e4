/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle comes as one stream. Where that is slow, or stands still, it must
 * not hold back a read of its end, or any: their chunks are asked for alone.
 */
#include "clock.h"
#include "private.h"

static const struct request *flight_of(const struct unit *u)
{
	const struct request *r = u->dev->requests;

	while (r && (u < r->first || u >= r->first + r->n))
		r = r->next;
	return r;
}

enum imagedev_priority imagedev_flight_priority(const struct unit *u)
{
	const struct request *r = flight_of(u);

	return r ? r->priority : IMAGEDEV_FILL;
}

static int may_be_late(const struct unit *u)
{
	return u && u->type != UNIT_CHUNK && u->flags & UNIT_FLYING &&
	       !(u->flags & UNIT_LATE);
}

void imagedev_late_watch(struct imagedev *dev, const struct unit *u)
{
	if (may_be_late(u))
		imagedev_schedule_soon(dev);
}

static int is_late(const struct unit *u, int64_t since_ms, int64_t now,
		   int64_t *due)
{
	const struct request *r = flight_of(u);
	int64_t at = since_ms + LATE_MS;

	if (!r)
		return 0;
	if (u->offset + u->size - (r->offset + r->total) < LATE_BYTES &&
	    at < r->heard_ms + LATE_STALL_MS)
		at = r->heard_ms + LATE_STALL_MS;
	if (at > now)
		*due = at < *due ? at : *due;
	return at <= now;
}

void imagedev_late_wake(struct imagedev *dev, int64_t now, int64_t *due)
{
	struct read *r = dev->reads, *next;

	for (; r; r = next) {
		struct unit *u = r->unit;

		next = r->next;
		if (!may_be_late(u) || !is_late(u, r->since_ms, now, due))
			continue;
		u->flags |= UNIT_LATE;
		imagedev_wake(dev, u);
		next = dev->reads; /* others may be gone */
	}
}
