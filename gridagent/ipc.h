/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc - one end of a socket pair between two processes of the agent.
 *
 * Children send blocking: they have nothing else to do. Main queues (bounded)
 * what a child does not take at once, so that it never waits for one: a child
 * may itself be waiting for main to read.
 */
#ifndef IPC_H
#define IPC_H

#include "messages.h"

struct ipc;

/* Takes ownership of fd. queue_max: bytes kept back, 0: block instead. NULL if
 * out of memory. */
struct ipc *ipc_new(int fd, enum msg_role self, enum msg_role peer,
		    size_t queue_max);
void ipc_free(struct ipc *c); /* closes; NULL is fine */
int ipc_fd(const struct ipc *c);

/* A pair of connected sockets, close-on-exec, with room for a few messages. */
int ipc_pair(int fds[2]);

/* body must be the type's struct (NULL if it has none). fds are borrowed.
 * 0; -ENOBUFS: the queue is full, the peer is stuck; other negative errno. */
int ipc_send(struct ipc *c, enum msg_type type, uint32_t id, const void *body,
	     const void *tail, size_t tail_len, const int *fds, int n_fds);
/* Without tail and descriptors. */
int ipc_post(struct ipc *c, enum msg_type type, uint32_t id, const void *body);

/* Receives one message, valid until the next call. 1; 0: none there; -EPIPE:
 * the peer is gone; -EPROTO: it sent nonsense, *err says what. */
int ipc_recv(struct ipc *c, struct msg *out, struct errinfo *err);
void ipc_close_fds(struct msg *m);

int ipc_queued(const struct ipc *c); /* wait for POLLOUT? */
int ipc_flush(struct ipc *c);

#endif
