/* SPDX-License-Identifier: Apache-2.0 */
/* tunnel - peers as the nodes' states say, and what they have carried. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cleanup.h"
#include "fileio.h"
#include "gateway.h"
#include "log.h"
#include "tunnel.h"

#define READ_MS 2000 /* handshakes and bytes are looked at this often */

struct tunnel {
	struct wg *wg;
	uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
	char public_text[WG_KEY_STR];
	struct loop_timer *timer;
	int broken; /* said once */
};

/* The key lies in the state folder, which a diskless gateway has in RAM. */
static int load_key(struct tunnel *t, const char *state, struct errinfo *err)
{
	auto_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/tunnel.key", state);
	rc = fileio_read(path, WG_KEY_LEN, &text, &len, NULL);
	if (rc == -ENOENT) {
		wg_key_new(t->private_key);
		rc = fileio_write_atomic(path, t->private_key, WG_KEY_LEN, 0600,
					 err);
	} else if (rc || len != WG_KEY_LEN) {
		return errinfo_set(err, -EINVAL,
				   "%s: no key of %d bytes; remove it and "
				   "another is made",
				   path, WG_KEY_LEN);
	} else {
		memcpy(t->private_key, text, WG_KEY_LEN);
		explicit_bzero(text, len);
	}
	wg_key_public(t->private_key, t->public_key);
	wg_key_format(t->public_key, t->public_text);
	return rc;
}

static int open_interface(struct gateway *gw, struct errinfo *err)
{
	const struct config *c = gw->config;
	struct tunnel *t = gw->tunnel;
	char socket[PATH_MAX];
	int rc;

	snprintf(socket, sizeof(socket), "%s/tunnel.sock", c->state);
	rc = wg_open(c->tunnel.interface, socket, &t->wg, err);
	if (!rc)
		rc = wg_set_key(t->wg, t->private_key, (uint16_t)c->tunnel.port,
				err);
	if (!rc)
		rc = wg_up(t->wg, WG_MTU, err);
	if (!rc)
		rc = wg_route(t->wg, c->domu_base, c->domu_prefix, err);
	return rc;
}

/* The peer that a node should have: 0 for none. */
static int wanted_peer(const struct node *n, struct wg_peer *p)
{
	if (!n->has_tunnel_key || !node_is_up(n) || !node_is_allowed(n))
		return 0;
	*p = (struct wg_peer){ .address = n->conf->domu_address, .prefix = 32 };
	memcpy(p->key, n->tunnel_key, WG_KEY_LEN);
	return 1;
}

static int is_peer(const struct wg_peer *a, const struct wg_peer *b)
{
	return !memcmp(a->key, b->key, WG_KEY_LEN) &&
	       a->address == b->address && a->prefix == b->prefix;
}

static struct wg_peer ended(const uint8_t key[WG_KEY_LEN])
{
	struct wg_peer p = { .remove = 1 };

	memcpy(p.key, key, WG_KEY_LEN);
	return p;
}

/* What was done is noted, whichever way it was worked out. */
static void note_peers(struct gateway *gw)
{
	struct wg_peer want;

	for (size_t i = 0; i < gw->n_nodes; i++) {
		struct node *n = gw->nodes[i];

		int has = wanted_peer(n, &want);

		if (!has || !n->has_peer ||
		    memcmp(n->peer_key, want.key, WG_KEY_LEN))
			n->handshake_ms = 0;
		n->has_peer = has;
		if (has)
			memcpy(n->peer_key, want.key, WG_KEY_LEN);
	}
}

/* Old keys go before new ones come: the newest epoch has the address. */
int tunnel_sync(struct gateway *gw, struct errinfo *err)
{
	auto_free struct wg_peer *list = NULL;
	struct wg_peer want;
	size_t n = 0;
	int rc;

	if (!gw->tunnel)
		return 0;
	list = calloc(gw->n_nodes * 2 + 1, sizeof(*list));
	if (!list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < gw->n_nodes; i++) {
		const struct node *node = gw->nodes[i];

		if (node->has_peer &&
		    (!wanted_peer(node, &want) ||
		     memcmp(node->peer_key, want.key, WG_KEY_LEN)))
			list[n++] = ended(node->peer_key);
	}
	for (size_t i = 0; i < gw->n_nodes; i++) {
		const struct node *node = gw->nodes[i];

		if (wanted_peer(node, &want) &&
		    (!node->has_peer ||
		     memcmp(node->peer_key, want.key, WG_KEY_LEN)))
			list[n++] = want;
	}
	rc = wg_set_peers(gw->tunnel->wg, list, n, err);
	if (!rc)
		note_peers(gw);
	return rc;
}

/* Whether some node should have exactly that peer. */
static int is_wanted(const struct gateway *gw, const struct wg_peer *have)
{
	struct wg_peer want;

	for (size_t i = 0; i < gw->n_nodes; i++)
		if (wanted_peer(gw->nodes[i], &want) && is_peer(&want, have))
			return 1;
	return 0;
}

