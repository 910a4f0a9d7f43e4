/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench - a gateway to try rules on: a network namespace whose interfaces end
 * in this process.
 *
 *	seg0	the segment (Ethernet)		10.77.0.1/16
 *	wg0	the tunnel (IP packets)		10.77.128.0/17
 *	up0	the uplink (Ethernet)		10.99.0.1/24, default route
 *
 * What is written into one arrives at the gateway's kernel; what that sends is
 * read. What its kernel delivers to itself behind the input hook is heard by
 * raw sockets. IPv6 is on and routed, source addresses are not checked by route
 * (rp_filter off), so that only the rules stand in the way.
 */
#ifndef BENCH_H
#define BENCH_H

#include "acl.h"
#include "errinfo.h"
#include "wire.h"

enum bench_port {
	BENCH_SEGMENT,
	BENCH_TUNNEL,
	BENCH_UPLINK,
	BENCH_LOCAL, /* heard: delivered to the gateway; sent: by it */
	BENCH_PORTS
};

/* Makes and enters the namespace, loads rules (nft text), then brings its
 * interfaces up; once per process. -EPERM: not here. */
int bench_open(const char *rules, struct errinfo *err);
/* Runs nft text there. */
int bench_load(const char *text, struct errinfo *err);
/* The same as JSON. */
int bench_load_json(const char *json, struct errinfo *err);
/* All that is there, as JSON; caller frees. NULL: trouble. */
char *bench_list_json(void);
/* Forgets all connections: the next packets are new ones. */
int bench_forget(struct errinfo *err);

/* Interface or socket takes it: 0, or -errno (an answer as well: the kernel
 * itself refuses what LOCAL may not send, -EPERM is a rule's drop). */
int bench_send(enum bench_port port, const struct wire_frame *f);

typedef void (*bench_heard_fn)(enum bench_port port, const uint8_t *data,
			       size_t len, void *arg);
/* Hands over what came out, once something did; 0: nothing for wait_ms. */
int bench_listen(int wait_ms, bench_heard_fn fn, void *arg);

const char *bench_interface(enum bench_port port);
extern const uint8_t bench_gateway_mac[6], bench_uplink_mac[6];

#endif
