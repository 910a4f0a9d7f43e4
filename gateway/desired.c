/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desired - what each node should run, and its long poll for it.
 *
 * A node's word changes its generation only where its content changes, so that
 * a gateway that starts anew says the same as before. Until the central has
 * been heard once, ever, there is no word: an empty one would end what runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "gateway.h"
#include "hash.h"
#include "log.h"
#include "parse.h"
#include "uplink.h"
#include "walls.h"

#define WAIT_MAX_SEC 25 /* docs/protocol.md section 3 */
/* What a domU behind a netdom has for a gateway (section 6). */
#define NETDOM_ADDRESS "169.254.1.1"

static int have_desired(const struct gateway *gw)
{
	return gw->workspaces.list != NULL;
}

/* Locally administered, one card: 02 and five bytes of a digest of its name. */
static void domu_mac(const struct gateway *gw, const struct node *n,
		     char out[PARSE_MAC_STR])
{
	char text[CONFIG_NAME * 2 + 32];
	uint8_t digest[HASH_LEN], mac[PARSE_MAC_LEN];
	int len;

	len = snprintf(text, sizeof(text), "nightshift-domu %s/%s",
		       gw->config->segment, n->conf->name);
	hash_bytes(text, (size_t)len, digest);
	mac[0] = 0x02;
	memcpy(mac + 1, digest, sizeof(mac) - 1);
	format_mac(mac, out);
}

static json_t *domu_config(const struct gateway *gw, const struct node *n,
			   const struct workspace *w, const char *id)
{
	const struct config *c = gw->config;
	int tunnelled = c->tunnel.line && n->has_tunnel_key;
	char ip[PARSE_IPV4_STR], cidr[PARSE_IPV4_STR + 4];
	char name[CONFIG_NAME * 2];

	format_ipv4(n->conf->domu_address, ip);
	snprintf(cidr, sizeof(cidr), "%s/%u", ip, tunnelled ? 32 : c->prefix);
	snprintf(name, sizeof(name), "%s/%s", c->segment, n->conf->name);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "node", name,
			 "domu", id, "ip", cidr, "gateway",
			 tunnelled ? NETDOM_ADDRESS : c->address_text, "url",
			 w->url, "pin", w->pin, "token", w->token);
}

static json_t *wanted_domus(const struct gateway *gw, const struct node *n,
			    const struct workspace *w)
{
	char id[CONFIG_NAME * 2], mac[PARSE_MAC_STR];
	json_t *list = json_array();

	if (!w)
		return list;
	snprintf(id, sizeof(id), "%s-%s", w->name, n->conf->name);
	domu_mac(gw, n, mac);
	json_array_append_new(
		list,
		json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:o}",
			  "id", id, "image", w->image, "image_version",
			  w->image_version, "manifest", w->manifest,
			  "memory_mib", w->memory_mib, "vcpus", w->vcpus,
			  "weight", w->weight, "cap", w->cap, "mac", mac,
			  "config", domu_config(gw, n, w, id)));
	return list;
}

/* The workspace of WORKSPACE-NODE, in what it should run or says it runs. */
static void current_workspace(const struct node *n, char out[CONFIG_NAME])
{
	const json_t *list = json_array_size(n->wanted) ? n->wanted : n->domus;
	const char *id =
		json_string_value(json_object_get(json_array_get(list, 0), "id"));
	size_t tail = strlen(n->conf->name) + 1;
	size_t len = id ? strlen(id) : 0;

	out[0] = '\0';
	if (len <= tail || len - tail >= CONFIG_NAME)
		return;
	memcpy(out, id, len - tail);
	out[len - tail] = '\0';
}

static enum assign_health health_of(const struct node *n)
{
	if (n->state == NODE_RUNNING)
		return ASSIGN_RUNNING;
	if (n->state == NODE_REFUSED || n->state == NODE_FAILED)
		return ASSIGN_BROKEN;
	return ASSIGN_IDLE;
}

static void reply_desired(struct gateway *gw, struct httpd_req *r,
			  const struct node *n)
{
	gateway_reply_signed(gw, r, "desired",
			     json_pack("{s:s, s:I, s:I, s:O}", "node",
				       n->conf->name, "epoch",
				       (json_int_t)n->epoch, "gen",
				       (json_int_t)n->gen, "domus", n->wanted));
}

static struct httpd_req *take_held(struct node *n)
{
	struct httpd_req *r = n->held;

	n->held = NULL;
	loop_timer_del(n->hold_timer);
	n->hold_timer = NULL;
	return r;
}

void desired_drop_held(struct node *n, int status, const char *why)
{
	struct httpd_req *r = take_held(n);

	if (r)
		httpd_reply_error(r, status, "%s", why);
}

