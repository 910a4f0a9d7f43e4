/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel - netdom's walls and its tunnel, as main sees to them: dom0's bridge
 * filter and netdom's own are narrowed to the gateway that a signed statement
 * has named, before any domU starts; the tunnel opens with the lease.
 *
 * Level-triggered: each step compares what should be loaded with what was.
 */
#include <errno.h>
#include <string.h>

#include "core.h"
#include "log.h"

#define BACKOFF_MS     1000
#define BACKOFF_MAX_MS 60000

static void wanted_walls(const struct core *c, struct msg_walls *w)
{
	const struct msg_verify_segment *s = &c->node.segment;

	memset(w, 0, sizeof(*w)); /* padding as well: it is compared */
	w->address = c->netdom.hello.address;
	w->gateway = s->gateway;
	w->carousel = s->carousel;
	w->carousel_port = s->carousel_port;
	w->repo_port = s->repo_port;
	w->https_port = s->https_port;
	w->tunnel_port = c->node.lease.tunnel_port;
	memcpy(w->gateway_mac, s->gateway_mac, sizeof(w->gateway_mac));
}

static void wanted_peer(const struct core *c, struct msg_tun_peer *p)
{
	const struct msg_verify_lease *l = &c->node.lease;

	memset(p, 0, sizeof(*p));
	p->gateway = c->node.segment.gateway;
	p->port = l->tunnel_port;
	p->keepalive_sec = l->tunnel_keepalive;
	memcpy(p->key, l->tunnel_key, sizeof(p->key));
}

/* Both messages end alike: rc and text. */
static void on_loaded(struct core *c, void *arg, const struct msg *m)
{
	struct tunnel_part *part = arg;
	int rc = -EPIPE;
	const char *text = "gone";

	part->busy = 0;
	if (m && m->type == MSG_TUN_DONE) {
		const struct msg_tun_done *d = m->body;

		rc = d->rc;
		text = d->text;
	} else if (m) {
		const struct msg_hv_done *d = m->body;

		rc = d->rc;
		text = d->text;
	}
	part->is_loaded = !rc;
	if (!rc) {
		part->fails = 0;
	} else {
		log_err("%s: %s", part->name, text);
		part->retry_at =
			clock_boot_ms() +
			core_backoff(part->fails++, BACKOFF_MS, BACKOFF_MAX_MS);
	}
	core_kick(c);
}

/* Sends what is wanted unless it is there; returns when to look again. */
static int64_t load(struct core *c, struct tunnel_part *part,
		    enum msg_role role, enum msg_type type, const void *want,
		    size_t size, int64_t now)
{
	if (part->busy)
		return NEVER;
	if (part->is_loaded && !memcmp(part->sent, want, size))
		return NEVER;
	if (now < part->retry_at)
		return part->retry_at;
	memcpy(part->sent, want, size);
	part->is_loaded = 0;
	part->busy = call_send(c, role, type, want, NULL, 0, NULL, 0, on_loaded,
			       part) != 0;
	return part->busy ? NEVER : now + BACKOFF_MS;
}

int tunnel_is_closed(const struct core *c)
{
	return !c->o->netdom ||
	       (c->tunnel.dom0.is_loaded && c->tunnel.netdom.is_loaded);
}

int64_t tunnel_step(struct core *c, int64_t now)
{
	struct tunnel *t = &c->tunnel;
	struct msg_tun_peer peer;
	struct msg_walls walls;
	int64_t next, at;

	if (!c->o->netdom || !c->netdom.up || !c->node.time_boot_ms)
		return NEVER;
	if (!c->node.segment.gateway) {
		if (!t->complained)
			log_err("the segment statement names no gateway: no "
				"domU can start");
		t->complained = 1;
		return NEVER;
	}
	t->complained = 0;
	wanted_walls(c, &walls);
	next = load(c, &t->dom0, MSG_HV, MSG_HV_WALLS, &walls, sizeof(walls),
		    now);
	at = load(c, &t->netdom, MSG_TUN, MSG_TUN_WALLS, &walls, sizeof(walls),
		  now);
	next = at < next ? at : next;
	if (!walls.tunnel_port || !tunnel_is_closed(c))
		return next;
	wanted_peer(c, &peer);
	at = load(c, &t->peer, MSG_TUN, MSG_TUN_PEER, &peer, sizeof(peer), now);
	return at < next ? at : next;
}

void tunnel_forget(struct core *c, int is_new_domain)
{
	struct tunnel *t = &c->tunnel;

	t->netdom = (struct tunnel_part){ .name = "netdom's walls" };
	t->peer = (struct tunnel_part){ .name = "tunnel" };
	if (is_new_domain || !t->dom0.name)
		t->dom0 = (struct tunnel_part){ .name = "dom0's walls" };
}
