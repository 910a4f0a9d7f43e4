/* SPDX-License-Identifier: Apache-2.0 */
/*
 * air - bundles from the segment's carousel, where it has one. They are a gift:
 * the disk asks over HTTP for what does not come, soon.
 */
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "log.h"

static int is_here(const struct core *c)
{
	return c->node.segment.carousel && c->peers[MSG_AIR].ipc;
}

int air_expected(const struct core *c, const struct disk *d)
{
	return is_here(c) && d->q.bundle_size > 0;
}

void air_link(struct core *c)
{
	int pair[2];

	if (!c->peers[MSG_AIR].ipc || !c->peers[MSG_BLK].ipc)
		return;
	if (ipc_pair(pair)) {
		log_err("no socket pair for blk and air");
		return;
	}
	core_send(c, MSG_AIR, MSG_AIR_LINK, 0, NULL, NULL, 0, &pair[0], 1);
	core_send(c, MSG_BLK, MSG_BLK_AIR, 0, NULL, NULL, 0, &pair[1], 1);
	close(pair[0]);
	close(pair[1]);
}

void air_join(struct core *c)
{
	struct msg_air_join j = { .group = c->node.segment.carousel,
				  .port = c->node.segment.carousel_port,
				  .sender = core_gateway(c) };

	if (!c->peers[MSG_AIR].ipc || !j.sender)
		return;
	core_send(c, MSG_AIR, MSG_AIR_JOIN, 0, &j, NULL, 0, NULL, 0);
}

void air_want(struct core *c, struct disk *d)
{
	struct msg_air_want w = { .size = d->q.bundle_size };

	if (!air_expected(c, d))
		return;
	memcpy(w.sha256, d->q.bundle, sizeof(w.sha256));
	d->air = !core_send(c, MSG_AIR, MSG_AIR_WANT, 0, &w, NULL, 0, NULL, 0);
}

void air_leave(struct core *c, struct disk *d)
{
	struct msg_air_blob b;

	if (!d->air)
		return;
	d->air = 0;
	for (int i = 0; i < MSG_DISKS_MAX; i++)
		if (c->disks[i].refs && c->disks[i].air &&
		    !strcmp(c->disks[i].q.bundle, d->q.bundle))
			return; /* another disk has the same */
	memcpy(b.sha256, d->q.bundle, sizeof(b.sha256));
	if (c->peers[MSG_AIR].ipc)
		core_send(c, MSG_AIR, MSG_AIR_LEAVE, 0, &b, NULL, 0, NULL, 0);
}

static void stop_waiting(struct core *c, const struct disk *d)
{
	struct msg_blk_disk off;

	memcpy(off.disk, d->q.disk, sizeof(off.disk));
	if (c->peers[MSG_BLK].ipc)
		core_send(c, MSG_BLK, MSG_BLK_OFF_AIR, 0, &off, NULL, 0, NULL, 0);
}

void air_idle(struct core *c, const struct msg_air_idle *m)
{
	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &c->disks[i];

		if (!d->refs || strcmp(d->q.bundle, m->sha256) != 0)
			continue;
		if (m->rc)
			log_info("disk %.12s: carousel: %s", d->q.disk,
				 strerror(-m->rc));
		stop_waiting(c, d);
		if (!m->rc)
			air_leave(c, d);
	}
}

/* What it had in hand comes over HTTP; blk must not wait for it. */
void air_lost(struct core *c)
{
	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &c->disks[i];

		if (d->refs && d->air)
			stop_waiting(c, d);
		d->air = 0;
	}
}

void air_resume(struct core *c)
{
	air_join(c);
	for (int i = 0; i < MSG_DISKS_MAX; i++) {
		struct disk *d = &c->disks[i];

		if (d->refs && d->stats.bundle_have < d->q.bundle_size &&
		    (d->state == DISK_ATTACHING || d->state == DISK_READY))
			air_want(c, d);
	}
}
