/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netdom - the domain that has the node's one address. It is kept running; what
 * it says of itself is believed where a lie costs no more than the network.
 */
#include <arpa/inet.h>
#include <string.h>

#include "core.h"
#include "log.h"

#define BACKOFF_MS     1000
#define BACKOFF_MAX_MS 60000
#define HELLO_MS       600000 /* from its start, or last word, to the next */

int netdom_is_up(const struct core *c)
{
	return !c->o->netdom || c->netdom.up;
}

static void on_start(struct core *c, void *arg, const struct msg *m)
{
	struct netdom *n = &c->netdom;
	const struct msg_hv_done *d;

	(void)arg;
	if (!m)
		return; /* hv is gone, and so will be this process */
	d = m->body;
	n->busy = 0;
	if (d->rc) {
		n->retry_at =
			clock_boot_ms() +
			core_backoff(n->fails++, BACKOFF_MS, BACKOFF_MAX_MS);
		log_err("netdom: %s", d->text);
	} else {
		n->domid = d->domid;
		tunnel_forget(c, 1);
		n->wait_until = clock_boot_ms() + HELLO_MS;
		log_info("netdom: domain %d", d->domid);
	}
	core_kick(c);
}

static void on_end(struct core *c, void *arg, const struct msg *m)
{
	(void)arg;
	if (!m)
		return;
	c->netdom.busy = 0;
	netdom_died(c); /* hv does not tell of what it was asked to do */
	core_kick(c);
}

static int64_t end_it(struct core *c, int64_t now)
{
	struct netdom *n = &c->netdom;
	struct msg_hv_domid q = { .domid = n->domid, .id = NETDOM_NAME };

	n->busy = call_send(c, MSG_HV, MSG_HV_DESTROY, &q, NULL, 0, NULL, 0,
			    on_end, NULL) != 0;
	return n->busy ? NEVER : now + BACKOFF_MS;
}

int64_t netdom_step(struct core *c, int64_t now)
{
	struct netdom *n = &c->netdom;

	if (!c->o->netdom || n->busy)
		return NEVER;
	if (n->domid) {
		if (n->up)
			return NEVER;
		if (now < n->wait_until)
			return n->wait_until;
		log_err("netdom: not a word from it");
		return end_it(c, now);
	}
	if (now < n->retry_at)
		return n->retry_at;
	n->busy = call_send(c, MSG_HV, MSG_HV_NETDOM, NULL, NULL, 0, NULL, 0,
			    on_start, NULL) != 0;
	return n->busy ? NEVER : now + BACKOFF_MS;
}

void netdom_hello(struct core *c, const struct msg_tun_hello *m)
{
	struct netdom *n = &c->netdom;
	struct in_addr own = { htonl(m->address) }, gw = { htonl(m->gateway) };
	char address[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];

	if (!m->address || !m->gateway) {
		log_err("netdom: no DHCP server answers");
		core_exit(c, AGENT_EXIT_NO_NET);
		return;
	}
	tunnel_forget(c, 0);
	if (n->hello.key[0] && strcmp(n->hello.key, m->key))
		node_new_key(c);
	n->hello = *m;
	n->up = 1;
	n->fails = 0;
	core_mark("net address=%s gateway=%s",
		  inet_ntop(AF_INET, &own, address, sizeof(address)),
		  inet_ntop(AF_INET, &gw, gateway, sizeof(gateway)));
	air_resume(c);
	core_kick(c);
}

void netdom_silent(struct core *c)
{
	c->netdom.up = 0;
	c->netdom.wait_until = clock_boot_ms() + HELLO_MS;
}

void netdom_died(struct core *c)
{
	struct netdom *n = &c->netdom;

	n->domid = 0;
	n->up = 0;
	n->retry_at = clock_boot_ms() +
		      core_backoff(n->fails++, BACKOFF_MS, BACKOFF_MAX_MS);
	/* Whoever carries to it maps its memory: that must end as well. */
	core_drop(c, MSG_NET);
	core_drop(c, MSG_AIR);
	core_drop(c, MSG_TUN);
	/* The other ends of their vifs are gone with it. */
	domus_destroy_all(c);
}
