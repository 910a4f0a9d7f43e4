/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway - start and stop, the nodes, their timers, the report upward.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "foreign.h"
#include "gateway.h"
#include "log.h"
#include "tunnel.h"
#include "uplink.h"
#include "walls.h"

#define BOOT_LIMIT_MS  600000 /* from a loader's question to an enrolment */
#define TICK_MS        1000   /* lost nodes are looked for this often */
#define NODE_BODY_MAX  ((size_t)256 * 1024)
#define ADMIN_BODY_MAX 4096

static const struct httpd_route routes[] = {
	{ "GET", "/boot/pxelinux/pxelinux.cfg/*", handle_boot_pxelinux, 0 },
	{ "GET", "/boot/ipxe/*", handle_boot_ipxe, 0 },
	{ "GET", "/boot/uefi/*", handle_boot_uefi, 0 },
	{ "GET", "/v1/node/segment", handle_segment, 0 },
	{ "POST", "/v1/node/enrol", handle_enrol, NODE_BODY_MAX },
	{ "POST", "/v1/node/report", handle_report, NODE_BODY_MAX },
	{ "GET", "/v1/node/desired", handle_desired, 0 },
	{ "GET", "/v1/admin/nodes", handle_admin_nodes, 0 },
	{ "GET", "/v1/admin/segment", handle_admin_segment, 0 },
	{ "PUT", "/v1/admin/nodes/*/boot", handle_admin_boot, ADMIN_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

struct node *gateway_node_by_name(struct gateway *gw, const char *name)
{
	for (size_t i = 0; i < gw->n_nodes; i++)
		if (!strcmp(gw->nodes[i]->conf->name, name))
			return gw->nodes[i];
	return NULL;
}

struct node *gateway_node_by_mac(struct gateway *gw,
				 const uint8_t mac[PARSE_MAC_LEN])
{
	for (size_t i = 0; i < gw->n_nodes; i++)
		if (!memcmp(gw->nodes[i]->conf->mac, mac, PARSE_MAC_LEN))
			return gw->nodes[i];
	return NULL;
}

/* The database is a cache: without it we go on, but an operator must know. */
static void store_result(struct gateway *gw, int rc, const struct errinfo *err)
{
	if (rc && !gw->store_broken)
		log_err("store: %s (going on from memory)",
			errinfo_text(err, rc));
	if (!rc && gw->store_broken)
		log_info("store: works again");
	gw->store_broken = rc != 0;
}

void gateway_node_save(struct gateway *gw, struct node *n)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = store_node_save(gw->store, n, &err);

	store_result(gw, rc, &err);
}

void gateway_node_state(struct gateway *gw, struct node *n, enum node_state state)
{
	int64_t now = clock_unix_ms();
	char text[NODE_ERROR_MAX + 64];

	node_step(n, state, now);
	if (n->state != state) {
		snprintf(text, sizeof(text), "%s -> %s",
			 node_state_name(n->state), node_state_name(state));
		log_info("%s: %s", n->conf->name, text);
		n->state = state;
		n->since_ms = now;
		store_event(gw->store, n->conf->name, text, NULL);
	}
	gateway_node_save(gw, n);
	gateway_touch(gw);
}

static int is_overdue(const struct gateway *gw, const struct node *n)
{
	if (node_is_up(n))
		return clock_boot_ms() - n->alive_ms >
		       gw->config->lease_sec * 1000LL;
	return (n->state == NODE_ASKED || n->state == NODE_DOM0) &&
	       clock_unix_ms() - n->since_ms > BOOT_LIMIT_MS;
}

static void on_lost_timer(void *arg)
{
	struct gateway *gw = arg;
	int lost = 0;

	for (size_t i = 0; i < gw->n_nodes; i++) {
		struct node *n = gw->nodes[i];

		if (!is_overdue(gw, n))
			continue;
		if (!node_is_up(n))
			snprintf(n->error, sizeof(n->error),
				 "its boot did not get past '%s'",
				 node_state_name(n->state));
		gateway_node_state(gw, n, NODE_LOST);
		lost = 1;
	}
	if (lost)
		gateway_assign(gw);
	walls_tick(gw);
	loop_timer_set(gw->lost_timer, TICK_MS);
}

static int load_node(struct gateway *gw, const struct config_node *conf,
		     struct node **out, struct errinfo *err)
{
	struct node *n = node_new(conf);
	int rc;

	if (!n)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = store_node_load(gw->store, n, err);
	if (rc) {
		node_free(n);
		return rc;
	}
	/* Our own absence is not the node's. */
	n->alive_ms = clock_boot_ms();
	*out = n;
	return 0;
}

static struct node *take_known(struct gateway *gw, const struct config_node *conf)
{
	struct node *n = NULL;

	for (size_t i = 0; i < gw->n_nodes; i++) {
		if (!gw->nodes[i] || strcmp(gw->nodes[i]->conf->name, conf->name))
			continue;
		n = TAKE(gw->nodes[i]);
		break;
	}
	if (!n)
		return NULL;
	/* Another card is another PC: it must enrol. */
	if (memcmp(n->conf->mac, conf->mac, PARSE_MAC_LEN))
		node_forget_key(n);
	n->conf = conf;
	return n;
}

static void free_nodes(struct node **nodes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (nodes[i])
			desired_drop_held(nodes[i], 403,
					  "not a PC of this segment");
		node_free(nodes[i]);
	}
	free(nodes);
}

