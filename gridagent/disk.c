/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk - an image's disk: from the digest of its index to a block device.
 *
 *	INDEX --verified--> OPENING --opened--> ATTACHING --device--> READY
 *	  |                  ^   |               ^  |                   |
 *	  +--> REFUSED       |   +--> FILLING ---+  |                   |
 *	                     +-- blk died, or its socket ---------------+
 *
 * FILLING where images are wanted whole, until all of it is here. The device
 * outlives blk: hv gives it the next socket, and reads wait.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"
#include "log.h"

#define RETRY_MS     500
#define RETRY_MAX_MS 15000

static void set_state(struct core *c, struct disk *d, enum disk_state s)
{
	static const char *const names[] = {
		[DISK_INDEX] = "index",     [DISK_OPENING] = "opening",
		[DISK_FILLING] = "filling", [DISK_ATTACHING] = "attaching",
		[DISK_READY] = "ready",     [DISK_REFUSED] = "refused",
	};

	if (d->state == s)
		return;
	log_info("disk %.12s: %s -> %s", d->q.disk, names[d->state], names[s]);
	d->state = s;
	core_changed(c);
}

static void later(struct disk *d, const char *text)
{
	snprintf(d->error, sizeof(d->error), "%s", text);
	d->retry_at = clock_boot_ms() +
		      core_backoff(d->fails++, RETRY_MS, RETRY_MAX_MS);
	log_warn("disk %.12s: %s", d->q.disk, text);
}

struct disk *disk_get(struct core *c, const struct msg_blk_open *facts,
		      uint64_t stored)
{
	struct disk *d = NULL;

	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		if (c->disks[i].refs && !strcmp(c->disks[i].q.disk, facts->disk)) {
			c->disks[i].refs++;
			return &c->disks[i];
		}
		if (!c->disks[i].refs && !d)
			d = &c->disks[i];
	}
	if (!d)
		return NULL;
	memset(d, 0, sizeof(*d));
	d->index = blob_get(c, facts->disk, facts->index_size);
	if (!d->index)
		return NULL;
	d->refs = 1;
	d->q = *facts;
	d->stored = stored;
	core_kick(c);
	return d;
}

static void on_detached(struct core *c, void *arg, const struct msg *m)
{
	const struct msg_hv_done *d;

	(void)c;
	(void)arg;
	if (!m)
		return;
	d = m->body;
	if (d->rc)
		log_warn("block device: %s", d->text);
}

void disk_put(struct core *c, struct disk *d)
{
	struct msg_hv_detach detach = { 0 };
	struct msg_blk_disk close = { 0 };

	if (!d || --d->refs)
		return;
	log_info("disk %.12s: closed", d->q.disk);
	call_forget(c, d->call);
	air_leave(c, d);
	blob_put(c, d->index);
	memcpy(close.disk, d->q.disk, sizeof(close.disk));
	if (d->attached) {
		detach.device = d->device;
		memcpy(detach.disk, d->q.disk, sizeof(detach.disk));
		call_send(c, MSG_HV, MSG_HV_DETACH, &detach, NULL, 0, NULL, 0,
			  on_detached, NULL);
	}
	if (c->peers[MSG_BLK].ipc)
		core_send(c, MSG_BLK, MSG_BLK_CLOSE, 0, &close, NULL, 0, NULL, 0);
}

void disk_progress(const struct disk *d, uint64_t *done, uint64_t *total)
{
	if (d->q.fill) {
		*total = d->stored;
		*done = d->stats.cached;
	} else if (d->q.bundle_size) {
		*total = d->q.bundle_size;
		*done = d->stats.bundle_have;
	} else {
		*total = d->q.index_size;
		*done = d->state < DISK_OPENING ? 0 : *total;
	}
	if (*done > *total)
		*done = *total;
}

static int is_filled(const struct disk *d)
{
	return !d->q.fill ||
	       (d->stats.chunks && d->stats.chunks_have == d->stats.chunks);
}

void disk_stats(struct core *c, const struct msg_blk_stats *s)
{
	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &c->disks[i];

		if (!d->refs || strcmp(d->q.disk, s->disk) != 0)
			continue;
		if (s->bad > d->stats.bad)
			log_warn("disk %.12s: %llu chunks were wrong and are "
				 "fetched again",
				 s->disk, (unsigned long long)s->bad);
		if (!d->stats.waiting_since_ms && s->waiting_since_ms)
			log_debug("disk %.12s: reads wait", s->disk);
		if (s->bundle_have != d->stats.bundle_have ||
		    (d->state == DISK_FILLING && s->cached != d->stats.cached))
			core_progress(c);
		if (s->offered > d->stats.offered)
			log_info("disk %.12s: %llu bytes from the air", s->disk,
				 (unsigned long long)s->offered);
		d->stats = *s;
		if (s->bundle_have >= d->q.bundle_size)
			air_leave(c, d);
		if (d->state == DISK_FILLING && is_filled(d)) {
			set_state(c, d, DISK_ATTACHING);
			core_kick(c);
		}
		/* The kernel may drop a new socket while it still believes in
		 * the old one: it gets another. */
		if (d->state == DISK_READY && !s->clients) {
			later(d, "the device has lost its socket");
			set_state(c, d, DISK_ATTACHING);
		}
	}
}

