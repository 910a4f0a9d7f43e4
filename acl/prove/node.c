/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - claims about a node's own filters.
 */
#include <errno.h>
#include <string.h>

#include "acl-prove-node.h"
#include "cleanup.h"
#include "prove.h"

#define GROUP_BIT   ((space_value)1 << 40)
#define DF          0x4000
#define SYN         0x02
#define BROADCAST   0xffffffff
#define ALL_ROUTERS 0xe0000002

struct node {
	struct nftmodel *m;
	struct space_pool *p;
	const struct walls_lan *lan;
	const struct walls_vif *domus;
	size_t n_domus;
	struct acl_proof *out;
};

static void narrow(struct node *n, struct space *s, enum space_field f,
		   space_value lo, space_value hi)
{
	*s = space_only(n->p, s, f, space_vset_one(n->p, lo, hi));
}

static void one(struct node *n, struct space *s, enum space_field f, space_value v)
{
	narrow(n, s, f, v, v);
}

static void join(struct node *n, struct space *s, const struct space *more)
{
	space_add_all(n->p, s, more);
}

/* --- what may be ------------------------------------------------------------------ */

/* Whole IPv4 packets; DF is no fragment. */
static struct space whole_ip(struct node *n)
{
	static const struct space_range whole[] = {
		{ 0, 0 }, { DF, DF }, { 0x8000, 0x8000 }, { 0xc000, 0xc000 }
	};
	struct space s = space_any(n->p);

	one(n, &s, SPACE_TAG, 0);
	one(n, &s, SPACE_ETYPE, ETYPE_IP);
	return space_only(n->p, &s, SPACE_FRAG,
			  space_vset_of(n->p, whole, ARRAY_SIZE(whole)));
}

static struct space service(struct node *n, int protocol, enum space_field f,
			    int port)
{
	struct space s = whole_ip(n);

	one(n, &s, SPACE_PROTO, protocol);
	one(n, &s, f, port);
	return s;
}

/* TCP to (or from) each port of the gateway's. */
static struct space services(struct node *n, enum space_field f)
{
	const int ports[] = { n->lan->http_port, n->lan->https_port,
			      n->lan->repo_port };
	struct space s = SPACE_EMPTY, tcp;

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		tcp = service(n, IPPROTO_N_TCP, f, ports[i]);
		if (ports[i])
			join(n, &s, &tcp);
	}
	return s;
}

static struct space dhcp(struct node *n, int from, int to)
{
	struct space s = service(n, IPPROTO_N_UDP, SPACE_DPORT, to);

	one(n, &s, SPACE_SPORT, from);
	return s;
}

/* Where the gateway is known: with it alone. */
static void with_gateway(struct node *n, struct space *s, int out)
{
	if (n->lan->address)
		one(n, s, out ? SPACE_SADDR : SPACE_DADDR, n->lan->address);
	if (n->lan->gateway)
		one(n, s, out ? SPACE_DADDR : SPACE_SADDR, n->lan->gateway);
}

static struct space may_leave(struct node *n)
{
	const struct walls_lan *l = n->lan;
	struct space s = services(n, SPACE_DPORT), more;

	if (l->gateway && l->tunnel_port) {
		more = service(n, IPPROTO_N_UDP, SPACE_DPORT, l->tunnel_port);
		join(n, &s, &more);
	}
	if (l->gateway && l->carousel) {
		more = service(n, IPPROTO_N_UDP, SPACE_DPORT, l->carousel_port);
		join(n, &s, &more);
	}
	more = dhcp(n, 68, 67);
	join(n, &s, &more);
	with_gateway(n, &s, 1);
	one(n, &more, SPACE_DADDR, BROADCAST);
	join(n, &s, &more);
	for (int i = 0; i < 2 && l->gateway && l->carousel; i++) {
		more = whole_ip(n);
		one(n, &more, SPACE_PROTO, 2);
		one(n, &more, SPACE_DADDR, i ? l->carousel : ALL_ROUTERS);
		join(n, &s, &more);
	}
	return s;
}

static struct space may_come(struct node *n)
{
	const struct walls_lan *l = n->lan;
	struct space s = services(n, SPACE_SPORT), more;
	struct space opens = space_any(n->p);

