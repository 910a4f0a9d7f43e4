/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver: datagrams in, calls to its objects.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "parse.h"
#include "recv.h"

#define REPLIES 16 /* read before others have a turn */

static struct recv_object *find(struct carousel_recv *r, const uint8_t *id)
{
	for (int i = 0; i < RECV_OBJECTS_MAX; i++) {
		struct recv_object *o = &r->objects[i];

		if (o->used && !o->dead && !memcmp(o->id, id, sizeof(o->id)))
			return o;
	}
	return NULL;
}

static struct recv_object *find_hex(struct carousel_recv *r, const char *sha256)
{
	for (int i = 0; i < RECV_OBJECTS_MAX; i++) {
		struct recv_object *o = &r->objects[i];

		if (o->used && !o->dead && !strcmp(o->sha256, sha256))
			return o;
	}
	return NULL;
}

static void object_free(struct carousel_recv *r, struct recv_object *o)
{
	for (uint32_t b = 0; o->slots && b < o->blocks; b++)
		carousel_recv_block_drop(r, o, b);
	free(o->slots);
	memset(o, 0, sizeof(*o));
}

void carousel_recv_sweep(struct carousel_recv *r)
{
	for (int i = 0; !r->depth && i < RECV_OBJECTS_MAX; i++)
		if (r->objects[i].dead)
			object_free(r, &r->objects[i]);
}

static void schedule(struct carousel_recv *r)
{
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	for (int i = 0; i < RECV_OBJECTS_MAX; i++) {
		struct recv_object *o = &r->objects[i];
		int64_t at = o->used && !o->dead ? carousel_recv_tick(r, o, now)
						 : INT64_MAX;

		next = at < next ? at : next;
	}
	carousel_recv_sweep(r);
	if (next != INT64_MAX)
		loop_timer_set(r->timer, next - now);
	else
		loop_timer_clear(r->timer);
}

static void on_timer(void *arg)
{
	schedule(arg);
}

void carousel_recv_data(struct carousel_recv *r,
			const struct carousel_datagram *d)
{
	struct recv_object *o = find(r, d->object);
	int64_t now = r->now;
	struct recv_slot *s;
	int rc;

	if (!o || d->size != o->size) {
		r->stats.refused++;
		return;
	}
	s = &o->slots[d->block];
	r->next = (struct recv_next){ o, d->block, d->symbol + 1u };
	o->heard = 1;
	o->heard_ms = now;
	if (d->position > o->position)
		o->position = d->position;
	r->depth++;
	rc = carousel_recv_symbol(r, o, d);
	r->depth--;
	if (rc < 0)
		r->stats.refused++;
	else if (!rc)
		r->stats.useless++;
	if (rc <= 0 || o->dead)
		return;
	o->useful_ms = now;
	o->refused_ms = 0;
	o->tries = 0;
	if (o->told) {
		o->told = 0;
		o->ask_ms = now;
		loop_timer_set(r->timer, 1);
	}
	s->tries = 0;
	if (s->ask_ms)
		s->ask_ms = now + carousel_recv_patience(r);
	if (!o->left)
		carousel_recv_tell(r, o, 0);
}

void carousel_recv_one(struct carousel_recv *r, const void *data, size_t len)
{
	struct carousel_datagram d;
	struct recv_object *o;

	if (carousel_wire_parse(data, len, &d) || d.type == CAROUSEL_WANT) {
		r->stats.refused++;
		return;
	}
	if (d.type == CAROUSEL_DATA) {
		carousel_recv_data(r, &d);
	} else {
		o = find(r, d.object);
		if (o)
			carousel_recv_refused(r, o, d.reason);
		loop_timer_set(r->timer, 0);
	}
}

void carousel_recv_input(struct carousel_recv *r, const void *data, size_t len)
{
	r->now = clock_boot_ms();
	carousel_recv_one(r, data, len);
	carousel_recv_sweep(r);
}

static void on_data(int fd, short revents, void *arg)
{
	(void)fd, (void)revents;
	carousel_recv_gather(arg);
}

static void on_reply(int fd, short revents, void *arg)
{
	struct carousel_recv *r = arg;
	uint8_t text[CAROUSEL_WANT_LEN];

	(void)revents;
	for (int i = 0; i < REPLIES; i++) {
		ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

		/* An ICMP refusal is read as an error: silence, to us. */
		if (n < 0 && errno != ECONNREFUSED)
			return;
		if (n == (ssize_t)CAROUSEL_NO_LEN && text[4] == CAROUSEL_NO)
			carousel_recv_input(r, text, (size_t)n);
	}
}

static int watch(struct carousel_recv *r)
{
	if (r->sockets.data >= 0)
		r->data_fd = loop_fd_add(r->loop, r->sockets.data, POLLIN,
					 on_data, r);
	if (r->sockets.ask >= 0)
		r->ask_fd = loop_fd_add(r->loop, r->sockets.ask, POLLIN,
					on_reply, r);
	r->timer = loop_timer_add(r->loop, on_timer, r);
	r->gather = loop_timer_add(r->loop, carousel_recv_gather, r);
	r->buffers = malloc(2 * RECV_MESSAGE);
	if ((r->sockets.data >= 0 && !r->data_fd) ||
	    (r->sockets.ask >= 0 && !r->ask_fd) || !r->timer || !r->gather ||
	    !r->buffers)
		return -ENOMEM;
	return 0;
}

