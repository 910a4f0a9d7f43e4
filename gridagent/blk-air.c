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
#define STRETCHES_MAX    16    /* told of at once */

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

/* What is lost of these costs what comes for nothing, no more. */
static void say(enum msg_type type, const char *sha256, uint64_t offset,
		uint64_t len)
{
	struct msg_offer_range r = { .offset = offset, .len = len };

	memcpy(r.sha256, sha256, sizeof(r.sha256));
	if (ipc_post(link.air, type, 0, &r))
		log_debug("air takes no message");
	loop_fd_set_events(link.watch,
			   POLLIN | (ipc_queued(link.air) ? POLLOUT : 0));
}

void blk_air_have(const char *sha256, const struct imagedev *dev)
{
	uint64_t start, end = 0;

	for (int i = 0; link.air && i < STRETCHES_MAX; i++) {
		if (imagedev_bundle_had(dev, end, &start, &end))
			return;
		say(MSG_OFFER_HAVE, sha256, start, end - start);
	}
}

static void on_offer(const struct msg *m)
{
	const struct msg_offer *o = m->body;

	if (!m->tail_len ||
	    !blk_offer(o->sha256, o->offset, m->tail, m->tail_len))
		return;
	say(MSG_OFFER_BAD, o->sha256, o->offset, m->tail_len);
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
