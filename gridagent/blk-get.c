/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk-get - ranges of blobs, asked of the net process. While net is away
 * requests are kept, and sent once it is there again.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "blk.h"
#include "log.h"

#define GETS_MAX  64
#define QUEUE_MAX 262144 /* bytes of requests that net does not take yet */

struct get {
	struct blk_source *source; /* NULL: free */
	uint64_t id;               /* the disk's */
	uint32_t wire;             /* net's */
	struct msg_get q;
	int sent;
};

static struct {
	struct ipc *net; /* NULL: away */
	struct loop_fd *watch;
	uint32_t last;
	struct get gets[GETS_MAX];
} link;

_Static_assert((int)IMAGEDEV_DEMAND == (int)MSG_DEMAND &&
		       (int)IMAGEDEV_FILL == (int)MSG_FILL,
	       "priorities are the same");

static void lost(void)
{
	struct get g;

	loop_fd_del(link.watch);
	ipc_free(link.net);
	link.watch = NULL;
	link.net = NULL;
	for (int i = 0; i < GETS_MAX; i++) {
		g = link.gets[i];
		if (!g.source || !g.sent)
			continue;
		link.gets[i].source = NULL;
		imagedev_end(g.source->dev, g.id, -EPIPE);
	}
}

static void post(enum msg_type type, uint32_t wire, const void *body)
{
	if (!link.net)
		return;
	/* A socket that broke is seen when it is read. */
	if (ipc_post(link.net, type, wire, body) == -ENOBUFS)
		log_warn("net takes no request");
	loop_fd_set_events(link.watch,
			   POLLIN | (ipc_queued(link.net) ? POLLOUT : 0));
}

static void send_get(struct get *g)
{
	g->wire = ++link.last ? link.last : ++link.last;
	g->sent = 1;
	post(MSG_GET, g->wire, &g->q);
}

/* Within imagedev_data() and imagedev_end() a disk may ask anew and cancel. */
static void on_message(const struct msg *m)
{
	struct get *g = NULL;
	struct get was;

	for (int i = 0; i < GETS_MAX && !g; i++)
		if (link.gets[i].source && link.gets[i].sent &&
		    link.gets[i].wire == m->id)
			g = &link.gets[i];
	if (!g)
		return; /* cancelled meanwhile */
	if (m->type == MSG_GET_DATA) {
		imagedev_data(g->source->dev, g->id, m->tail, m->tail_len);
		return;
	}
	was = *g;
	g->source = NULL;
	imagedev_end(was.source->dev, was.id,
		     ((const struct msg_get_end *)m->body)->rc);
}

#define MESSAGES_A_ROUND 32 /* the disks' readers want their turn */

static void on_net(int fd, short revents, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct ipc *net = link.net;
	struct msg m;
	int r = 0;

	(void)fd;
	(void)arg;
	if (revents & POLLOUT)
		ipc_flush(net);
	for (int i = 0; i < MESSAGES_A_ROUND && link.net == net; i++) {
		r = ipc_recv(net, &m, &err);
		if (r <= 0)
			break;
		on_message(&m);
		ipc_close_fds(&m);
	}
	if (link.net != net)
		return;
	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		lost();
		return;
	}
	loop_fd_set_events(link.watch, POLLIN | (ipc_queued(net) ? POLLOUT : 0));
}

int blk_get_link(struct loop *loop, int fd)
{
	if (link.net)
		lost();
	link.net = ipc_new(fd, MSG_BLK, MSG_NET, QUEUE_MAX);
	if (!link.net)
		return -ENOMEM;
	link.watch = loop_fd_add(loop, fd, POLLIN, on_net, NULL);
	if (!link.watch)
		return -ENOMEM;
	for (int i = 0; i < GETS_MAX; i++)
		if (link.gets[i].source && !link.gets[i].sent)
			send_get(&link.gets[i]);
	return 0;
}

static int get(void *arg, uint64_t id, enum imagedev_priority priority,
	       const char *sha256, uint64_t offset, uint64_t len)
{
	struct get *g = NULL;

	for (int i = 0; i < GETS_MAX && !g; i++)
		if (!link.gets[i].source)
			g = &link.gets[i];
	if (!g)
		return -EAGAIN;
	memset(g, 0, sizeof(*g));
	g->source = arg;
	g->id = id;
	g->q.priority = (int32_t)priority;
	g->q.offset = offset;
	g->q.len = len;
	memcpy(g->q.sha256, sha256, sizeof(g->q.sha256));
	if (link.net)
		send_get(g);
	return 0;
}

static void cancel(void *arg, uint64_t id)
{
	for (int i = 0; i < GETS_MAX; i++) {
		struct get *g = &link.gets[i];

		if (g->source != arg || g->id != id)
			continue;
		g->source = NULL;
		if (g->sent)
			post(MSG_GET_CANCEL, g->wire, NULL);
	}
}

void blk_get_source(struct blk_source *s, struct imagedev_source *out)
{
	out->get = get;
	out->cancel = cancel;
	out->arg = s;
}

void blk_get_forget(struct blk_source *s)
{
	for (int i = 0; i < GETS_MAX; i++)
		if (link.gets[i].source == s)
			cancel(s, link.gets[i].id);
}
