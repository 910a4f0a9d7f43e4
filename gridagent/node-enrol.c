/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node-enrol - who the gateway is, and a lease from it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "hash.h"
#include "log.h"
#include "parse.h"

#include "node.h"

#define DENIED_MS 15000 /* the list has changed at the earliest then */

/* ---- segment ------------------------------------------------------------ */

static void on_clock(struct core *c, void *arg, const struct msg *m)
{
	const struct msg_hv_done *d = m ? m->body : NULL;

	(void)c;
	(void)arg;
	if (d && d->rc)
		log_warn("%s", d->text); /* only people read it */
}

static void on_segment_verified(struct core *c, void *arg, const struct msg *m)
{
	struct node *n = &c->node;
	struct msg_hv_clock clock;
	const char *why;

	(void)arg;
	if (m && m->type == MSG_VERIFY_SEGMENT) {
		memcpy(&n->segment, m->body, sizeof(n->segment));
		n->time_boot_ms = clock_boot_ms();
		return;
	}
	why = node_verdict(m);
	if (why) {
		node_trouble(c, "segment statement", why);
		return;
	}
	log_info("segment %s", n->segment.segment);
	if (n->segment.repo_port)
		disks_link(c); /* over HTTP/2 from now on */
	air_join(c);
	clock.unix_ms = n->segment.time_ms;
	call_send(c, MSG_HV, MSG_HV_CLOCK, &clock, NULL, 0, NULL, 0, on_clock,
		  NULL);
	node_set_state(c, NODE_ENROL);
}

static void on_segment(struct core *c, void *arg, const struct http_reply *r)
{
	char text[MSG_TEXT_LEN];

	(void)arg;
	if (r->status != 200)
		node_trouble(c, "segment statement",
			     node_reply_text(r, text, sizeof(text)));
	else if (!node_verify(c, MSG_DOC_SEGMENT, r, on_segment_verified))
		node_trouble(c, "segment statement", "not now");
}

void node_ask_segment(struct core *c)
{
	struct node *n = &c->node;
	uint8_t nonce[HASH_LEN];
	char path[128];

	if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
		return;
	format_hex(nonce, sizeof(nonce), n->nonce);
	snprintf(path, sizeof(path), "/v1/node/segment?nonce=%s", n->nonce);
	if (http_get(c, path, MSG_DOC_MAX, NULL, on_segment, NULL))
		n->busy = 1;
	else
		node_trouble(c, "segment statement", "not now");
}

/* ---- enrol and lease ----------------------------------------------------- */

static void on_lease_verified(struct core *c, void *arg, const struct msg *m)
{
	struct node *n = &c->node;
	const char *why;

	(void)arg;
	if (m && m->type == MSG_VERIFY_LEASE) {
		memcpy(&n->lease, m->body, sizeof(n->lease));
		return;
	}
	why = node_verdict(m);
	if (why) {
		node_trouble(c, "enrol", why);
		return;
	}
	if (n->state != NODE_ENROL)
		return;
	n->fails = n->report_fails = n->desired_fails = 0;
	n->denied = 0;
	n->lease_at = clock_boot_ms();
	n->lease_lost = 0;
	n->report_at = n->desired_at = 0;
	n->dirty = 1;
	n->poll_now = 1;
	log_info("node %s: enrolled, epoch %llu, lease %d s", n->lease.node,
		 (unsigned long long)n->lease.epoch, n->lease.lease_sec);
	core_mark("enrolled node=%s epoch=%llu", n->lease.node,
		  (unsigned long long)n->lease.epoch);
	node_set_state(c, NODE_LEASED);
}

static void on_enrol(struct core *c, void *arg, const struct http_reply *r)
{
	struct node *n = &c->node;
	char text[MSG_TEXT_LEN];

	(void)arg;
	if (n->state != NODE_ENROL || node_refused(c, r))
		return;
	if (r->status != 200) {
		node_trouble(c, "enrol", node_reply_text(r, text, sizeof(text)));
		if (r->status == 401 || r->status == 403)
			n->retry_at = clock_boot_ms() +
				      core_backoff(0, DENIED_MS, DENIED_MS);
		/* A statement may be out of date: start from the front. */
		if (n->fails % 4 == 0)
			n->state = NODE_SEGMENT;
		return;
	}
	if (!node_verify(c, MSG_DOC_LEASE, r, on_lease_verified))
		node_trouble(c, "enrol", "not now");
}

void node_ask_enrol(struct core *c)
{
	struct buf b = BUF_INIT;

	report_enrol(c, &b);
	if (!b.rc && http_signed(c, MSG_METHOD_POST, "/v1/node/enrol", b.data,
				 b.len, 0, on_enrol, NULL))
		c->node.busy = 1;
	else
		node_trouble(c, "enrol", "not now");
	buf_dispose(&b);
}
