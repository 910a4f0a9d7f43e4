/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - who we are to the gateway.
 *
 *	SEGMENT --statement--> ENROL --lease--> LEASED --409--> FENCED
 *	   ^---------------------+-----------------+
 *	     another key, or the gateway does not know us
 *
 * LEASED keeps two requests going: the long poll for desired, and reports of
 * the whole state. A gateway that is away changes nothing on the node.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

#include "node.h"

#define REPORT_SOON_MS 100 /* several changes, one report */
#define DOUBT_MAX      3
#define DENIED_MAX     2
#define FENCE_MS       20000 /* for the domUs' end, then anyway */

static const char *const names[] = {
	[NODE_SEGMENT] = "segment",
	[NODE_ENROL] = "enrol",
	[NODE_LEASED] = "leased",
	[NODE_FENCED] = "fenced",
};

const char *node_state_name(enum node_state s)
{
	return names[s];
}

void node_set_state(struct core *c, enum node_state s)
{
	struct node *n = &c->node;

	if (n->state != s)
		log_info("node: %s -> %s", names[n->state], names[s]);
	if (n->state == NODE_LEASED) {
		/* what was asked under the lease has no meaning without it */
		http_cancel_signed(c);
		n->report_busy = n->desired_busy = 0;
	}
	n->state = s;
	n->busy = 0;
	n->retry_at = 0;
	core_kick(c);
}

void node_trouble(struct core *c, const char *what, const char *text)
{
	struct node *n = &c->node;

	n->busy = 0;
	n->retry_at = clock_boot_ms() + core_backoff(n->fails++, NODE_RETRY_MS,
						     NODE_RETRY_MAX_MS);
	log_warn("%s: %s", what, text);
	core_kick(c);
}

const char *node_reply_text(const struct http_reply *r, char *buf, size_t size)
{
	char quoted[160];

	if (!r->status)
		snprintf(buf, size, "%s", r->text);
	else
		snprintf(buf, size, "HTTP %d %s", r->status,
			 log_quote(quoted, sizeof(quoted), r->data, r->len));
	return buf;
}

uint32_t node_verify(struct core *c, enum msg_doc kind,
		     const struct http_reply *r, call_fn fn)
{
	struct node *n = &c->node;
	struct msg_verify_doc q = { .kind = kind };

	/* A new statement may set the time back: it answers our nonce, and a
	 * gateway's clock may have been wrong before. */
	if (kind != MSG_DOC_SEGMENT) {
		q.base_unix_ms = n->segment.time_ms;
		q.base_boot_ms = n->time_boot_ms;
	}
	q.epoch = n->lease.epoch;
	memcpy(q.nonce, n->nonce, sizeof(q.nonce));
	memcpy(q.boot_id, c->boot.id, sizeof(q.boot_id));
	memcpy(q.node, n->lease.node, sizeof(q.node));
	return call_send(c, MSG_VERIFY, MSG_VERIFY_DOC, &q, r->data, r->len,
			 NULL, 0, fn, NULL);
}

const char *node_verdict(const struct msg *m)
{
	const struct msg_verify_done *d;

	if (!m)
		return "the verify process died";
	d = m->body;
	return d->rc ? d->text[0] ? d->text : "refused" : NULL;
}

/* A newer boot of this node has enrolled, or the owner wants the PC. */
static void fence(struct core *c, const struct http_reply *r)
{
	char text[MSG_TEXT_LEN];

	if (c->node.state == NODE_FENCED)
		return;
	log_warn("fenced: %s", node_reply_text(r, text, sizeof(text)));
	core_mark("fenced node=%s epoch=%llu", c->node.lease.node,
		  (unsigned long long)c->node.lease.epoch);
	c->node.fenced_at = clock_boot_ms();
	node_set_state(c, NODE_FENCED);
}

void node_doubt(struct core *c, unsigned int fails)
{
	if (fails >= DOUBT_MAX && c->node.state == NODE_LEASED)
		node_set_state(c, NODE_SEGMENT);
}

void node_new_key(struct core *c)
{
	if (c->node.state == NODE_LEASED)
		node_set_state(c, NODE_ENROL);
}

int node_refused(struct core *c, const struct http_reply *r)
{
	struct node *n = &c->node;

	if (r->status == 409) {
		fence(c, r);
		return 1;
	}
	if (r->rc == -EPERM) { /* another key: ask who the gateway is */
		node_set_state(c, NODE_SEGMENT);
		return 0;
	}
	if (r->status != 401 && r->status != 403) {
		n->denied = 0;
		return 0;
	}
	/* Once may be requests that overtook one another. */
	if (++n->denied >= DENIED_MAX && n->state == NODE_LEASED) {
		log_info("node: the gateway does not know this boot");
		n->denied = 0;
		node_set_state(c, NODE_ENROL);
	}
	return 0;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t step_leased(struct core *c, int64_t now)
{
	struct node *n = &c->node;
	int64_t lost_at = n->lease_at + n->lease.lease_sec * INT64_C(1000);
	int64_t next = NEVER;

	if (n->dirty && n->report_at > now + REPORT_SOON_MS && !n->report_fails)
		n->report_at = now + REPORT_SOON_MS;
	if (!n->report_busy && now >= n->report_at)
		node_send_report(c, now);
	if (!n->desired_busy && now >= n->desired_at)
		node_ask_desired(c);
	if (now >= lost_at && !n->lease_lost) {
		n->lease_lost = 1;
		log_warn("lease: over, the gateway is away; domUs go on");
	}
	if (!n->report_busy)
		next = least(next, n->report_at);
	if (!n->desired_busy)
		next = least(next, n->desired_at);
	return n->lease_lost ? next : least(next, lost_at);
}

static int64_t step_fenced(struct core *c, int64_t now)
{
	int left = domus_destroy_all(c);

	if ((!left && !scratch_is_open(c)) || now >= c->node.fenced_at + FENCE_MS)
		core_exit(c, AGENT_EXIT_FENCED);
	return c->node.fenced_at + FENCE_MS;
}

int64_t node_step(struct core *c, int64_t now)
{
	struct node *n = &c->node;

	if (n->state == NODE_FENCED)
		return step_fenced(c, now);
	if (n->state == NODE_LEASED)
		return step_leased(c, now);
	if (!c->have_build || !c->have_facts || !c->have_list || n->busy)
		return NEVER;
	if (now < n->retry_at)
		return n->retry_at;
	if (n->state == NODE_SEGMENT)
		node_ask_segment(c);
	else
		node_ask_enrol(c);
	return n->busy ? NEVER : n->retry_at;
}
