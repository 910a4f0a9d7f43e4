/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver asks for, and when: after a pause that is random, so that not
 * all speak at once, and shorter the more it misses, so that the answer to the
 * first suits the others.
 */
#include <errno.h>
#include <sys/socket.h>

#include "clock.h"
#include "recv.h"

#define SILENCE_MS   250 /* without a useful symbol: go elsewhere */
#define GAP_MS       30  /* nothing at all of it: the sender has paused */
#define FIRST_MS     40  /* until WANT is said again while nothing came */
#define AGAIN_MS     60  /* the same for a block; doubled each time */
#define AGAIN_MAX_MS 500
#define BETWEEN_MS   15   /* two WANTs of a blob */
#define BACKOFF_MS   8    /* random part */
#define WORST        8    /* who misses so many does not hold back */
#define GRACE_MS     40   /* after "too few": others may ask just now */
#define CROWD_MS     500  /* ask again where others may come */
#define SLOW_MAX_MS  5000 /* where nothing has come for long */

static int64_t backoff(struct carousel_recv *r, unsigned int missing)
{
	unsigned int hold = missing < WORST ? WORST - missing : 0;

	return 1 + carousel_random(&r->random, BACKOFF_MS) + hold;
}

int64_t carousel_recv_patience(struct carousel_recv *r)
{
	return BACKOFF_MS + carousel_random(&r->random, BACKOFF_MS);
}

static void say(struct carousel_recv *r, const struct recv_object *o,
		const struct carousel_entry *e, unsigned int n)
{
	uint8_t out[CAROUSEL_WANT_LEN];
	size_t len = carousel_wire_want(out, o->id, e, n);

	r->stats.wants++;
	/* A lost WANT is said again; an error here is no different. */
	if (r->sockets.ask >= 0)
		send(r->sockets.ask, out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int64_t slow_ms(struct carousel_recv *r, struct recv_object *o)
{
	int64_t ms = (int64_t)CROWD_MS << (o->tries < 4 ? o->tries : 4);

	o->tries++;
	ms = ms < SLOW_MAX_MS ? ms : SLOW_MAX_MS;
	return ms + carousel_random(&r->random, (unsigned int)ms / 4);
}

/* May this block be asked for now? Notes when first seen to be missing. */
static int due(struct carousel_recv *r, struct recv_object *o, uint32_t block,
	       int64_t now)
{
	struct recv_slot *s = &o->slots[block];

	if (s->done || (!s->block && !carousel_recv_room(r)))
		return 0;
	if (block >= o->position && now - o->heard_ms < GAP_MS)
		return 0;
	if (!s->ask_ms)
		s->ask_ms = now + backoff(r, carousel_recv_missing(o, block));
	return now >= s->ask_ms;
}

static void note_asked(struct carousel_recv *r, struct recv_slot *s, int64_t now)
{
	int64_t ms = (int64_t)AGAIN_MS << (s->tries < 4 ? s->tries : 4);

	if (s->tries < 8)
		s->tries++;
	ms = ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS;
	s->ask_ms = now + ms + carousel_random(&r->random, (unsigned int)ms);
}

static int ask_blocks(struct carousel_recv *r, struct recv_object *o, int64_t now)
{
	struct carousel_entry e[CAROUSEL_WANT_MAX];
	unsigned int n = 0;

	for (uint32_t b = o->first; b < o->blocks && n < CAROUSEL_WANT_MAX; b++) {
		struct recv_slot *s = &o->slots[b];

		if (!due(r, o, b, now))
			continue;
		e[n++] = (struct carousel_entry){
			b, (uint8_t)carousel_recv_missing(o, b), s->last
		};
		note_asked(r, s, now);
	}
	if (n)
		say(r, o, e, n);
	return n > 0;
}

static void ask(struct carousel_recv *r, struct recv_object *o, int64_t now)
{
	int whole = !o->heard && o->left == o->blocks;

	if (whole) {
		say(r, o, NULL, 0);
		o->ask_ms = now + (o->told ? slow_ms(r, o)
					   : FIRST_MS << (o->tries++ & 3));
		return;
	}
	if (!ask_blocks(r, o, now))
		o->ask_ms = now + 4;
	else if (o->told)
		o->ask_ms = now + slow_ms(r, o);
	else
		o->ask_ms = now + BETWEEN_MS +
			    carousel_random(&r->random, BETWEEN_MS);
}

void carousel_recv_tell(struct carousel_recv *r, struct recv_object *o, int rc)
{
	o->told = 1;
	o->tries = 0;
	r->depth++;
	r->idle(r->arg, o->sha256, rc);
	r->depth--;
}

void carousel_recv_refused(struct carousel_recv *r, struct recv_object *o,
			   enum carousel_no reason)
{
	static const int rcs[] = {
		[CAROUSEL_NO_BLOB] = -ENOENT,
		[CAROUSEL_NO_CROWD] = -EAGAIN,
		[CAROUSEL_NO_ROOM] = -EAGAIN,
	};
	int64_t now = clock_boot_ms();

	if (!o->left)
		return;
	if (!o->told && reason == CAROUSEL_NO_CROWD && !o->refused_ms)
		o->refused_ms = now + GRACE_MS;
	else if (!o->told && reason != CAROUSEL_NO_CROWD)
		carousel_recv_tell(r, o, rcs[reason]);
	o->ask_ms = now + CROWD_MS + carousel_random(&r->random, CROWD_MS / 2);
	if (reason != CAROUSEL_NO_CROWD)
		o->ask_ms += SLOW_MAX_MS;
}

int64_t carousel_recv_tick(struct carousel_recv *r, struct recv_object *o,
			   int64_t now)
{
	int64_t silence = o->useful_ms + SILENCE_MS;

	if (!o->left)
		return INT64_MAX;
	if (o->refused_ms && now >= o->refused_ms) {
		o->refused_ms = 0;
		if (!o->told)
			carousel_recv_tell(r, o, -EAGAIN);
		if (o->dead)
			return INT64_MAX;
	}
	if (!o->told && now >= silence) {
		carousel_recv_tell(r, o, -ETIMEDOUT);
		if (o->dead)
			return INT64_MAX;
		o->ask_ms = now + slow_ms(r, o);
	}
	if (now >= o->ask_ms)
		ask(r, o, now);
	if (o->refused_ms && o->refused_ms < silence)
		silence = o->refused_ms;
	return o->told || o->ask_ms < silence ? o->ask_ms : silence;
}