/* ---- blk and net ------------------------------------------------------------- */

void disks_link(struct core *c)
{
	struct msg_net_link l = { .repo_port = c->node.segment.repo_port };
	int pair[2];

	if (!c->peers[MSG_NET].ipc || !c->peers[MSG_BLK].ipc)
		return;
	if (ipc_pair(pair)) {
		log_err("no socket pair for blk and net");
		return;
	}
	core_send(c, MSG_NET, MSG_NET_LINK, 0, &l, NULL, 0, &pair[0], 1);
	core_send(c, MSG_BLK, MSG_BLK_LINK, 0, NULL, NULL, 0, &pair[1], 1);
	close(pair[0]);
	close(pair[1]);
}

void disks_lost(struct core *c)
{
	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &c->disks[i];

		if (d->refs &&
		    (d->state == DISK_FILLING || d->state == DISK_ATTACHING ||
		     d->state == DISK_READY)) {
			call_forget(c, d->call);
			d->call = 0;
			set_state(c, d, DISK_OPENING);
		}
	}
}

static void on_attached(struct core *c, void *arg, const struct msg *m)
{
	struct disk *d = arg;
	const struct msg_hv_done *h;

	d->call = 0;
	if (!m)
		return; /* super ends us */
	h = m->body;
	if (h->rc) {
		later(d, h->text);
		set_state(c, d, DISK_OPENING);
		return;
	}
	d->attached = 1;
	d->device = h->device;
	d->fails = 0;
	d->error[0] = '\0';
	core_mark("disk image=%.12s device=%d", d->q.disk, d->device);
	set_state(c, d, DISK_READY);
	core_kick(c);
}

static void on_opened(struct core *c, void *arg, const struct msg *m)
{
	struct disk *d = arg;
	const struct msg_blk_done *b;

	d->call = 0;
	if (!m) {
		later(d, "the blk process died");
		return;
	}
	b = m->body;
	if (b->rc == -EBADMSG || b->rc == -EFBIG) {
		snprintf(d->error, sizeof(d->error), "index: %s", b->text);
		set_state(c, d, DISK_REFUSED);
		return;
	}
	if (b->rc) {
		later(d, b->text);
		return;
	}
	d->size = b->size;
	if (d->q.air)
		air_want(c, d);
	/* Who reads it already must not wait for all of it. */
	set_state(c, d,
		  d->attached || is_filled(d) ? DISK_ATTACHING : DISK_FILLING);
	core_kick(c);
}

static void open_disk(struct core *c, struct disk *d)
{
	d->q.air = air_expected(c, d);
	memset(&d->stats, 0, sizeof(d->stats));
	d->call = call_send(c, MSG_BLK, MSG_BLK_OPEN, &d->q, NULL, 0,
			    &d->index->fd, 1, on_opened, d);
	if (!d->call)
		later(d, "blk takes no request");
}

static void on_served(struct core *c, void *arg, const struct msg *m)
{
	const struct msg_blk_done *b;

	(void)c;
	(void)arg;
	b = m ? m->body : NULL;
	if (b && b->rc)
		log_warn("blk: %s", b->text);
}

static void attach(struct core *c, struct disk *d)
{
	struct msg_blk_disk serve = { 0 };
	struct msg_hv_attach a = { .size = d->size };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		later(d, "no socket pair");
		return;
	}
	memcpy(serve.disk, d->q.disk, sizeof(serve.disk));
	memcpy(a.disk, d->q.disk, sizeof(a.disk));
	if (call_send(c, MSG_BLK, MSG_BLK_SERVE, &serve, NULL, 0, &pair[0], 1,
		      on_served, NULL))
		d->call = call_send(c, MSG_HV, MSG_HV_ATTACH, &a, NULL, 0,
				    &pair[1], 1, on_attached, d);
	close(pair[0]);
	close(pair[1]);
	if (!d->call)
		later(d, "blk or hv takes no request");
}

static void watch_index(struct core *c, struct disk *d)
{
	if (d->index->state == BLOB_REFUSED) {
		snprintf(d->error, sizeof(d->error), "index: %.480s",
			 d->index->error);
		set_state(c, d, DISK_REFUSED);
	} else if (d->index->state == BLOB_READY) {
		set_state(c, d, DISK_OPENING);
		core_kick(c);
	}
}

int64_t disks_step(struct core *c, int64_t now)
{
	int64_t next = NEVER;

	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &c->disks[i];

		if (!d->refs || d->call)
			continue;
		if (now < d->retry_at) {
			next = d->retry_at < next ? d->retry_at : next;
			continue;
		}
		if (d->state == DISK_INDEX)
			watch_index(c, d);
		else if (d->state == DISK_OPENING && c->peers[MSG_BLK].ipc)
			open_disk(c, d);
		else if (d->state == DISK_ATTACHING)
			attach(c, d);
		if (d->retry_at > now && d->retry_at < next)
			next = d->retry_at;
	}
	return next;
}