	/* Nobody opens a connection to a node. */
	one(n, &opens, SPACE_TCP_FLAGS, SYN);
	s = space_minus(n->p, &s, &opens);
	if (l->gateway && l->tunnel_port) {
		more = service(n, IPPROTO_N_UDP, SPACE_SPORT, l->tunnel_port);
		join(n, &s, &more);
	}
	with_gateway(n, &s, 0);
	if (l->gateway && l->carousel) {
		more = service(n, IPPROTO_N_UDP, SPACE_DPORT, l->carousel_port);
		one(n, &more, SPACE_DADDR, l->carousel);
		one(n, &more, SPACE_SADDR, l->gateway);
		join(n, &s, &more);
	}
	more = dhcp(n, 67, 68);
	if (l->gateway)
		one(n, &more, SPACE_SADDR, l->gateway);
	join(n, &s, &more);
	return s;
}

static struct space arp(struct node *n, int out)
{
	const struct walls_lan *l = n->lan;
	struct space s = space_any(n->p);

	one(n, &s, SPACE_TAG, 0);
	one(n, &s, SPACE_ETYPE, 0x0806);
	narrow(n, &s, SPACE_ARP_OP, 1, 2);
	if (out)
		one(n, &s, SPACE_ARP_SHA, acl_world_mac(l->mac));
	else if (l->gateway)
		one(n, &s, SPACE_ARP_SHA, acl_world_mac(l->gateway_mac));
	if (l->address)
		one(n, &s, out ? SPACE_ARP_SPA : SPACE_ARP_TPA, l->address);
	if (l->gateway)
		one(n, &s, out ? SPACE_ARP_TPA : SPACE_ARP_SPA, l->gateway);
	return s;
}

/* Ethernet addresses of frames between netdom and the gateway; to everybody
 * or a group, too. */
static void between_macs(struct node *n, struct space *s, int out)
{
	const struct walls_lan *l = n->lan;
	space_value me = acl_world_mac(l->mac);
	space_value gateway = acl_world_mac(l->gateway_mac);
	space_value to = out ? gateway : me;
	struct space_range r[129] = { { to, to } };

	for (int i = 0; i < 128; i++)
		r[i + 1] = (struct space_range){ (2 * i + 1) * GROUP_BIT,
						 (2 * i + 2) * GROUP_BIT - 1 };
	if (!out || l->gateway)
		*s = space_only(n->p, s, SPACE_EDST,
				space_vset_of(n->p, r, ARRAY_SIZE(r)));
	if (out)
		one(n, s, SPACE_ESRC, me);
	else if (l->gateway)
		one(n, s, SPACE_ESRC, gateway);
}

/* --- trying ------------------------------------------------------------------------ */

struct route {
	enum nftmodel_family family;
	enum nftmodel_hook first, then; /* then may be NFTMODEL_NONE */
	enum acl_way way;
};

static struct space go(struct node *n, const struct route *r, struct space s,
		       const struct nftmodel_trace *trace)
{
	struct space arrived = s;

	if (r->first == NFTMODEL_PREROUTING) {
		/* Which port it leaves by is not known there. */
		arrived = space_assign(n->p, &s, SPACE_OIF,
				       space_vset_one(n->p, 0, 0));
		arrived = nftmodel_pass(n->m, r->family, r->first, &arrived,
					trace);
		arrived = space_assign(n->p, &arrived, SPACE_OIF, NULL);
		s = space_and(n->p, &s, &arrived);
	} else {
		s = nftmodel_pass(n->m, r->family, r->first, &s, trace);
	}
	if (r->then != NFTMODEL_NONE)
		s = nftmodel_pass(n->m, r->family, r->then, &s, trace);
	return s;
}

static void claim(struct node *n, const char *name, const char *words,
		  const struct route *r, const struct space *scope,
		  const struct space *allowed)
{
	struct acl_claim *c = &n->out->claims[n->out->n_claims++];
	struct nftmodel_trace trace = { acl_claim_note, c };
	struct space_point like = { 0 };
	struct space s;

	*c = (struct acl_claim){ .name = name, .words = words, .way = r->way };
	like.v[SPACE_ETYPE] = ETYPE_IP;
	like.v[SPACE_PROTO] = IPPROTO_N_TCP;
	like.v[SPACE_SPORT] = 40000;
	like.v[SPACE_DPORT] = 22;
	like.v[SPACE_TCP_FLAGS] = SYN;
	like.v[SPACE_SADDR] = n->lan->address;
	like.v[SPACE_DADDR] = 0xc6336407;
	s = go(n, r, *scope, NULL);
	c->hole = space_minus(n->p, &s, allowed);
	c->holds = space_sample(&c->hole, &like, &c->packet) != 0;
	if (!c->holds) {
		s = space_of_point(n->p, &c->packet);
		go(n, r, s, &trace);
		n->out->n_broken++;
	}
}

