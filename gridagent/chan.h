/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan - carries the agent's messages between two domains.
 *
 *	dom0				netdom
 *	main --- socket ---\	    /--- socket --- net
 *	main --- socket ----chan====chan--- socket --- air
 *	blk ---- socket ---/   wire \--- socket --- net
 *
 * Each side has packet sockets to processes of its own and one byte stream, the
 * wire (libxenvchan), to the other. A packet that came from socket N is given
 * to the other side's socket N as it is; what it says is for its receiver to
 * check. A descriptor cannot leave its domain: one that main sends along stays
 * here and becomes a new stream, and the other side makes a socket pair, keeps
 * one end of it as that stream and sends the other end along instead.
 *
 *	+--------+--------+--------+--------+---------------------+
 *	| magic  | stream | len    | opens  | the packet, len B   |
 *	| u32    | u32    | u32    | u32    |                     |
 *	+--------+--------+--------+--------+---------------------+
 *
 * stream 0, sent first and never again: hello. len 0: the stream is closed.
 * opens: the new stream that a descriptor became, or 0; only dom0 sends some,
 * numbered in turn. Streams 1 to `roots` are there from the start, and the end
 * of one of them is the end of all.
 *
 * Whatever the other side sends, this one holds at most one packet of it and
 * MSG_MAX bytes; anything that is not as above ends the connection.
 */
#ifndef CHAN_H
#define CHAN_H

#include <poll.h>
#include <sys/types.h>

#include "messages.h"

#define CHAN_MAGIC       0x4e534331u /* "NSC1" */
#define CHAN_STREAMS_MAX 16

struct chan_frame {
	uint32_t magic, stream, len, opens;
};
_Static_assert(sizeof(struct chan_frame) == 16, "wire format");

/* A byte stream that never blocks. read and write return bytes, 0: not now, or
 * a negative errno (-EPIPE: the other side is gone). */
struct wire {
	int fd;
	short full; /* poll says that when it takes bytes again; POLLOUT: a
		     * socket, POLLIN: events are told once */
	int (*event)(struct wire *w); /* poll said something: 0, -EPIPE */
	ssize_t (*read)(struct wire *w, void *data, size_t len);
	ssize_t (*write)(struct wire *w, const void *data, size_t len);
	void *arg;
};

enum chan_side { CHAN_DOM0, CHAN_NETDOM };

/* Carries until one side ends; takes ownership of the roots. Returns -EPIPE if
 * a root or the wire was closed, -EPROTO: the other side sent nonsense, or
 * another negative errno. */
int chan_run(struct wire *w, enum chan_side side, const int *roots, int n,
	     struct errinfo *err);

/* What proc_chan_run() of dom0 carries over. */
void proc_chan_use(const struct wire *w);

/* netdom's end: waits for nobody. */
int wire_vchan_serve(struct wire *w, struct errinfo *err);
/* dom0's end: -EAGAIN while there is none to connect to. */
int wire_vchan_connect(struct wire *w, unsigned int domid, struct errinfo *err);

#endif