int carousel_recv_new(struct loop *loop, const struct carousel_recv_config *c,
		      carousel_data_fn data, carousel_idle_fn idle, void *arg,
		      struct carousel_recv **out, struct errinfo *err)
{
	struct carousel_recv *r = calloc(1, sizeof(*r));
	int rc = 0;

	if (!r)
		return errinfo_set(err, -ENOMEM, "out of memory");
	*r = (struct carousel_recv){ .loop = loop,
				     .config = *c,
				     .data = data,
				     .idle = idle,
				     .arg = arg,
				     .sockets = { -1, -1 } };
	if (!r->config.memory)
		r->config.memory = RECV_MEMORY;
	if (getrandom(&r->random, sizeof(r->random), GRND_NONBLOCK) < 0)
		r->random = (uint64_t)clock_boot_ms() * 2654435761u;
	if (c->sockets)
		r->sockets = *c->sockets;
	else
		rc = carousel_recv_sockets(c, &r->sockets, err);
	r->config.sockets = NULL;
	if (!rc && watch(r))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (rc) {
		if (c->sockets) /* still the caller's */
			r->sockets = (struct carousel_sockets){ -1, -1 };
		carousel_recv_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void carousel_recv_free(struct carousel_recv *r)
{
	if (!r)
		return;
	for (int i = 0; i < RECV_OBJECTS_MAX; i++)
		object_free(r, &r->objects[i]);
	loop_fd_del(r->data_fd);
	loop_fd_del(r->ask_fd);
	loop_timer_del(r->timer);
	loop_timer_del(r->gather);
	if (r->sockets.data >= 0)
		close(r->sockets.data);
	if (r->sockets.ask >= 0)
		close(r->sockets.ask);
	free(r->buffers);
	free(r);
}

int carousel_recv_want(struct carousel_recv *r, const char *sha256,
		       uint64_t size, struct errinfo *err)
{
	char half[2 * CAROUSEL_OBJECT + 1] = "";
	struct recv_object *o = NULL;

	if (!hash_is_hex(sha256) || !size || size > CAROUSEL_BLOB_MAX)
		return errinfo_set(err, -EINVAL, "no blob for a carousel");
	if (find_hex(r, sha256))
		return 0;
	for (int i = 0; i < RECV_OBJECTS_MAX && !o; i++)
		if (!r->objects[i].used)
			o = &r->objects[i];
	if (!o)
		return errinfo_set(err, -ENOSPC, "%d blobs are on their way",
				   RECV_OBJECTS_MAX);
	o->size = size;
	o->blocks = o->left = carousel_blocks(size);
	o->slots = calloc(o->blocks, sizeof(*o->slots));
	if (!o->slots)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (uint32_t b = 0; b < o->blocks; b++)
		o->slots[b].last = CAROUSEL_NONE;
	memcpy(o->sha256, sha256, HASH_HEX);
	memcpy(half, sha256, sizeof(half) - 1);
	parse_hex(half, o->id, sizeof(o->id));
	o->useful_ms = o->heard_ms = clock_boot_ms();
	o->used = 1;
	loop_timer_set(r->timer, 0);
	return 0;
}

void carousel_recv_leave(struct carousel_recv *r, const char *sha256)
{
	struct recv_object *o = find_hex(r, sha256);

	if (o)
		o->dead = 1;
	carousel_recv_sweep(r);
}

/* Blocks first..end-1 need nothing any more. */
static void forget(struct carousel_recv *r, const char *sha256, uint64_t first,
		   uint64_t end)
{
	struct recv_object *o = find_hex(r, sha256);

	if (!o)
		return;
	for (uint64_t b = first; b < end && b < o->blocks; b++)
		carousel_recv_done(r, o, (uint32_t)b);
}

void carousel_recv_have(struct carousel_recv *r, const char *sha256,
			uint64_t offset, uint64_t len)
{
	struct recv_object *o = find_hex(r, sha256);
	uint64_t end;

	if (!o || len > o->size || offset > o->size - len)
		return;
	end = offset + len;
	forget(r, sha256, (offset + CAROUSEL_BLOCK - 1) / CAROUSEL_BLOCK,
	       end == o->size ? o->blocks : end / CAROUSEL_BLOCK);
}

void carousel_recv_bad(struct carousel_recv *r, const char *sha256,
		       uint64_t offset, uint64_t len)
{
	if (len && offset <= CAROUSEL_BLOB_MAX && len <= CAROUSEL_BLOB_MAX)
		forget(r, sha256, offset / CAROUSEL_BLOCK,
		       (offset + len - 1) / CAROUSEL_BLOCK + 1);
}

void carousel_recv_stats_get(const struct carousel_recv *r,
			     struct carousel_recv_stats *out)
{
	*out = r->stats;
}
