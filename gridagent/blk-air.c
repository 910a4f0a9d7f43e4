/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk-air - what the air process offers: bytes of bundles that nobody asked
 * for, and nobody has checked.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "blk.h"
#include "log.h"

#define QUEUE_MAX        65536 /* bytes of complaints that air does not take */
#define MESSAGES_A_ROUND 32    /* the disks' readers want their turn */

static struct {
	struct ipc *air; /* NULL: away */
	struct loop_fd *watch;
} link;

static void lost(void)
{
	loop_fd_del(link.watch);
	ipc_free(link.air);
	link.watch = NULL;
	link.air = NULL;
}

static void on_offer(const struct msg *m)
{
	const struct msg_offer *o = m->body;
	struct msg_offer_bad bad = { .offset = o->offset, .len = m->tail_len };

	if (!m->tail_len ||
	    !blk_offer(o->sha256, o->offset, m->tail, m->tail_len))
		return;
	memcpy(bad.sha256, o->sha256, sizeof(bad.sha256));
	/* A complaint that is lost costs what comes next, no more. */
	if (ipc_post(link.air, MSG_OFFER_BAD, 0, &bad))
		log_debug("air takes no complaint");
}

static void on_air(int fd, short revents, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r = 0;

	(void)fd;
	(void)arg;
	if (revents & POLLOUT)
		ipc_flush(link.air);
	for (int i = 0; i < MESSAGES_A_ROUND; i++) {
		r = ipc_recv(link.air, &m, &err);
		if (r <= 0)
			break;
		on_offer(&m);
		ipc_close_fds(&m);
	}
	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		lost();
		return;
	}
	loop_fd_set_events(link.watch,
			   POLLIN | (ipc_queued(link.air) ? POLLOUT : 0));
}

int blk_air_link(struct loop *loop, int fd)
{
	lost();
	link.air = ipc_new(fd, MSG_BLK, MSG_AIR, QUEUE_MAX);
	if (!link.air)
		return -ENOMEM;
	link.watch = loop_fd_add(loop, fd, POLLIN, on_air, NULL);
	return link.watch ? 0 : -ENOMEM;
}