/* Any frame with an Ethernet header, by these interfaces (NULL: any there is). */
static struct space frames(struct node *n, const char *in, const char *out)
{
	struct space s = space_any(n->p);

	narrow(n, &s, SPACE_ESRC, 0, SPACE_NO_ETHER - 1);
	narrow(n, &s, SPACE_EDST, 0, SPACE_NO_ETHER - 1);
	if (in)
		one(n, &s, SPACE_IIF, space_ifname(in));
	else
		narrow(n, &s, SPACE_IIF, 1, SPACE_VALUE_MAX);
	if (out)
		one(n, &s, SPACE_OIF, space_ifname(out));
	else
		narrow(n, &s, SPACE_OIF, 1, SPACE_VALUE_MAX);
	return s;
}

/* What is meant for one host has that host's MAC. */
static void without_groups(struct node *n, struct space *s)
{
	struct space one_host = space_any(n->p), all = *s, to_one;
	space_value gateway = acl_world_mac(n->lan->gateway_mac);

	if (!n->lan->gateway)
		return;
	one(n, &one_host, SPACE_ETYPE, ETYPE_IP);
	narrow(n, &one_host, SPACE_DADDR, 0, 0xdfffffff);
	*s = space_minus(n->p, &all, &one_host);
	to_one = space_and(n->p, &all, &one_host);
	one(n, &to_one, SPACE_EDST, gateway);
	join(n, s, &to_one);
}

static void prove_dom0(struct node *n)
{
	static const struct route to = { NFTMODEL_BRIDGE, NFTMODEL_PREROUTING,
					 NFTMODEL_INPUT, ACL_WAY_INPUT };
	static const struct route from = { NFTMODEL_BRIDGE, NFTMODEL_OUTPUT,
					   NFTMODEL_NONE, ACL_WAY_OUTPUT };
	static const struct route over = { NFTMODEL_BRIDGE, NFTMODEL_PREROUTING,
					   NFTMODEL_FORWARD, ACL_WAY_FORWARD };
	const struct space none = SPACE_EMPTY;
	struct space all = space_any(n->p), leave, come, more;
	int known = n->lan->nic != NULL;

	claim(n, "to-dom0", "dom0 hears nothing", &to, &all, &none);
	claim(n, "from-dom0", "dom0 says nothing", &from, &all, &none);
	leave = known ? may_leave(n) : none;
	come = known ? may_come(n) : none;
	if (known) {
		more = arp(n, 1);
		join(n, &leave, &more);
		between_macs(n, &leave, 1);
		without_groups(n, &leave);
		more = arp(n, 0);
		join(n, &come, &more);
		between_macs(n, &come, 0);
		one(n, &leave, SPACE_IIF, space_ifname(n->lan->vif));
		one(n, &leave, SPACE_OIF, space_ifname(n->lan->nic));
		one(n, &come, SPACE_IIF, space_ifname(n->lan->nic));
		one(n, &come, SPACE_OIF, space_ifname(n->lan->vif));
		join(n, &leave, &come);
	}
	all = frames(n, NULL, NULL);
	claim(n, "over-bridge",
	      "the bridge carries netdom's named services and nothing else",
	      &over, &all, &leave);
}

static struct space of_domus(struct node *n, int out)
{
	struct space s = SPACE_EMPTY, d;

	for (size_t i = 0; i < n->n_domus; i++) {
		d = space_any(n->p);
		one(n, &d, out ? SPACE_IIF : SPACE_OIF,
		    space_ifname(n->domus[i].ifname));
		one(n, &d, out ? SPACE_OIF : SPACE_IIF,
		    space_ifname(WALLS_TUNNEL));
		one(n, &d, out ? SPACE_SADDR : SPACE_DADDR, n->domus[i].address);
		one(n, &d, SPACE_ETYPE, ETYPE_IP);
		join(n, &s, &d);
	}
	return s;
}

/* IP packets as inet sees them; the frame is dom0's affair. */
static struct space ip_packets(struct node *n, const char *in, const char *out)
{
	static const struct space_range types[] = { { ETYPE_IP, ETYPE_IP },
						    { ETYPE_IP6, ETYPE_IP6 } };
	struct space s = space_any(n->p);

	s = space_only(n->p, &s, SPACE_ETYPE, space_vset_of(n->p, types, 2));
	one(n, &s, SPACE_TAG, 0);
	/* What reaches netdom's stack has been put together. */
	one(n, &s, SPACE_FRAG, 0);
	if (in)
		one(n, &s, SPACE_IIF, space_ifname(in));
	if (out)
		one(n, &s, SPACE_OIF, space_ifname(out));
	return s;
}