static void set_wanted(struct gateway *gw, struct node *n, json_t *wanted)
{
	struct httpd_req *r;

	if (n->gen && json_equal(n->wanted, wanted)) {
		json_decref(wanted);
		return;
	}
	json_decref(n->wanted);
	n->wanted = wanted;
	/* Past any generation given before a lost database. */
	n->gen = n->gen ? n->gen + 1 : clock_unix_ms() / 1000;
	gateway_node_save(gw, n);
	gateway_touch(gw);
	r = take_held(n);
	if (r)
		reply_desired(gw, r, n);
}

static void give(struct gateway *gw, struct node *n, const struct workspace *w)
{
	if (w)
		snprintf(n->domu_image, sizeof(n->domu_image), "%s/%s",
			 w->image, w->channel);
	else
		n->domu_image[0] = '\0';
	set_wanted(gw, n, wanted_domus(gw, n, w));
}

static void assign_work(struct gateway *gw)
{
	struct assign_node *list;
	char(*names)[CONFIG_NAME];

	if (!have_desired(gw))
		return;
	list = calloc(gw->n_nodes + 1, sizeof(*list));
	names = calloc(gw->n_nodes + 1, sizeof(*names));
	if (!list || !names)
		goto out;
	for (size_t i = 0; i < gw->n_nodes; i++) {
		const struct node *n = gw->nodes[i];

		current_workspace(n, names[i]);
		list[i] = (struct assign_node){
			.name = n->conf->name,
			.eligible = node_is_up(n) && node_is_allowed(n),
			.health = health_of(n),
			.current = names[i],
			.free_mib = (int)json_integer_value(
				json_object_get(n->host, "free_mib")),
		};
	}
	assign(gw->workspaces.list, gw->workspaces.n, &gw->config->limits, list,
	       gw->n_nodes, gw->results);
	for (size_t i = 0; i < gw->n_nodes; i++)
		give(gw, gw->nodes[i],
		     list[i].workspace < 0
			     ? NULL
			     : &gw->workspaces.list[list[i].workspace]);
out:
	free(names);
	free(list);
}

void gateway_assign(struct gateway *gw)
{
	assign_work(gw);
	walls_follow(gw);
}

void gateway_take_desired(struct gateway *gw, const char *text)
{
	struct errinfo err = ERRINFO_INIT;
	struct workspaces w;
	int rc;

	rc = workspaces_parse(text, strlen(text), &w, &err);
	if (rc) {
		/* What was asked before stays in force. */
		log_err("central: desired state refused: %s",
			errinfo_text(&err, rc));
		return;
	}
	workspaces_dispose(&gw->workspaces);
	gw->workspaces = w;
	rc = store_set(gw->store, "desired", text, &err);
	if (rc)
		log_err("%s", errinfo_text(&err, rc));
	log_info("central: generation %lld, %zu workspaces", (long long)w.gen,
		 w.n);
	gateway_want(gw);
	gateway_assign(gw);
	gateway_touch(gw);
}

static void on_gone(struct httpd_req *r, void *arg)
{
	struct node *n = arg;

	if (n->held == r)
		take_held(n);
}

static void on_deadline(void *arg)
{
	struct node *n = arg;
	struct httpd_req *r = take_held(n);

	if (!r)
		return;
	if (have_desired(n->gw))
		reply_desired(n->gw, r, n);
	else
		httpd_reply_error(r, 503, "the central has not been heard yet");
}

static void hold(struct gateway *gw, struct node *n, struct httpd_req *r, int wait)
{
	struct httpd_req *older = take_held(n);

	if (older)
		httpd_reply_error(older, 503, "asked again elsewhere");
	n->gw = gw;
	n->hold_timer = loop_timer_add(gw->loop, on_deadline, n);
	if (!n->hold_timer) {
		httpd_reply_error(r, 503, "out of memory");
		return;
	}
	n->held = r;
	loop_timer_set(n->hold_timer, wait * 1000LL);
	httpd_hold(r, on_gone, n);
}

void handle_desired(struct httpd_req *r, void *arg)
{
	struct gateway *gw = arg;
	const char *gen_text = httpd_query(r, "gen");
	const char *wait_text = httpd_query(r, "wait");
	uint64_t gen = 0;
	int wait = 0;
	struct node *n;

	n = gateway_authenticate(gw, r);
	if (!n)
		return;
	if ((gen_text && parse_u64(gen_text, 0, INT64_MAX, &gen)) ||
	    (wait_text && parse_int(wait_text, 0, WAIT_MAX_SEC, &wait)))
		httpd_reply_error(r, 400, "gen or wait (0 to %d) is no number",
				  WAIT_MAX_SEC);
	else if (wait && (!have_desired(gw) || (int64_t)gen == n->gen))
		hold(gw, n, r, wait);
	else if (!have_desired(gw))
		httpd_reply_error(r, 503, "the central has not been heard yet");
	else
		reply_desired(gw, r, n);
}
