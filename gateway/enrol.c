/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrol - a boot's right to act for its node.
 *
 * Each boot makes its own id and key. The newest boot to enrol has the node:
 * its epoch is the next one, and requests of older epochs are answered 409. A
 * boot that was fenced stays so, or two PCs that claim one MAC would take
 * turns for ever. An owner who calls a PC back takes the next epoch as well.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "gateway.h"
#include "log.h"
#include "parse.h"
#include "request.h"
#include "tunnel.h"
#include "wire.h"

/* Header, address, key and signature of an enrolment. */
static struct node *check_enrol(struct gateway *gw, struct httpd_req *r,
				struct request *q, uint8_t key[TRUST_PUBLIC_LEN])
{
	const char *hex = httpd_header(r, "Nightshift-Key");
	uint8_t mac[PARSE_MAC_LEN];
	char spelled[PARSE_MAC_STR];
	struct node *n;

	if (gateway_read_request(r, q))
		return NULL;
	if (!hex || parse_hex(hex, key, TRUST_PUBLIC_LEN) || q->epoch != 0) {
		httpd_reply_error(r, 400,
				  "Nightshift-Key or -Epoch of an enrolment");
		return NULL;
	}
	if (parse_mac(q->node, mac)) {
		httpd_reply_error(r, 400, "Nightshift-Node: no MAC address");
		return NULL;
	}
	format_mac(mac, spelled);
	n = gateway_node_by_mac(gw, mac);
	if (strcmp(spelled, q->node) || !n || !gateway_is_from(r, n)) {
		httpd_reply_error(r, 403, "not a PC of this segment");
		return NULL;
	}
	if (request_verify(q, key)) {
		httpd_reply_error(r, 401, "the signature does not match");
		return NULL;
	}
	return n;
}

static void take_tunnel_key(struct node *n, const struct wire_enrol *e)
{
	n->has_tunnel_key = e->has_tunnel_key;
	memcpy(n->tunnel_key, e->tunnel_key, sizeof(n->tunnel_key));
}

/* The same boot again, after it lost us or we lost it. */
static int same_boot(struct gateway *gw, struct httpd_req *r, struct node *n,
		     const struct request *q, const uint8_t *key,
		     const struct wire_enrol *e)
{
	if (memcmp(n->key, key, TRUST_PUBLIC_LEN)) {
		log_warn("%s: an enrolment with its boot_id, another key",
			 n->conf->name);
		httpd_reply_error(r, 403, "this boot has another key");
		return -EACCES;
	}
	if (request_take_seq(&n->seq, &n->seq_seen, q->seq)) {
		httpd_reply_error(r, 401, "Nightshift-Seq was seen before");
		return -EACCES;
	}
	take_tunnel_key(n, e);
	if (!node_is_up(n))
		gateway_node_state(gw, n, NODE_ENROLLED);
	else
		gateway_node_save(gw, n);
	return 0;
}

static void take_host(struct node *n, json_t *host)
{
	const char *fw = json_string_value(json_object_get(host, "firmware"));

	if (fw && (!strcmp(fw, "bios") || !strcmp(fw, "uefi")))
		strcpy(n->firmware, fw);
	json_decref(n->host);
	n->host = json_incref(host);
}

static int new_boot(struct gateway *gw, struct httpd_req *r, struct node *n,
		    const struct request *q, const uint8_t *key,
		    const struct wire_enrol *e)
{
	int64_t epoch = n->epoch ? n->epoch + 1 : clock_unix_ms() / 1000;
	struct errinfo err = ERRINFO_INIT;
	struct node before = *n;
	int fenced, rc;

	fenced = store_boot_is_fenced(gw->store, n->conf->name, e->boot_id);
	if (fenced > 0) {
		httpd_reply_error(r, 409, "a newer boot has this node");
		return -ESTALE;
	}
	n->epoch = epoch;
	strcpy(n->boot_id, e->boot_id);
	memcpy(n->key, key, TRUST_PUBLIC_LEN);
	take_tunnel_key(n, e);
	n->seq = q->seq;
	n->seq_seen = UINT64_MAX;
	rc = store_boot_change(gw->store, n, before.boot_id, &err);
	if (rc) {
		/* Without a memory of it there must be no such boot. */
		*n = before;
		log_err("%s: not enrolled: %s", n->conf->name,
			errinfo_text(&err, rc));
		httpd_reply_error(r, 503, "the gateway cannot store it");
		return rc;
	}
	desired_drop_held(n, 409, "a newer boot has this node");
	/* Steps of an older boot, where no loader asked in between. */
	if (n->steps_ms[NODE_ENROLLED - NODE_ASKED])
		node_forget_boot(n);
	n->error[0] = '\0';
	log_info("%s: epoch %lld", n->conf->name, (long long)epoch);
	gateway_node_state(gw, n, NODE_ENROLLED);
	return 0;
}

void gateway_call_back(struct gateway *gw, struct node *n)
{
	struct errinfo err = ERRINFO_INIT;
	int rc, was_up = node_is_up(n);
	char boot_id[HASH_HEX];

	if (!n->boot_id[0] || node_is_allowed(n))
		return;
	strcpy(boot_id, n->boot_id);
	node_forget_key(n);
	n->epoch++;
	if (was_up)
		node_forget_boot(n);
	rc = store_boot_change(gw->store, n, boot_id, &err);
	/* The owner does not wait for our disk. */
	if (rc)
		log_err("%s: called back, but not stored: %s", n->conf->name,
			errinfo_text(&err, rc));
	desired_drop_held(n, 409, GATEWAY_CALLED_BACK);
	if (!was_up)
		return;
	log_info("%s: %s", n->conf->name, GATEWAY_CALLED_BACK);
	gateway_node_state(gw, n, NODE_LOCAL);
}

/* Its lease is its right to act, and to packets: both or neither. */
static void admit(struct gateway *gw, struct httpd_req *r, struct node *n,
		  const struct wire_enrol *e)
{
	take_host(n, e->host);
	gateway_node_save(gw, n);
	gateway_assign(gw);
	if (gw->walls_broken)
		httpd_reply_error(r, 503, "the gateway cannot open its walls");
	else
		gateway_reply_lease(gw, r, n);
}

void handle_enrol(struct httpd_req *r, void *arg)
{
	struct gateway *gw = arg;
	struct errinfo err = ERRINFO_INIT;
	uint8_t key[TRUST_PUBLIC_LEN];
	struct wire_enrol e = { 0 };
	struct request q;
	struct node *n;
	json_t *body;
	int rc;

	n = check_enrol(gw, r, &q, key);
	if (!n)
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	rc = wire_enrol(body, &e, &err);
	if (!rc && e.has_tunnel_key)
		rc = tunnel_check_key(gw, n, e.tunnel_key, &err);
	if (rc) {
		json_decref(e.host);
		httpd_reply_error(r, 400, "%s", errinfo_text(&err, rc));
		return;
	}
	n->alive_ms = clock_boot_ms();
	n->seen_ms = clock_unix_ms();
	if (strcmp(e.mac, q.node)) {
		httpd_reply_error(r, 400, "'mac' is not Nightshift-Node");
	} else if (!node_is_allowed(n)) {
		/* It is not to ask again but to restart: its boot decision
		 * will be another. */
		httpd_reply_error(r, 409, GATEWAY_CALLED_BACK);
	} else {
		if (!strcmp(n->boot_id, e.boot_id))
			rc = same_boot(gw, r, n, &q, key, &e);
		else
			rc = new_boot(gw, r, n, &q, key, &e);
		if (!rc)
			admit(gw, r, n, &e);
	}
	json_decref(e.host);
}
