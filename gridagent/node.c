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
#include <sys/random.h>

#include "core.h"
#include "hash.h"
#include "log.h"
#include "parse.h"

#define RETRY_MS         500
#define RETRY_MAX_MS     30000
#define DENIED_MS        15000 /* the list has changed at the earliest then */
#define REPORT_SOON_MS   100   /* several changes, one report */
#define DESIRED_LEAST_MS 1000  /* between two polls with the same answer */
#define DESIRED_WAIT     25    /* docs/protocol.md: the longest */
#define DOUBT_MAX        3
#define DENIED_MAX       2
#define FENCE_MS         20000 /* for the domUs' end, then anyway */

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

static void set_state(struct core *c, enum node_state s)
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

static void trouble(struct core *c, const char *what, const char *text)
{
	struct node *n = &c->node;

	n->busy = 0;
	n->retry_at = clock_boot_ms() +
		      core_backoff(n->fails++, RETRY_MS, RETRY_MAX_MS);
	log_warn("%s: %s", what, text);
	core_kick(c);
}

/* One line of what the gateway said: it is JSON, and not ours to read. */
static const char *reply_text(const struct http_reply *r, char *buf, size_t size)
{
	char quoted[160];

	if (!r->status)
		snprintf(buf, size, "%s", r->text);
	else
		snprintf(buf, size, "HTTP %d %s", r->status,
			 log_quote(quoted, sizeof(quoted), r->data, r->len));
	return buf;
}

static uint32_t verify(struct core *c, enum msg_doc kind,
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

static const char *verdict(const struct msg *m)
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
	log_warn("fenced: %s", reply_text(r, text, sizeof(text)));
	core_mark("fenced node=%s epoch=%llu", c->node.lease.node,
		  (unsigned long long)c->node.lease.epoch);
	c->node.fenced_at = clock_boot_ms();
	set_state(c, NODE_FENCED);
}

/* Documents that do not verify, again and again: ask anew who the gateway is
 * and what time it has. */
static void doubt(struct core *c, unsigned int fails)
{
	if (fails >= DOUBT_MAX && c->node.state == NODE_LEASED)
		set_state(c, NODE_SEGMENT);
}

/* What a refusal of a signed request means. Returns 1 if it was one. */
static int refused(struct core *c, const struct http_reply *r)
{
	struct node *n = &c->node;

	if (r->status == 409) {
		fence(c, r);
		return 1;
	}
	if (r->rc == -EPERM) { /* another key: ask who the gateway is */
		set_state(c, NODE_SEGMENT);
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
		set_state(c, NODE_ENROL);
	}
	return 0;
}

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
	why = verdict(m);
	if (why) {
		trouble(c, "segment statement", why);
		return;
	}
	log_info("segment %s", n->segment.segment);
	clock.unix_ms = n->segment.time_ms;
	call_send(c, MSG_HV, MSG_HV_CLOCK, &clock, NULL, 0, NULL, 0, on_clock,
		  NULL);
	set_state(c, NODE_ENROL);
}

static void on_segment(struct core *c, void *arg, const struct http_reply *r)
{
	char text[MSG_TEXT_LEN];

	(void)arg;
	if (r->status != 200)
		trouble(c, "segment statement",
			reply_text(r, text, sizeof(text)));
	else if (!verify(c, MSG_DOC_SEGMENT, r, on_segment_verified))
		trouble(c, "segment statement", "not now");
}

static void ask_segment(struct core *c)
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
		trouble(c, "segment statement", "not now");
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
	why = verdict(m);
	if (why) {
		trouble(c, "enrol", why);
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
	set_state(c, NODE_LEASED);
}

static void on_enrol(struct core *c, void *arg, const struct http_reply *r)
{
	struct node *n = &c->node;
	char text[MSG_TEXT_LEN];

	(void)arg;
	if (n->state != NODE_ENROL || refused(c, r))
		return;
	if (r->status != 200) {
		trouble(c, "enrol", reply_text(r, text, sizeof(text)));
		if (r->status == 401 || r->status == 403)
			n->retry_at = clock_boot_ms() +
				      core_backoff(0, DENIED_MS, DENIED_MS);
		/* A statement may be out of date: start from the front. */
		if (n->fails % 4 == 0)
			n->state = NODE_SEGMENT;
		return;
	}
	if (!verify(c, MSG_DOC_LEASE, r, on_lease_verified))
		trouble(c, "enrol", "not now");
}

static void ask_enrol(struct core *c)
{
	struct buf b = BUF_INIT;

	report_enrol(c, &b);
	if (!b.rc && http_signed(c, MSG_METHOD_POST, "/v1/node/enrol", b.data,
				 b.len, 0, on_enrol, NULL))
		c->node.busy = 1;
	else
		trouble(c, "enrol", "not now");
	buf_dispose(&b);
}

/* ---- reports -------------------------------------------------------------- */

static void report_trouble(struct core *c, const char *text)
{
	struct node *n = &c->node;
	int64_t base = n->report_fails ? RETRY_MS : 0;

	n->dirty = 1;
	n->report_at = clock_boot_ms() +
		       core_backoff(n->report_fails++, base, RETRY_MAX_MS);
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
	if (verdict(m)) {
		report_trouble(c, verdict(m));
		doubt(c, n->report_fails);
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
	if (refused(c, r))
		return;
	if (r->status == 200 && verify(c, MSG_DOC_LEASE, r, on_renewed))
		return;
	n->report_busy = 0;
	report_trouble(c, reply_text(r, text, sizeof(text)));
}

static void send_report(struct core *c, int64_t now)
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
	int64_t base = n->desired_fails ? RETRY_MS : 0;

	n->desired_busy = 0;
	n->desired_at = clock_boot_ms() +
			core_backoff(n->desired_fails++, base, RETRY_MAX_MS);
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
	if (verdict(m)) {
		desired_trouble(c, verdict(m));
		doubt(c, n->desired_fails);
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
	if (refused(c, r))
		return;
	c->node.n_incoming = 0;
	if (r->status == 200 && verify(c, MSG_DOC_DESIRED, r, on_desired_verified))
		return;
	if (r->status == 503) {
		/* It knows nothing yet: let it answer once it does. */
		c->node.poll_now = 0;
		c->node.desired_fails = 1;
	}
	desired_trouble(c, reply_text(r, text, sizeof(text)));
}

static void ask_desired(struct core *c)
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

/* ---- the whole ------------------------------------------------------------ */

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
		send_report(c, now);
	if (!n->desired_busy && now >= n->desired_at)
		ask_desired(c);
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

	if (!left || now >= c->node.fenced_at + FENCE_MS)
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
		ask_segment(c);
	else
		ask_enrol(c);
	return n->busy ? NEVER : n->retry_at;
}
