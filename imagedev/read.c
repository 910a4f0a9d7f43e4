/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads. Each copies what is decoded and waits for one unit at a time, but
 * wants all units of its range at once; a reader in sequence has those behind
 * it fetched and decoded before it asks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "private.h"

struct span {
	uint64_t pos, end;
	uint8_t *buf;
};

static void note(struct imagedev *dev, uint64_t offset, uint32_t len)
{
	uint64_t last = (offset + len - 1) / INDEX_BLOCK;

	for (uint64_t b = offset / INDEX_BLOCK; b <= last; b++) {
		if (dev->traced[b / 8] >> (b % 8) & 1)
			continue;
		dev->traced[b / 8] |= (uint8_t)(1 << (b % 8));
		dev->trace(dev->trace_arg, (uint32_t)b);
	}
}

/* Copies as far as all is here; returns the unit to wait for, or NULL. */
static struct unit *advance(struct imagedev *dev, struct span *r)
{
	while (r->pos < r->end) {
		const uint8_t *data = NULL;
		struct spot s;
		size_t n;

		imagedev_find(dev, r->pos, &s);
		n = (size_t)(s.run < r->end - r->pos ? s.run : r->end - r->pos);
		if (s.unit) {
			data = imagedev_unit_data(s.unit);
			if (!data)
				imagedev_unit_want(dev, s.unit);
			if (!data && !(data = imagedev_unit_data(s.unit)))
				return s.unit;
			memcpy(r->buf, data + s.offset, n);
		} else {
			memset(r->buf, 0, n);
		}
		r->pos += n;
		r->buf += n;
	}
	return NULL;
}

static void want_range(struct imagedev *dev, uint64_t pos, uint64_t end)
{
	struct spot s;

	for (; pos < end; pos += s.run) {
		imagedev_find(dev, pos, &s);
		if (!s.unit || imagedev_unit_data(s.unit))
			continue;
		if (!s.unit->stored || imagedev_decode_ahead(dev))
			imagedev_unit_want(dev, s.unit);
	}
}

/* A file is read here and there; only what is read nearly whole is a sequence. */
static int is_sequence(const struct stream *s)
{
	return s->run >= SEQUENCE && s->gaps <= s->run / 8;
}

static void extend(struct stream *s, uint64_t pos, uint64_t end)
{
	if (end > s->next) {
		s->gaps += pos > s->next ? pos - s->next : 0;
		s->run += end - s->next;
		s->next = end;
	} else {
		s->gaps -= end - pos < s->gaps ? end - pos : s->gaps;
	}
	if (s->run > 2 * AHEAD_MAX) { /* what was long ago counts less */
		s->run /= 2;
		s->gaps /= 2;
	}
}

/* Several may read in sequence; their requests come a little out of order. */
static struct stream *follow(struct imagedev *dev, uint64_t pos, uint64_t end)
{
	struct stream *oldest = dev->streams;

	dev->stamp++;
	for (int i = 0; i < STREAMS; i++) {
		struct stream *s = &dev->streams[i];

		if (s->stamp < oldest->stamp)
			oldest = s;
		if (!s->stamp || pos > s->next + WINDOW_MIN ||
		    pos + STREAM_NEAR < s->next)
			continue;
		s->stamp = dev->stamp;
		extend(s, pos, end);
		return s;
	}
	*oldest = (struct stream){ end, end - pos, 0, dev->stamp };
	return oldest;
}

/* A read that the bundle foresaw says nothing of those to come: what a boot
 * reads behind it is in the bundle as well. */
static int is_foreseen(struct imagedev *dev, uint64_t pos)
{
	struct spot s;

	if (!dev->bundle_sha256[0])
		return 0;
	imagedev_find(dev, pos, &s);
	return s.unit && s.unit->type != UNIT_CHUNK;
}

static void read_ahead(struct imagedev *dev, uint64_t pos, uint64_t end)
{
	const struct stream *s;
	uint64_t far;

	if (is_foreseen(dev, pos))
		return;
	s = follow(dev, pos, end);
	far = s->run < AHEAD_MAX ? s->run : AHEAD_MAX;
	if (!is_sequence(s))
		return;
	if (far > dev->decoded_max / 4)
		far = dev->decoded_max / 4;
	if (far > dev->size - s->next)
		far = dev->size - s->next;
	want_range(dev, s->next, s->next + far);
}

uint64_t imagedev_window(const struct imagedev *dev, const struct unit *u)
{
	uint64_t best = WINDOW_MIN;
	struct index_chunk c;

	if (u->type != UNIT_CHUNK)
		return dev->on_air ? WINDOW_MAX : dev->bundle_size;
	imagerepo_index_chunk(dev->index, u->no, &c);
	for (int i = 0; i < STREAMS; i++) {
		const struct stream *s = &dev->streams[i];

		if (is_sequence(s) && s->run > best &&
		    c.offset + STREAM_NEAR >= s->next &&
		    c.offset <= s->next + AHEAD_MAX)
			best = s->run;
	}
	return best < WINDOW_MAX ? best : WINDOW_MAX;
}

/* ---- waiting ---------------------------------------------------------------- */

static void attach(struct read *r, struct unit *u)
{
	r->unit = u;
	r->wait_next = u->waiters;
	u->waiters = r;
	imagedev_late_watch(u->dev, u);
}

