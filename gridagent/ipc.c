/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc - framed messages over SOCK_SEQPACKET.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "ipc.h"

/* What waits to be sent. */
struct packet {
	struct packet *next;
	size_t len;
	int fds[MSG_FDS_MAX];
	int n_fds;
	uint8_t data[];
};

struct ipc {
	int fd;
	enum msg_role self, peer;
	size_t queue_max, queued;
	struct packet *head, **tail;
	_Alignas(16) uint8_t in[MSG_MAX];
};

/* Room for several of the largest messages; the kernel counts overhead. */
#define SOCKET_BUFFER 1048576

int ipc_pair(int fds[2])
{
	int size = SOCKET_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

struct ipc *ipc_new(int fd, enum msg_role self, enum msg_role peer,
		    size_t queue_max)
{
	struct ipc *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->self = self;
	c->peer = peer;
	c->queue_max = queue_max;
	c->tail = &c->head;
	return c;
}

int ipc_fd(const struct ipc *c)
{
	return c->fd;
}

static void packet_free(struct packet *p)
{
	for (int i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	free(p);
}

void ipc_free(struct ipc *c)
{
	struct packet *p;

	if (!c)
		return;
	while ((p = c->head)) {
		c->head = p->next;
		packet_free(p);
	}
	close(c->fd);
	free(c);
}

static struct packet *packet_new(enum msg_type type, uint32_t id,
				 const void *body, const void *tail,
				 size_t tail_len)
{
	struct msg_hdr hdr = { MSG_MAGIC, type, id, (uint32_t)tail_len };
	size_t size = msg_body_size(type);
	struct packet *p = calloc(1, sizeof(*p) + sizeof(hdr) + size + tail_len);

	if (!p)
		return NULL;
	p->len = sizeof(hdr) + size + tail_len;
	memcpy(p->data, &hdr, sizeof(hdr));
	if (size)
		memcpy(p->data + sizeof(hdr), body, size);
	if (tail_len)
		memcpy(p->data + sizeof(hdr) + size, tail, tail_len);
	return p;
}

static int packet_send(int fd, const struct packet *p, int flags)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} ctl = { 0 };
	struct iovec iov = { (void *)(uintptr_t)p->data, p->len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t r;

	if (p->n_fds) {
		mh.msg_control = ctl.buf;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * p->n_fds);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * p->n_fds);
		memcpy(CMSG_DATA(c), p->fds, sizeof(int) * p->n_fds);
	}
	do
		r = sendmsg(fd, &mh, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int packet_enqueue(struct ipc *c, struct packet *p)
{
	if (c->queued + p->len > c->queue_max) {
		p->n_fds = 0;
		packet_free(p);
		return -ENOBUFS;
	}
	/* The caller keeps its descriptors: hold our own until it is sent. */
	for (int i = 0; i < p->n_fds; i++) {
		p->fds[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, 3);
		if (p->fds[i] < 0) {
			p->n_fds = i;
			packet_free(p);
			return -EMFILE;
		}
	}
	*c->tail = p;
	c->tail = &p->next;
	c->queued += p->len;
	return 0;
}

int ipc_send(struct ipc *c, enum msg_type type, uint32_t id, const void *body,
	     const void *tail, size_t tail_len, const int *fds, int n_fds)
{
	int flags = c->queue_max ? MSG_DONTWAIT : 0;
	struct packet *p;
	int rc = -EAGAIN;

	if (n_fds > MSG_FDS_MAX || tail_len > MSG_DOC_MAX)
		return -EINVAL;
	p = packet_new(type, id, body, tail, tail_len);
	if (!p)
		return -ENOMEM;
	if (n_fds)
		memcpy(p->fds, fds, sizeof(int) * n_fds);
	p->n_fds = n_fds;
	if (!c->head)
		rc = packet_send(c->fd, p, flags);
	if (rc == -EAGAIN && c->queue_max)
		return packet_enqueue(c, p);
	p->n_fds = 0; /* borrowed */
	packet_free(p);
	return rc;
}

int ipc_post(struct ipc *c, enum msg_type type, uint32_t id, const void *body)
{
	return ipc_send(c, type, id, body, NULL, 0, NULL, 0);
}

int ipc_queued(const struct ipc *c)
{
	return c->head != NULL;
}

int ipc_flush(struct ipc *c)
{
	struct packet *p;
	int rc;

	while ((p = c->head)) {
		rc = packet_send(c->fd, p, MSG_DONTWAIT);
		if (rc)
			return rc == -EAGAIN ? 0 : rc;
		c->queued -= p->len;
		c->head = p->next;
		if (!c->head)
			c->tail = &c->head;
		packet_free(p);
	}
	return 0;
}

static void take_fds(struct msghdr *mh, struct msg *out)
{
	struct cmsghdr *c;
	size_t n;

	out->n_fds = 0;
	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > MSG_FDS_MAX)
			n = MSG_FDS_MAX; /* cannot be: no room for more */
		memcpy(out->fds, CMSG_DATA(c), n * sizeof(int));
		out->n_fds = (int)n;
	}
}

void ipc_close_fds(struct msg *m)
{
	for (int i = 0; i < m->n_fds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->n_fds = 0;
}

int ipc_recv(struct ipc *c, struct msg *out, struct errinfo *err)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} ctl;
	struct iovec iov = { c->in, sizeof(c->in) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = ctl.buf,
			     .msg_controllen = sizeof(ctl.buf) };
	int flags = MSG_CMSG_CLOEXEC | (c->queue_max ? MSG_DONTWAIT : 0);
	ssize_t r;
	int rc;

	do
		r = recvmsg(c->fd, &mh, flags);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		return 0;
	if (r <= 0)
		return errinfo_set(err, -EPIPE, "%s is gone",
				   msg_role_name(c->peer));
	take_fds(&mh, out);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		rc = errinfo_set(err, -EPROTO, "message cut short");
	else
		rc = msg_decode(c->peer, c->self, c->in, (size_t)r, out->n_fds,
				out, err);
	if (rc) {
		ipc_close_fds(out);
		return errinfo_wrap(err, rc, "from %s", msg_role_name(c->peer));
	}
	return 1;
}
