/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan - see chan.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan.h"
#include "cleanup.h"
#include "ipc.h"

#define PACKETS_A_ROUND 16 /* then the other direction has its turn */

struct stream {
	uint32_t id; /* 0: free */
	int fd;
	int ended; /* the other side must be told */
};

struct packet { /* as it goes over the wire */
	struct chan_frame f;
	uint8_t data[MSG_MAX];
};

struct chan {
	struct wire *wire;
	enum chan_side side;
	uint32_t roots, last; /* streams with ids up to `last` are or were */
	struct stream streams[CHAN_STREAMS_MAX];
	int next; /* whose turn it is to be read */
	struct packet in, out;
	size_t in_len, out_len, out_off; /* bytes here; out_len 0: none */
	int in_fd;                       /* to send along; -1: none */
	int greeted, stuck;              /* stuck: in's receiver is slow */
	struct errinfo *err;
};

static struct stream *find(struct chan *c, uint32_t id)
{
	for (int i = 0; i < CHAN_STREAMS_MAX; i++)
		if (c->streams[i].id == id)
			return &c->streams[i];
	return NULL;
}

/* Takes ownership of fd. */
static struct stream *add(struct chan *c, int fd)
{
	struct stream *s = find(c, 0);

	if (!s) {
		close(fd);
		return NULL;
	}
	*s = (struct stream){ .id = ++c->last, .fd = fd };
	return s;
}

static int end(struct chan *c, struct stream *s)
{
	if (s->id <= c->roots)
		return errinfo_set(c->err, -EPIPE, "stream %u is closed", s->id);
	close(s->fd);
	s->id = 0;
	return 0;
}

/* ---- from the sockets to the wire ----------------------------------------- */

static void frame(struct chan *c, uint32_t stream, uint32_t len, uint32_t opens)
{
	c->out.f = (struct chan_frame){ CHAN_MAGIC, stream, len, opens };
	c->out_len = sizeof(c->out.f) + len;
	c->out_off = 0;
}

static int close_fds(struct msghdr *mh, int *fd)
{
	struct cmsghdr *cm;
	int n = 0, got;

	for (cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t off = CMSG_LEN(0); off < cm->cmsg_len;
		     off += sizeof(got)) {
			memcpy(&got, (uint8_t *)cm + off, sizeof(got));
			if (n++)
				close(got);
			else
				*fd = got;
		}
	}
	return n;
}

/* 1: a packet; 0: none there; -EPIPE: closed. *fd: what came with it, or -1. */
static int take(struct chan *c, struct stream *s, size_t *len, int *fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} ctl;
	struct iovec iov = { c->out.data, sizeof(c->out.data) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = ctl.buf,
			     .msg_controllen = sizeof(ctl.buf) };
	ssize_t r;

	*fd = -1;
	r = recvmsg(s->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (r <= 0)
		return -EPIPE;
	if (close_fds(&mh, fd) > 1 || mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    (*fd >= 0 && c->side != CHAN_DOM0)) {
		if (*fd >= 0)
			close(*fd);
		return errinfo_set(c->err, -EPROTO,
				   "stream %u: not to be carried", s->id);
	}
	*len = (size_t)r;
	return 1;
}

static int read_stream(struct chan *c, struct stream *s)
{
	struct stream *opened = NULL;
	size_t len = 0;
	int fd, r = take(c, s, &len, &fd);

	if (r == -EPIPE) {
		s->ended = 1;
		return 0;
	}
	if (r <= 0)
		return r;
	if (fd >= 0) {
		opened = add(c, fd);
		if (!opened)
			return errinfo_set(c->err, -EMFILE, "too many streams");
	}
	frame(c, s->id, (uint32_t)len, opened ? opened->id : 0);
	return 0;
}

static int tell_end(struct chan *c, struct stream *s)
{
	uint32_t id = s->id;
	int rc = end(c, s);

	if (!rc)
		frame(c, id, 0, 0);
	return rc;
}

/* Fills out from the next stream that has something. */
static int fill(struct chan *c)
{
	int rc = 0;

	for (int i = 0; i < CHAN_STREAMS_MAX && !c->out_len && !rc; i++) {
		struct stream *s = &c->streams[c->next];

		c->next = (c->next + 1) % CHAN_STREAMS_MAX;
		if (!s->id)
			continue;
		if (!s->ended)
			rc = read_stream(c, s);
		if (!rc && s->ended)
			rc = tell_end(c, s);
	}
	return rc;
}

static int pump_out(struct chan *c)
{
	ssize_t n;
	int rc;

	for (int i = 0; i < PACKETS_A_ROUND; i++) {
		if (!c->out_len) {
			rc = fill(c);
			if (rc || !c->out_len)
				return rc;
		}
		n = c->wire->write(c->wire, (uint8_t *)&c->out + c->out_off,
				   c->out_len - c->out_off);
		if (n < 0)
			return errinfo_set(c->err, (int)n, "wire is closed");
		c->out_off += (size_t)n;
		if (c->out_off < c->out_len)
			return 0;
		c->out_len = 0;
	}
	return 0;
}

/* ---- from the wire to the sockets ----------------------------------------- */