int gateway_take_config(struct gateway *gw, struct config *c, struct errinfo *err)
{
	struct node **nodes = calloc(c->n_nodes + 1, sizeof(struct node *));
	struct config *old = gw->config;
	int rc = 0;

	if (!nodes)
		return errinfo_set(err, -ENOMEM, "out of memory");
	/* New ones first: from there on nothing can fail. */
	for (size_t i = 0; !rc && i < c->n_nodes; i++)
		if (!gateway_node_by_name(gw, c->nodes[i].name))
			rc = load_node(gw, &c->nodes[i], &nodes[i], err);
	if (rc) {
		free_nodes(nodes, c->n_nodes);
		return rc;
	}
	for (size_t i = 0; i < c->n_nodes; i++)
		if (!nodes[i])
			nodes[i] = take_known(gw, &c->nodes[i]);
	free_nodes(gw->nodes, gw->n_nodes);
	gw->nodes = nodes;
	gw->n_nodes = c->n_nodes;
	gw->config = c;
	config_free(old);
	for (size_t i = 0; i < gw->n_nodes; i++)
		gateway_call_back(gw, gw->nodes[i]);
	return 0;
}

/* The key must be one that nodes will believe, else none of them enrols. */
static int check_key(const struct gateway *gw, struct errinfo *err)
{
	auto_free char *text = NULL, *doc = NULL;
	struct trust_root *root;
	json_t *body, *back = NULL;
	size_t len;
	int rc;

	rc = fileio_read(gw->config->root, TRUST_DOC_MAX, &text, &len, err);
	if (rc)
		return rc;
	rc = trust_root_load(text, len, clock_unix_ms(), &root, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", gw->config->root);
	body = json_pack("{s:s, s:s, s:s}", "_type", "segment", "spec_version",
			 TRUST_SPEC, "expires", "9999-01-01T00:00:00Z");
	rc = trust_sign(body, &gw->key, 1, &doc, err);
	if (!rc)
		rc = trust_verify(root, "gateways", "segment", doc, strlen(doc),
				  0, &back, err);
	json_decref(body);
	json_decref(back);
	trust_root_free(root);
	return rc ? errinfo_wrap(err, rc, "%s is no key of %s", gw->config->key,
				 gw->config->root)
		  : 0;
}

static int load_keys(struct gateway *gw, struct errinfo *err)
{
	const struct config *c = gw->config;
	int rc;

	rc = trust_key_load(c->key, &gw->key, err);
	if (rc)
		return rc;
	if (!gw->key.has_secret)
		return errinfo_set(err, -EINVAL, "%s: no secret key", c->key);
	rc = check_key(gw, err);
	if (!rc)
		rc = tls_ensure(c->state, c->segment, NULL, err);
	if (!rc)
		rc = tls_pin(c->state, gw->pin, err);
	return rc;
}

static int open_store(struct gateway *gw, struct errinfo *err)
{
	char aside[PATH_MAX];
	int rc;

	rc = store_open(gw->config->state, &gw->store, aside, err);
	if (aside[0])
		log_warn("store: not usable, set aside as %s", aside);
	return rc;
}

/* What the central asked last, so that its outage is not ours. */
static int64_t load_desired(struct gateway *gw)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	int rc;

	rc = store_get(gw->store, "desired", &text, &err);
	if (!rc && text)
		rc = workspaces_parse(text, strlen(text), &gw->workspaces, &err);
	if (rc)
		log_warn("store: desired state: %s", errinfo_text(&err, rc));
	return gw->workspaces.list ? gw->workspaces.gen : -1;
}

