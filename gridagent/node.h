/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - what the sources of struct node share (core.h has the rest):
 * node.c the states, node-enrol.c the way to a lease, node-lease.c what goes on
 * under it.
 */
#ifndef NODE_H
#define NODE_H

#include "core.h"

#define NODE_RETRY_MS     500
#define NODE_RETRY_MAX_MS 30000

/* ---- node.c ------------------------------------------------------------ */

void node_set_state(struct core *c, enum node_state s);
/* A request of this state failed: says so and tries again later. */
void node_trouble(struct core *c, const char *what, const char *text);
/* Documents that do not verify, again and again: ask anew who the gateway is
 * and what time it has. */
void node_doubt(struct core *c, unsigned int fails);
/* What a refusal of a signed request means. Returns 1 if we are fenced now. */
int node_refused(struct core *c, const struct http_reply *r);
/* One line of what the gateway said: it is JSON, and not ours to read. */
const char *node_reply_text(const struct http_reply *r, char *buf, size_t size);
/* Has a document checked. Returns 0 if it cannot be now. */
uint32_t node_verify(struct core *c, enum msg_doc kind,
		     const struct http_reply *r, call_fn fn);
/* Why the verify process refused it; NULL: it did not. */
const char *node_verdict(const struct msg *m);

/* ---- node-enrol.c, node-lease.c: one request each ---------------------- */

void node_ask_segment(struct core *c);
void node_ask_enrol(struct core *c);
void node_send_report(struct core *c, int64_t now);
void node_ask_desired(struct core *c);

#endif