static int check(struct chan *c)
{
	const struct chan_frame *f = &c->in.f;

	if (f->magic != CHAN_MAGIC || f->len > MSG_MAX)
		return errinfo_set(c->err, -EPROTO, "not a frame");
	if (!f->stream != !c->greeted || (!f->stream && (f->len || f->opens)))
		return errinfo_set(c->err, -EPROTO,
				   c->greeted ? "connected anew" : "no hello");
	if (f->opens && (c->side == CHAN_DOM0 || f->opens != c->last + 1))
		return errinfo_set(c->err, -EPROTO, "may not open stream %u",
				   f->opens);
	if (f->stream > c->last || (f->opens && !f->len))
		return errinfo_set(c->err, -EPROTO, "no stream %u", f->stream);
	return 0;
}

/* The other side has sent a descriptor: an end of a pair stands for it. */
static int open_stream(struct chan *c)
{
	int pair[2], rc = ipc_pair(pair);

	if (rc)
		return errinfo_set_errno(c->err, rc, "socket pair");
	c->in_fd = pair[1];
	if (!add(c, pair[0]))
		return errinfo_set(c->err, -EMFILE, "too many streams");
	return 0;
}

static int send_packet(int to, const struct packet *p, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { (void *)(uintptr_t)p->data, p->f.len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (fd >= 0) {
		mh.msg_control = ctl.buf;
		mh.msg_controllen = sizeof(ctl.buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	return sendmsg(to, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void done_in(struct chan *c)
{
	if (c->in_fd >= 0)
		close(c->in_fd);
	c->in_fd = -1;
	c->in_len = 0;
	c->stuck = 0;
}

/* in is whole. What is for a stream that has ended here is dropped. */
static int deliver(struct chan *c)
{
	struct stream *s = find(c, c->in.f.stream);
	int rc = 0;

	if (!c->in.f.stream)
		c->greeted = 1;
	else if (s && !c->in.f.len)
		rc = end(c, s);
	else if (s && !s->ended)
		rc = send_packet(s->fd, &c->in, c->in_fd);
	if (rc == -EAGAIN) {
		c->stuck = 1;
		return 0;
	}
	if (s && c->in.f.len && rc) {
		s->ended = 1;
		rc = 0;
	}
	done_in(c);
	return rc;
}

/* Reads up to `want` bytes of in. 1: they are here. */
static int want(struct chan *c, size_t want)
{
	ssize_t n;

	if (c->in_len >= want)
		return 1;
	n = c->wire->read(c->wire, (uint8_t *)&c->in + c->in_len,
			  want - c->in_len);
	if (n < 0)
		return errinfo_set(c->err, (int)n, "wire is closed");
	c->in_len += (size_t)n;
	return c->in_len >= want;
}

/* One frame. 1: it is dealt with; 0: not all of it is here. */
static int read_wire(struct chan *c)
{
	int had = c->in_len >= sizeof(c->in.f), r;

	r = want(c, sizeof(c->in.f));
	if (r <= 0)
		return r;
	r = had ? 0 : check(c);
	if (!r && !had && c->in.f.opens)
		r = open_stream(c);
	if (r)
		return r;
	r = want(c, sizeof(c->in.f) + c->in.f.len);
	if (r <= 0)
		return r;
	r = deliver(c);
	return r ? r : !c->stuck;
}

/* 1: there may be more. */
static int pump_in(struct chan *c)
{
	int r = 1;

	if (c->stuck) {
		r = deliver(c);
		if (r || c->stuck)
			return r;
		r = 1;
	}
	for (int i = 0; i < PACKETS_A_ROUND && r > 0; i++)
		r = read_wire(c);
	return r;
}

/* ---- both ------------------------------------------------------------------ */

static int is_stuck_at(const struct chan *c, const struct stream *s)
{
	return c->stuck && c->in.f.stream == s->id;
}

/* Waits for what may go on; busy: only looks. POLLHUP is told always: who has
 * nothing to wait for is left out. */
static int wait_for(struct chan *c, int busy)
{
	int is_socket = c->wire->full == POLLOUT;
	struct pollfd p[CHAN_STREAMS_MAX + 1];
	nfds_t n = 1;

	p[0].events = (short)((c->stuck && is_socket ? 0 : POLLIN) |
			      (c->out_len ? c->wire->full : 0));
	p[0].fd = p[0].events ? c->wire->fd : -1;
	p[0].revents = 0;
	for (int i = 0; i < CHAN_STREAMS_MAX; i++) {
		const struct stream *s = &c->streams[i];
		int events = (c->out_len ? 0 : POLLIN) |
			     (is_stuck_at(c, s) ? POLLOUT : 0);

		if (s->id && events)
			p[n++] = (struct pollfd){ s->fd, (short)events, 0 };
	}
	if (poll(p, n, busy ? 0 : -1) < 0 && errno != EINTR)
		return errinfo_set_errno(c->err, -errno, "poll");
	return p[0].revents ? c->wire->event(c->wire) : 0;
}

int chan_run(struct wire *w, enum chan_side side, const int *roots, int n,
	     struct errinfo *err)
{
	static struct chan self;
	struct chan *c = &self;
	int rc = 0, busy;

	*c = (struct chan){ .wire = w, .side = side, .in_fd = -1, .err = err };
	for (int i = 0; i < n; i++)
		add(c, roots[i]);
	c->roots = c->last;
	frame(c, 0, 0, 0);
	while (!rc) {
		rc = pump_out(c);
		if (rc)
			break;
		busy = pump_in(c);
		rc = busy < 0 ? busy : wait_for(c, busy);
	}
	for (int i = 0; i < CHAN_STREAMS_MAX; i++)
		if (c->streams[i].id)
			close(c->streams[i].fd);
	done_in(c);
	return rc;
}