static void read_free(struct imagedev *dev, struct read *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		dev->reads = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		dev->reads_old = r->prev;
	dev->stats.waiting--;
	r->next = dev->spare;
	dev->spare = r;
}

static void resume(struct imagedev *dev, struct read *r)
{
	struct span span = { r->pos, r->end, r->buf };
	struct unit *u = advance(dev, &span);
	imagedev_read_fn fn = r->fn;
	void *arg = r->arg;

	r->pos = span.pos;
	r->buf = span.buf;
	if (u) {
		attach(r, u);
		return;
	}
	read_free(dev, r);
	fn(arg, 0);
}

/* What is woken goes to one list, as a callback may read, or cancel. */
void imagedev_wake(struct imagedev *dev, struct unit *u)
{
	struct read *r;

	while ((r = u->waiters)) {
		u->waiters = r->wait_next;
		r->unit = NULL;
		r->wait_next = dev->woken;
		dev->woken = r;
	}
	if (dev->waking)
		return;
	dev->waking = 1;
	while ((r = dev->woken)) {
		dev->woken = r->wait_next;
		resume(dev, r);
	}
	dev->waking = 0;
}

static int begin(struct imagedev *dev, struct span *span, struct unit *u,
		 imagedev_read_fn fn, void *arg)
{
	struct read *r = dev->spare;

	if (r)
		dev->spare = r->next;
	else
		r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct read){ .next = dev->reads,
			    .pos = span->pos,
			    .end = span->end,
			    .buf = span->buf,
			    .fn = fn,
			    .arg = arg,
			    .since_ms = clock_boot_ms() };
	if (r->next)
		r->next->prev = r;
	else
		dev->reads_old = r;
	dev->reads = r;
	dev->stats.waiting++;
	attach(r, u);
	return 0;
}

static void count(struct imagedev *dev, uint64_t offset, uint32_t len)
{
	dev->stats.reads++;
	dev->stats.read_bytes += len;
	if (dev->trace && len)
		note(dev, offset, len);
}

static void lazy_read(struct imagedev *dev, struct span *span,
		      imagedev_read_fn fn, void *arg)
{
	uint64_t pos = span->pos, end = span->end;
	struct unit *u = advance(dev, span);

	if (!u) {
		fn(arg, 0);
	} else {
		if (begin(dev, span, u, fn, arg)) {
			fn(arg, -ENOMEM);
			return;
		}
		if (end - span->pos > dev->decoded_max / 2)
			end = span->pos + dev->decoded_max / 2;
		want_range(dev, span->pos, end);
	}
	read_ahead(dev, pos, span->end);
}

void imagedev_read(struct imagedev *dev, uint64_t offset, uint32_t len,
		   void *buf, imagedev_read_fn fn, void *arg)
{
	struct span span = { offset, offset + len, buf };

	if (offset > dev->size || len > dev->size - offset) {
		fn(arg, -EINVAL);
		return;
	}
	count(dev, offset, len);
	if (dev->plain)
		fn(arg, dev->plain(dev->plain_arg, offset, len, buf));
	else
		lazy_read(dev, &span, fn, arg);
}

static void unlink_wait(struct read **list, const struct read *r)
{
	while (*list && *list != r)
		list = &(*list)->wait_next;
	if (*list)
		*list = r->wait_next;
}

void imagedev_cancel(struct imagedev *dev, void *arg)
{
	struct read *r, *next;

	for (r = dev->reads; r; r = next) {
		next = r->next;
		if (r->arg != arg)
			continue;
		unlink_wait(r->unit ? &r->unit->waiters : &dev->woken, r);
		read_free(dev, r);
	}
}

/* ---- lending ---------------------------------------------------------------- */

static const uint8_t zeros[64 * 1024];

/* The next piece of the range from *pos on; returns 0 if it is not here. */
static int lend_piece(struct imagedev *dev, uint64_t *pos, uint64_t end,
		      struct imagedev_piece *p)
{
	struct spot s;

	imagedev_find(dev, *pos, &s);
	p->unit = s.unit;
	p->len = (size_t)(s.run < end - *pos ? s.run : end - *pos);
	p->data = s.unit ? imagedev_unit_data(s.unit) : zeros;
	if (!p->data || dev->lent_bytes > dev->decoded_max / 2)
		return 0;
	if (s.unit)
		p->data += s.offset;
	else if (p->len > sizeof(zeros))
		p->len = sizeof(zeros);
	if (s.unit && !s.unit->pins++)
		dev->lent_bytes += s.unit->raw;
	*pos += p->len;
	return 1;
}

int imagedev_lend(struct imagedev *dev, uint64_t offset, uint32_t len,
		  struct imagedev_piece piece[IMAGEDEV_PIECES])
{
	uint64_t pos = offset, end = offset + len;
	int n = 0;

	if (dev->plain || offset > dev->size || len > dev->size - offset)
		return 0;
	while (pos < end && n < IMAGEDEV_PIECES &&
	       lend_piece(dev, &pos, end, &piece[n]))
		n++;
	if (pos < end) {
		imagedev_give_back(dev, piece, n);
		return 0;
	}
	count(dev, offset, len);
	read_ahead(dev, offset, end);
	return n;
}

void imagedev_give_back(struct imagedev *dev,
			const struct imagedev_piece *piece, int n)
{
	for (int i = 0; i < n; i++) {
		struct unit *u = piece[i].unit;

		if (u && !--u->pins)
			dev->lent_bytes -= u->raw;
	}
}
