/* SPDX-License-Identifier: Apache-2.0 */
/*
 * air - listens to the segment's carousel (carousel.h). It takes datagrams from
 * whoever sends in the gateway's name, so it knows nothing, holds nothing, and
 * what it puts together is for blk to check.
 *
 * Without a carousel it sleeps.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "carousel.h"
#include "cleanup.h"
#include "ipc.h"
#include "log.h"

#define MEMORY (32ULL << 20) /* for blocks that are not whole */

static struct {
	struct loop *loop;
	struct ipc *main, *blk; /* blk: NULL, it is away */
	struct loop_fd *blk_watch;
	struct msg_air_join joined;
	struct carousel_recv *recv; /* NULL: there is no carousel */
} air;

int proc_air_prepare(const struct options *o, struct errinfo *err)
{
	(void)o;
	(void)err;
	return 0;
}

static void blk_lost(void)
{
	loop_fd_del(air.blk_watch);
	ipc_free(air.blk);
	air.blk_watch = NULL;
	air.blk = NULL;
}

/* ---- the receiver's calls ------------------------------------------------------ */

/* The socket is only closed where it is read. */
static void on_data(void *arg, const char *sha256, uint64_t offset,
		    const void *data, size_t len)
{
	struct msg_offer o = { 0 };
	const uint8_t *p = data;
	size_t part;

	(void)arg;
	memcpy(o.sha256, sha256, sizeof(o.sha256));
	for (size_t off = 0; off < len; off += part) {
		part = len - off < MSG_DOC_MAX ? len - off : MSG_DOC_MAX;
		o.offset = offset + off;
		if (!air.blk ||
		    ipc_send(air.blk, MSG_OFFER, 0, &o, p + off, part, NULL, 0))
			return;
	}
}

static void on_idle(void *arg, const char *sha256, int rc)
{
	struct msg_air_idle idle = { .rc = rc };

	(void)arg;
	memcpy(idle.sha256, sha256, sizeof(idle.sha256));
	if (ipc_post(air.main, MSG_AIR_IDLE, 0, &idle))
		exit(EXIT_FAILURE);
}

/* ---- blk ------------------------------------------------------------------------ */

static void on_blk(int fd, short revents, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	const struct msg_offer_range *q;
	struct msg m;
	int r = ipc_recv(air.blk, &m, &err);

	(void)fd;
	(void)revents;
	(void)arg;
	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		blk_lost();
		return;
	}
	if (!r)
		return;
	q = m.body;
	if (m.type == MSG_OFFER_BAD)
		log_warn("blob %.12s: false bytes at %llu", q->sha256,
			 (unsigned long long)q->offset);
	if (air.recv && m.type == MSG_OFFER_BAD)
		carousel_recv_bad(air.recv, q->sha256, q->offset, q->len);
	else if (air.recv)
		carousel_recv_have(air.recv, q->sha256, q->offset, q->len);
}

static void on_link(struct msg *m)
{
	int fd = m->fds[0];

	m->n_fds = 0;
	blk_lost();
	air.blk = ipc_new(fd, MSG_AIR, MSG_BLK, 0);
	if (air.blk)
		air.blk_watch = loop_fd_add(air.loop, fd, POLLIN, on_blk, NULL);
	if (!air.blk_watch)
		exit(EXIT_FAILURE);
}

/* ---- main ----------------------------------------------------------------------- */

/* Our address on the gateway's side: that interface is the one to join on. */
static int own_address(uint32_t gateway, uint32_t *out, struct errinfo *err)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(9) };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sa);

	sa.sin_addr.s_addr = htonl(gateway);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, len) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len))
		return errinfo_set_errno(err, -errno, "no way to the gateway");
	*out = ntohl(sa.sin_addr.s_addr);
	return 0;
}

static int join(const struct msg_air_join *j, struct errinfo *err)
{
	struct carousel_recv_config config = {
		.group = j->group,
		.port = (uint16_t)j->port,
		.sender = j->sender,
		.memory = MEMORY,
	};
	int rc = own_address(j->sender, &config.interface, err);

	if (rc)
		return rc;
	return carousel_recv_new(air.loop, &config, on_data, on_idle, NULL,
				 &air.recv, err);
}

static void on_join(const struct msg_air_join *j)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (air.recv && !memcmp(&air.joined, j, sizeof(*j)))
		return;
	carousel_recv_free(air.recv);
	air.recv = NULL;
	air.joined = *j;
	if (!j->group)
		return;
	rc = join(j, &err);
	if (rc)
		log_warn("carousel: %s", errinfo_text(&err, rc));
	else
		log_info("carousel: joined");
}

static void on_want(const struct msg_air_want *w)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = -ENOTCONN;

	if (air.recv) {
		/* What came before is with a blk that is no more. */
		carousel_recv_leave(air.recv, w->sha256);
		rc = carousel_recv_want(air.recv, w->sha256, w->size, &err);
		if (rc)
			log_warn("carousel: %s", errinfo_text(&err, rc));
	}
	if (rc)
		on_idle(NULL, w->sha256, rc);
}

static void on_main(int fd, short revents, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r = ipc_recv(air.main, &m, &err);

	(void)fd;
	(void)revents;
	(void)arg;
	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		exit(EXIT_FAILURE);
	}
	if (!r)
		return;
	switch (m.type) {
	case MSG_AIR_LINK:
		on_link(&m);
		break;
	case MSG_AIR_JOIN:
		on_join(m.body);
		break;
	case MSG_AIR_WANT:
		on_want(m.body);
		break;
	default: /* MSG_AIR_LEAVE */
		if (air.recv)
			carousel_recv_leave(
				air.recv,
				((const struct msg_air_blob *)m.body)->sha256);
	}
	ipc_close_fds(&m);
}

int proc_air_run(const struct child_fds *fds)
{
	air.main = ipc_new(fds->peer[MSG_MAIN], MSG_AIR, MSG_MAIN, 0);
	air.loop = loop_new();
	if (!air.main || !air.loop ||
	    !loop_fd_add(air.loop, fds->peer[MSG_MAIN], POLLIN, on_main, NULL))
		return EXIT_FAILURE;
	return loop_run(air.loop);
}