/* nginx runs as another user and must reach the socket. */
static void share_socket(const struct config *c, const char *path)
{
	const char *user = c->nginx_user[0] ? c->nginx_user : "www-data";
	const struct passwd *pw;

	if (geteuid() != 0)
		return;
	pw = getpwnam(user);
	if (pw && chown(path, (uid_t)-1, pw->pw_gid) && errno != EINVAL)
		log_warn("%s: group of %s: %s", path, user, strerror(errno));
}

static int listen_on_socket(struct gateway *gw, struct errinfo *err)
{
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/gatewayd.sock", gw->config->state);
	rc = httpd_new(gw->loop, path, routes, gw, &gw->httpd, err);
	if (!rc)
		share_socket(gw->config, path);
	return rc;
}

static void on_desired(const char *text, void *arg)
{
	gateway_take_desired(arg, text);
}

static int start_timers(struct gateway *gw, struct errinfo *err)
{
	gw->lost_timer = loop_timer_add(gw->loop, on_lost_timer, gw);
	gw->report_timer = loop_timer_add(gw->loop, upward_timer, gw);
	if (!gw->lost_timer || !gw->report_timer)
		return errinfo_set(err, -ENOMEM, "out of memory");
	loop_timer_set(gw->lost_timer, TICK_MS);
	loop_timer_set(gw->report_timer, 0);
	return 0;
}

/* Rules before the tunnels, which bring packets. */
static int raise_walls(struct gateway *gw, struct errinfo *err)
{
	int rc = walls_apply(gw, err);

	if (rc)
		return errinfo_wrap(err, rc, "walls");
	return tunnel_start(gw, err);
}

int gateway_start(struct gateway *gw, struct errinfo *err)
{
	struct config *c = gw->config;
	int64_t gen;
	int rc;

	rc = fileio_mkdirs(c->state, 0755, err);
	if (!rc)
		rc = load_keys(gw, err);
	if (!rc)
		rc = open_store(gw, err);
	if (rc)
		return rc;
	gw->config = NULL;
	rc = gateway_take_config(gw, c, err);
	if (rc) {
		gw->config = c;
		return rc;
	}
	gen = load_desired(gw);
	gateway_want(gw);
	gateway_assign(gw);
	rc = raise_walls(gw, err);
	if (!rc)
		rc = foreign_start(gw, err);
	if (!rc)
		rc = listen_on_socket(gw, err);
	if (!rc)
		rc = uplink_start(&c->central, gw->loop, gen, on_desired, gw,
				  &gw->uplink, err);
	if (!rc)
		rc = start_timers(gw, err);
	return rc;
}

void gateway_stop(struct gateway *gw)
{
	uplink_stop(gw->uplink);
	foreign_stop(gw);
	tunnel_stop(gw);
	walls_free(gw->walls);
	httpd_free(gw->httpd);
	loop_timer_del(gw->lost_timer);
	loop_timer_del(gw->report_timer);
	free_nodes(gw->nodes, gw->n_nodes);
	store_close(gw->store);
	workspaces_dispose(&gw->workspaces);
	config_free(gw->config);
	trust_key_wipe(&gw->key);
}
