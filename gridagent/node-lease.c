/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node-lease - under the lease: reports of the whole state, and the long poll
 * for desired.
 */
#include <stdio.h>
#include <string.h>

#include "log.h"

#include "node.h"

#define DESIRED_LEAST_MS 1000 /* between two polls with the same answer */
#define DESIRED_WAIT     25   /* docs/protocol.md: the longest */

/* ---- reports -------------------------------------------------------------- */

static void report_trouble(struct core *c, const char *text)
{
	struct node *n = &c->node;
	int64_t base = n->report_fails ? NODE_RETRY_MS : 0;

	n->dirty = 1;
	n->report_at = clock_boot_ms() +
		       core_backoff(n->report_fails++, base, NODE_RETRY_MAX_MS);
	log_warn("report: %s", text);
}

static void on_renewed(struct core *c, void *arg, const struct msg *m)
{
	struct node *n = &c->node;
	struct msg_verify_lease l;

	(void)arg;
	if (m && m->type == MSG_VERIFY_LEASE) {
		memcpy(&l, m->body, sizeof(l));
		if (!strcmp(l.node, n->lease.node) && l.epoch == n->lease.epoch)
			n->lease = l;
		return;
	}
	n->report_busy = 0;
	if (node_verdict(m)) {
		report_trouble(c, node_verdict(m));
		node_doubt(c, n->report_fails);
		return;
	}
	n->report_fails = 0;
	n->lease_at = clock_boot_ms();
	if (n->lease_lost)
		log_info("lease: renewed, the gateway is back");
	n->lease_lost = 0;
	core_kick(c);
}

static void on_report(struct core *c, void *arg, const struct http_reply *r)
{
	struct node *n = &c->node;
	char text[MSG_TEXT_LEN];

	(void)arg;
	if (node_refused(c, r))
		return;
	if (r->status == 200 && node_verify(c, MSG_DOC_LEASE, r, on_renewed))
		return;
	n->report_busy = 0;
	report_trouble(c, node_reply_text(r, text, sizeof(text)));
}

void node_send_report(struct core *c, int64_t now)
{
	struct node *n = &c->node;
	struct buf b = BUF_INIT;

	report_state(c, &b);
	n->report_at = now + core_backoff(0, n->lease.report_sec * 1000,
					  n->lease.report_sec * 1000);
	if (!b.rc && http_signed(c, MSG_METHOD_POST, "/v1/node/report", b.data,
				 b.len, 0, on_report, NULL)) {
		n->report_busy = 1;
		n->dirty = 0;
	}
	buf_dispose(&b);
}

/* ---- desired -------------------------------------------------------------- */

static void desired_trouble(struct core *c, const char *text)
{
	struct node *n = &c->node;
	int64_t base = n->desired_fails ? NODE_RETRY_MS : 0;

	n->desired_busy = 0;
	n->desired_at = clock_boot_ms() + core_backoff(n->desired_fails++, base,
						       NODE_RETRY_MAX_MS);
	log_warn("desired: %s", text);
}

/* The same generation again is taken as well: a gateway that lost its memory
 * may count from the front. */
static void take_desired(struct core *c, uint64_t gen)
{
	struct node *n = &c->node;
	int is_new = !n->have_desired || gen != n->gen;

	n->desired_fails = 0;
	n->desired_at = is_new ? 0 : n->desired_asked + DESIRED_LEAST_MS;
	n->gen = gen;
	n->have_desired = 1;
	domus_desired(c, n->incoming, n->n_incoming);
	if (!is_new)
		return;
	log_info("desired: generation %llu, %d domUs", (unsigned long long)gen,
		 n->n_incoming);
	images_retry(c);
	core_changed(c);
}

static void on_desired_verified(struct core *c, void *arg, const struct msg *m)
{
	struct node *n = &c->node;
	const struct msg_verify_desired *d;

	(void)arg;
	if (m && m->type == MSG_VERIFY_DOMU) {
		if (n->n_incoming < MSG_DOMUS_MAX)
			memcpy(&n->incoming[n->n_incoming++], m->body,
			       sizeof(n->incoming[0]));
		return;
	}
	if (m && m->type == MSG_VERIFY_DESIRED) {
		d = m->body;
		if (d->n_domus != n->n_incoming)
			return;
		take_desired(c, d->gen);
		return;
	}
	if (node_verdict(m)) {
		desired_trouble(c, node_verdict(m));
		node_doubt(c, n->desired_fails);
		return;
	}
	n->desired_busy = 0;
	n->poll_now = 0;
	core_kick(c);
}

static void on_desired(struct core *c, void *arg, const struct http_reply *r)
{
	char text[MSG_TEXT_LEN];

	(void)arg;
	if (node_refused(c, r))
		return;
	c->node.n_incoming = 0;
	if (r->status == 200 &&
	    node_verify(c, MSG_DOC_DESIRED, r, on_desired_verified))
		return;
	if (r->status == 503) {
		/* It knows nothing yet: let it answer once it does. */
		c->node.poll_now = 0;
		c->node.desired_fails = 1;
	}
	desired_trouble(c, node_reply_text(r, text, sizeof(text)));
}

void node_ask_desired(struct core *c)
{
	struct node *n = &c->node;
	int wait = n->poll_now ? 0 : DESIRED_WAIT;
	char path[128];

	n->desired_asked = clock_boot_ms();
	n->desired_at = n->desired_asked + DESIRED_LEAST_MS;
	snprintf(path, sizeof(path), "/v1/node/desired?gen=%llu&wait=%d",
		 (unsigned long long)n->gen, wait);
	if (http_signed(c, MSG_METHOD_GET, path, NULL, 0, wait, on_desired, NULL))
		n->desired_busy = 1;
}
