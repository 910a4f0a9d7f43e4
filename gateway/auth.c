/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth - who a request is from, and what the gateway signs.
 *
 * A node is its present boot's key, at its own address. 401 tells a node to
 * enrol anew with the same boot_id and key (the gateway does not know it, or
 * its seq was seen before); 409 tells it to give the PC back: a newer boot has
 * taken over, or the owner has.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gateway.h"
#include "log.h"
#include "request.h"
#include "tunnel.h"

/* Documents are for now; nodes check their age by the segment's time. */
#define VALID_MS 600000

int gateway_is_from(struct httpd_req *r, const struct node *n)
{
	const char *from = httpd_header(r, "X-Real-IP");
	char quoted[64];

	if (from && !strcmp(from, n->conf->address_text))
		return 1;
	if (!from)
		from = "nowhere";
	log_warn("%s: a request in its name from %s", n->conf->name,
		 log_quote(quoted, sizeof(quoted), from, strlen(from)));
	return 0;
}

int gateway_read_request(struct httpd_req *r, struct request *q)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	q->node = httpd_header(r, "Nightshift-Node");
	q->epoch_text = httpd_header(r, "Nightshift-Epoch");
	q->seq_text = httpd_header(r, "Nightshift-Seq");
	q->signature = httpd_header(r, "Nightshift-Signature");
	q->method = httpd_method(r);
	q->target = httpd_target(r);
	q->body = httpd_body(r, &q->len);
	rc = request_parse(q, &err);
	if (rc)
		httpd_reply_error(r, 400, "%s", errinfo_text(&err, rc));
	return rc;
}

struct node *gateway_authenticate(struct gateway *gw, struct httpd_req *r)
{
	struct request q;
	struct node *n;

	if (gateway_read_request(r, &q))
		return NULL;
	n = gateway_node_by_name(gw, q.node);
	if (!n || !gateway_is_from(r, n)) {
		httpd_reply_error(r, 403, "not a PC of this segment");
		return NULL;
	}
	if (q.epoch < n->epoch) {
		httpd_reply_error(r, 409, "%s",
				  node_is_allowed(n) ? "a newer boot has this node"
						     : GATEWAY_CALLED_BACK);
		return NULL;
	}
	if (!n->boot_id[0] || q.epoch > n->epoch) {
		httpd_reply_error(r, 401, "not enrolled: enrol anew");
		return NULL;
	}
	if (request_verify(&q, n->key)) {
		log_warn("%s: a request with a bad signature", n->conf->name);
		httpd_reply_error(r, 401, "the signature does not match");
		return NULL;
	}
	if (request_take_seq(&n->seq, &n->seq_seen, q.seq)) {
		log_warn("%s: a request seen before", n->conf->name);
		httpd_reply_error(r, 401, "Nightshift-Seq was seen before");
		return NULL;
	}
	n->alive_ms = clock_boot_ms();
	n->seen_ms = clock_unix_ms();
	gateway_node_save(gw, n);
	return n;
}

void gateway_reply_signed(struct gateway *gw, struct httpd_req *r,
			  const char *type, json_t *body)
{
	struct errinfo err = ERRINFO_INIT;
	char expires[CLOCK_ISO];
	char *doc = NULL;
	int rc = -1;

	clock_format(clock_unix_ms() + VALID_MS, expires);
	if (body && !json_object_set_new(body, "_type", json_string(type)) &&
	    !json_object_set_new(body, "spec_version", json_string(TRUST_SPEC)) &&
	    !json_object_set_new(body, "expires", json_string(expires)))
		rc = trust_sign(body, &gw->key, 1, &doc, &err);
	json_decref(body);
	if (rc) {
		log_err("%s: %s", type, errinfo_text(&err, rc));
		httpd_reply_error(r, 500, "cannot sign");
		return;
	}
	httpd_reply_text(r, 200, "application/json", doc, strlen(doc));
	free(doc);
}

/* The lease's member `scratch`; NULL where the node lends nothing. */
static json_t *scratch_lease(const struct gateway *gw, const struct node *n)
{
	const struct scratch_policy *p = config_scratch(gw->config, n->conf);
	char type[SCRATCH_GUID_STR];

	if (!p)
		return NULL;
	scratch_format_guid(p->type, type);
	return json_pack("{s:s, s:s, s:I}", "type", type, "label", p->label,
			 "size_mib", (json_int_t)(p->size_max >> 20));
}

void gateway_reply_lease(struct gateway *gw, struct httpd_req *r,
			 const struct node *n)
{
	json_t *tunnel = tunnel_lease(gw, n);
	json_t *scratch = scratch_lease(gw, n);
	json_t *body =
		json_pack("{s:s, s:s, s:I, s:i, s:i, s:I}", "node", n->conf->name,
			  "boot_id", n->boot_id, "epoch", (json_int_t)n->epoch,
			  "lease_sec", gw->config->lease_sec, "report_sec",
			  gw->config->report_sec, "gen", (json_int_t)n->gen);

	if (tunnel)
		json_object_set_new(body, "tunnel", tunnel);
	if (scratch)
		json_object_set_new(body, "scratch", scratch);
	gateway_reply_signed(gw, r, "lease", body);
}