static void prove_netdom(struct node *n)
{
	static const struct route to = { NFTMODEL_INET, NFTMODEL_PREROUTING,
					 NFTMODEL_INPUT, ACL_WAY_INPUT };
	static const struct route from = { NFTMODEL_INET, NFTMODEL_OUTPUT,
					   NFTMODEL_POSTROUTING, ACL_WAY_OUTPUT };
	static const struct route over = { NFTMODEL_INET, NFTMODEL_PREROUTING,
					   NFTMODEL_FORWARD, ACL_WAY_FORWARD };
	struct space scope = ip_packets(n, NULL, NULL), allowed = SPACE_EMPTY;
	struct space more;

	if (n->lan->nic) {
		allowed = may_come(n);
		one(n, &allowed, SPACE_IIF, space_ifname(n->lan->nic));
	}
	claim(n, "to-netdom", "netdom hears its named services on the LAN alone",
	      &to, &scope, &allowed);
	allowed = (struct space)SPACE_EMPTY;
	if (n->lan->nic) {
		allowed = may_leave(n);
		one(n, &allowed, SPACE_OIF, space_ifname(n->lan->nic));
	}
	/* Why a packet did not fit, to domUs. */
	more = whole_ip(n);
	one(n, &more, SPACE_PROTO, IPPROTO_N_ICMP);
	one(n, &more, SPACE_SADDR, WALLS_VIF_ADDRESS);
	narrow(n, &more, SPACE_OIF, space_ifname("vif"),
	       space_ifname("vif") | SPACE_VALUE_MAX >> 24);
	join(n, &allowed, &more);
	claim(n, "from-netdom",
	      "netdom asks for its named services on the LAN alone", &from,
	      &scope, &allowed);
	allowed = of_domus(n, 1);
	more = of_domus(n, 0);
	join(n, &allowed, &more);
	scope = ip_packets(n, NULL, NULL);
	claim(n, "through-netdom",
	      "netdom passes domUs' packets into the tunnel and back, each vif's "
	      "with its address",
	      &over, &scope, &allowed);
}

static void prove_vif(struct node *n)
{
	static const struct route in = { NFTMODEL_NETDEV, NFTMODEL_INGRESS,
					 NFTMODEL_NONE, ACL_WAY_INPUT };

	for (size_t i = 0; i < n->n_domus; i++) {
		const struct walls_vif *v = &n->domus[i];
		space_value mac = acl_world_mac(v->mac);
		struct space scope = frames(n, v->ifname, NULL), allowed, more;

		allowed = space_any(n->p);
		one(n, &allowed, SPACE_ETYPE, ETYPE_IP);
		one(n, &allowed, SPACE_SADDR, v->address);
		more = space_any(n->p);
		one(n, &more, SPACE_ETYPE, 0x0806);
		one(n, &more, SPACE_ARP_SHA, mac);
		one(n, &more, SPACE_ARP_SPA, v->address);
		one(n, &more, SPACE_ARP_TPA, WALLS_VIF_ADDRESS);
		join(n, &allowed, &more);
		one(n, &allowed, SPACE_TAG, 0);
		one(n, &allowed, SPACE_ESRC, mac);
		if (n->out->n_claims < ACL_CLAIMS_MAX)
			claim(n, "from-vif",
			      "a domU sends from its own address and MAC, ARP "
			      "for netdom's end, and nothing else",
			      &in, &scope, &allowed);
	}
}

int acl_prove_node(struct nftmodel *m, enum acl_node_part part,
		   const struct walls_lan *lan, const struct walls_vif *domus,
		   size_t n_domus, struct acl_proof *out, struct errinfo *err)
{
	static void (*const parts[])(struct node * n) = {
		[ACL_NODE_DOM0] = prove_dom0,
		[ACL_NODE_NETDOM] = prove_netdom,
		[ACL_NODE_VIF] = prove_vif,
	};
	struct node n = { .m = m,
			  .p = nftmodel_pool(m),
			  .lan = lan,
			  .domus = domus,
			  .n_domus = n_domus,
			  .out = out };
	int rc;

	memset(out, 0, sizeof(*out));
	out->n_rules = nftmodel_rules(m);
	parts[part](&n);
	rc = space_pool_failed(n.p);
	return rc ? errinfo_set_errno(err, rc, "proof") : 0;
}