int tunnel_reconcile(struct gateway *gw, struct errinfo *err)
{
	auto_free struct wg_peer *have = NULL, *list = NULL;
	size_t n_have, n = 0;
	int rc;

	if (!gw->tunnel)
		return 0;
	rc = wg_get_peers(gw->tunnel->wg, &have, &n_have, err);
	if (rc)
		return rc;
	list = calloc(n_have + gw->n_nodes + 1, sizeof(*list));
	if (!list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n_have; i++)
		if (!is_wanted(gw, &have[i]))
			list[n++] = ended(have[i].key);
	/* One that is there already keeps its session. */
	for (size_t i = 0; i < gw->n_nodes; i++)
		n += (size_t)wanted_peer(gw->nodes[i], &list[n]);
	rc = wg_set_peers(gw->tunnel->wg, list, n, err);
	if (!rc)
		note_peers(gw);
	return rc;
}

static void take_counts(struct gateway *gw, const struct wg_peer *p)
{
	for (size_t i = 0; i < gw->n_nodes; i++) {
		struct node *n = gw->nodes[i];

		if (!n->has_peer || memcmp(n->peer_key, p->key, WG_KEY_LEN))
			continue;
		if (!n->handshake_ms && p->handshake_ms)
			log_info("%s: its tunnel is up", n->conf->name);
		n->handshake_ms = p->handshake_ms;
		n->rx_bytes = p->rx_bytes;
		n->tx_bytes = p->tx_bytes;
		return;
	}
}

/* wireguard-go may have been killed, or somebody took the interface away. */
static int again(struct gateway *gw, struct errinfo *err)
{
	int rc;

	wg_close(TAKE(gw->tunnel->wg));
	rc = open_interface(gw, err);
	return rc ? rc : tunnel_reconcile(gw, err);
}

static void on_timer(void *arg)
{
	struct gateway *gw = arg;
	struct tunnel *t = gw->tunnel;
	struct errinfo err = ERRINFO_INIT;
	auto_free struct wg_peer *list = NULL;
	size_t n = 0;
	int rc = t->wg ? wg_get_peers(t->wg, &list, &n, &err) : -ENODEV;

	if (rc)
		rc = again(gw, &err);
	if (rc && !t->broken)
		log_err("tunnel: %s", errinfo_text(&err, rc));
	else if (!rc && t->broken)
		log_info("tunnel: works again");
	t->broken = rc != 0;
	for (size_t i = 0; i < n; i++)
		take_counts(gw, &list[i]);
	loop_timer_set(t->timer, READ_MS);
}

int tunnel_start(struct gateway *gw, struct errinfo *err)
{
	struct tunnel *t;
	int rc;

	if (!gw->config->tunnel.line)
		return 0;
	t = gw->tunnel = calloc(1, sizeof(*t));
	if (!t)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = load_key(t, gw->config->state, err);
	if (!rc)
		rc = open_interface(gw, err);
	if (!rc)
		rc = tunnel_reconcile(gw, err);
	if (rc)
		return errinfo_wrap(err, rc, "tunnel");
	t->timer = loop_timer_add(gw->loop, on_timer, gw);
	if (!t->timer)
		return errinfo_set(err, -ENOMEM, "out of memory");
	loop_timer_set(t->timer, READ_MS);
	log_info("tunnel: %s, port %d%s", gw->config->tunnel.interface,
		 gw->config->tunnel.port,
		 wg_is_userspace(t->wg) ? ", by wireguard-go" : "");
	return 0;
}

void tunnel_stop(struct gateway *gw)
{
	struct tunnel *t = TAKE(gw->tunnel);

	if (!t)
		return;
	loop_timer_del(t->timer);
	wg_close(t->wg);
	explicit_bzero(t->private_key, sizeof(t->private_key));
	free(t);
}

int tunnel_check_key(const struct gateway *gw, const struct node *n,
		     const uint8_t key[WG_KEY_LEN], struct errinfo *err)
{
	if (gw->tunnel && !memcmp(gw->tunnel->public_key, key, WG_KEY_LEN))
		return errinfo_set(err, -EINVAL, "'tunnel_key' is the gateway's");
	for (size_t i = 0; i < gw->n_nodes; i++)
		if (gw->nodes[i] != n && gw->nodes[i]->has_tunnel_key &&
		    !memcmp(gw->nodes[i]->tunnel_key, key, WG_KEY_LEN))
			return errinfo_set(err, -EINVAL,
					   "'tunnel_key' is another node's");
	return 0;
}

json_t *tunnel_lease(const struct gateway *gw, const struct node *n)
{
	if (!gw->tunnel || !n->has_tunnel_key)
		return NULL;
	return json_pack("{s:s, s:i, s:i}", "gateway_key",
			 gw->tunnel->public_text, "port", gw->config->tunnel.port,
			 "keepalive", gw->config->tunnel.keepalive_sec);
}
