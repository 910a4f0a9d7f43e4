/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - requests to the gateway through the net process: numbered and signed
 * here, where the key is (docs/protocol.md §3).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"
#include "hash.h"
#include "log.h"
#include "parse.h"

static const char *const methods[MSG_METHODS] = { "GET", "POST" };

static struct http_req *req_new(struct core *c, const char *path, http_fn fn,
				void *arg)
{
	for (int i = 0; i < HTTP_MAX; i++) {
		struct http_req *r = &c->http[i];

		if (r->used)
			continue;
		memset(r, 0, sizeof(*r));
		if ((size_t)snprintf(r->q.path, sizeof(r->q.path), "%s", path) >=
		    sizeof(r->q.path))
			return NULL;
		r->used = 1;
		r->core = c;
		r->fn = fn;
		r->arg = arg;
		r->body.max = MSG_DOC_MAX;
		return r;
	}
	return NULL;
}

static void req_free(struct http_req *r)
{
	buf_dispose(&r->body);
	buf_dispose(&r->payload);
	r->used = 0;
}

static void req_end(struct http_req *r, int status, int rc, const char *text)
{
	struct core *c = r->core;
	struct http_reply reply = { .status = status, .rc = rc };
	http_fn fn = r->fn;
	void *arg = r->arg;
	struct buf body = r->body;

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	if (!r->sink && status) {
		reply.data = body.data ? body.data : "";
		reply.len = body.len;
	}
	r->body = (struct buf)BUF_INIT;
	req_free(r);
	fn(c, arg, &reply);
	buf_dispose(&body);
	core_kick(c);
}

static void on_net(struct core *c, void *arg, const struct msg *m)
{
	struct http_req *r = arg;
	const struct msg_net_done *d;
	int rc;

	if (!m) {
		req_end(r, 0, -EPIPE, "the net process died");
		return;
	}
	switch (m->type) {
	case MSG_NET_SENT:
		r->sent = 1;
		core_kick(c);
		return;
	case MSG_NET_DATA:
		rc = r->sink ? r->sink(c, r->arg, m->tail, m->tail_len)
			     : buf_add(&r->body, m->tail, m->tail_len);
		if (!rc)
			return;
		/* net knows the bound as well: it should not come to this */
		core_send(c, MSG_NET, MSG_NET_CANCEL, r->call, NULL, NULL, 0,
			  NULL, 0);
		call_forget(c, r->call);
		req_end(r, 0, -EFBIG, "reply too long");
		return;
	case MSG_NET_DONE:
		d = m->body;
		req_end(r, d->rc ? 0 : d->status, d->rc, d->text);
		return;
	default:
		return;
	}
}

static int req_send(struct http_req *r)
{
	r->call = call_send(r->core, MSG_NET, MSG_NET_REQUEST, &r->q,
			    r->payload.data, r->payload.len, NULL, 0, on_net, r);
	return r->call ? 0 : -EAGAIN;
}

struct http_req *http_get(struct core *c, const char *path, uint64_t max,
			  http_sink sink, http_fn fn, void *arg)
{
	struct http_req *r = req_new(c, path, fn, arg);

	if (!r)
		return NULL;
	r->q.port = c->o->http_port;
	r->q.max = max;
	r->sink = sink;
	if (req_send(r)) {
		req_free(r);
		return NULL;
	}
	return r;
}

/* Rises within a boot without being stored: microseconds since it began. */
static uint64_t next_seq(struct core *c)
{
	struct timespec ts;
	uint64_t us;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	c->last_seq = us > c->last_seq ? us : c->last_seq + 1;
	return c->last_seq;
}

/* The payload becomes headers and body. */
static int sign(struct http_req *r)
{
	struct core *c = r->core;
	int enrol = r->is_enrol;
	const char *node = enrol ? c->facts.mac : c->node.lease.node;
	unsigned long long epoch = enrol ? 0 : c->node.lease.epoch;
	unsigned long long seq = next_seq(c);
	char digest[HASH_HEX], sig_hex[2 * TRUST_SIG_LEN + 1];
	char key_hex[2 * TRUST_PUBLIC_LEN + 1];
	struct buf text = BUF_INIT, headers = BUF_INIT;
	uint8_t sig[TRUST_SIG_LEN];
	int rc;

	hash_bytes_hex(r->payload.data ? r->payload.data : "", r->payload.len,
		       digest);
	buf_addf(&text, "nightshift-request 1\n%s\n%s\n%s\n%llu\n%llu\n%s\n",
		 methods[r->method], r->q.path, node, epoch, seq, digest);
	if (!text.rc)
		trust_sign_bytes(&c->boot.key, text.data, text.len, sig);
	format_hex(sig, sizeof(sig), sig_hex);
	buf_addf(&headers,
		 "Nightshift-Node: %s\nNightshift-Epoch: %llu\n"
		 "Nightshift-Seq: %llu\nNightshift-Signature: %s\n",
		 node, epoch, seq, sig_hex);
	if (enrol) {
		format_hex(c->boot.key.public, TRUST_PUBLIC_LEN, key_hex);
		buf_addf(&headers, "Nightshift-Key: %s\n", key_hex);
	}
	if (r->method == MSG_METHOD_POST)
		buf_adds(&headers, "Content-Type: application/json\n"
				   "Expect:\n");
	r->q.headers_len = (uint32_t)headers.len;
	buf_add(&headers, r->payload.data, r->payload.len);
	rc = text.rc ? text.rc : headers.rc;
	buf_dispose(&text);
	buf_dispose(&r->payload);
	r->payload = headers;
	return rc;
}

struct http_req *http_signed(struct core *c, enum msg_method method,
			     const char *path, const void *body, size_t len,
			     int wait_sec, http_fn fn, void *arg)
{
	struct http_req *r = req_new(c, path, fn, arg);

	if (!r)
		return NULL;
	r->is_signed = 1;
	r->is_enrol = c->node.state != NODE_LEASED;
	r->method = method;
	r->q.method = method;
	r->q.https = 1;
	r->q.port = c->o->https_port ? c->o->https_port
				     : c->node.segment.https_port;
	r->q.wait_sec = wait_sec;
	r->q.max = MSG_DOC_MAX;
	memcpy(r->q.pin, c->node.segment.tls_pin, sizeof(r->q.pin));
	if (buf_add(&r->payload, body, len)) {
		req_free(r);
		return NULL;
	}
	core_kick(c);
	return r;
}

void http_cancel(struct http_req *r)
{
	if (!r || !r->used)
		return;
	if (r->call) {
		call_forget(r->core, r->call);
		core_send(r->core, MSG_NET, MSG_NET_CANCEL, r->call, NULL, NULL,
			  0, NULL, 0);
	}
	req_free(r);
}

void http_cancel_signed(struct core *c)
{
	for (int i = 0; i < HTTP_MAX; i++)
		if (c->http[i].is_signed)
			http_cancel(&c->http[i]);
}

/*
 * The gateway refuses a seq that does not rise, and requests may overtake one
 * another on several connections: the next one is signed only when those
 * before it have left.
 */
void http_step(struct core *c)
{
	struct http_req *next = NULL;

	for (int i = 0; i < HTTP_MAX; i++) {
		struct http_req *r = &c->http[i];

		if (!r->used || !r->is_signed)
			continue;
		if (r->call && !r->sent)
			return;
		if (!r->call && !next)
			next = r;
	}
	if (!next)
		return;
	if (sign(next) || req_send(next))
		req_end(next, 0, -EAGAIN, "the net process takes no request");
}
