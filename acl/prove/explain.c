/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain - one packet's way, rule by rule.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "prove.h"

#define CLIENT_PORT 40000
#define ICMP_ECHO   8
#define TCP_SYN     0x02
#define TCP_SYN_ACK 0x12

struct look_at {
	struct acl_answer *a;
	struct space_pool *pool;
	const struct space *packet;
};

/* The first condition that the packet does not meet. */
static size_t first_failed(struct look_at *l, const struct nftmodel_rule *r)
{
	size_t i;

	for (i = 0; i < r->n_match; i++) {
		struct space yes, maybe;

		yes = space_and(l->pool, l->packet, &r->match[i].yes);
		maybe = space_and(l->pool, l->packet, &r->match[i].maybe);
		if (!yes.n && !maybe.n)
			break;
	}
	return i;
}

static void note(const struct nftmodel_rule *rule, const struct space *reached,
		 const struct space *matched, void *arg)
{
	struct look_at *l = arg;
	struct acl_answer *a = l->a;
	struct acl_look *look;

	(void)reached;
	if (a->n_looks == ARRAY_SIZE(a->looks))
		return;
	look = &a->looks[a->n_looks++];
	look->rule = rule;
	look->taken = matched->n > 0;
	look->failed = look->taken ? 0 : first_failed(l, rule);
	if (!look->taken)
		return;
	a->maybe |= rule->maybe && rule->verdict != NFTMODEL_CONTINUE;
	/* What nat chains accept was let through before. */
	if (rule->verdict == NFTMODEL_ACCEPT && !rule->chain->is_nat &&
	    !a->decides)
		a->decides = rule;
	if (rule->verdict == NFTMODEL_DROP)
		a->otherwise = rule;
}

static space_value interface_of(const struct acl_facts *f,
				const struct acl_place *p)
{
	int has_tunnel = f->tunnel_interface && *f->tunnel_interface;

	switch (p->at) {
	case ACL_AT_GATEWAY:
		return 0;
	case ACL_AT_SEGMENT:
		return space_ifname(f->interface);
	case ACL_AT_TUNNEL:
		return space_ifname(has_tunnel ? f->tunnel_interface
					       : f->interface);
	default:
		return space_ifname("uplink");
	}
}

static enum acl_way way_of(const struct acl_place *from,
			   const struct acl_place *to)
{
	if (to->at == ACL_AT_GATEWAY)
		return ACL_WAY_INPUT;
	return from->at == ACL_AT_GATEWAY ? ACL_WAY_OUTPUT : ACL_WAY_FORWARD;
}

/* What the gateway never gets to see, and who stands there instead. */
static const char *unseen(const struct acl_facts *f, const struct acl_question *q)
{
	int from = q->from.at, to = q->to.at;

	if (from == ACL_AT_GATEWAY && to == ACL_AT_GATEWAY)
		return "it is the gateway itself";
	if (from == ACL_AT_WORLD && to == ACL_AT_WORLD)
		return "neither is on this gateway's side";
	if (from == ACL_AT_SEGMENT && to == ACL_AT_SEGMENT)
		return "the segment's own switch carries it: the bridge filter "
		       "of the node decides (security.md), not the gateway; "
		       "should it be sent by way of the gateway:";
	(void)f;
	return NULL;
}

static void set_macs(const struct acl_facts *f, const struct acl_question *q,
		     struct space_point *x)
{
	int on_segment = x->v[SPACE_IIF] == space_ifname(f->interface);

	x->v[SPACE_ESRC] = x->v[SPACE_EDST] = SPACE_NO_ETHER;
	/* The world's interface has addresses that no rule can know. */
	if (!on_segment && q->from.at != ACL_AT_WORLD)
		return;
	x->v[SPACE_ESRC] = q->mac            ? acl_world_mac(q->mac)
			   : q->from.has_mac ? acl_world_mac(q->from.mac)
					     : 0x020000000001;
	x->v[SPACE_EDST] = 0x020000000002;
}

static struct space_point make_packet(const struct acl_facts *f,
				      const struct acl_question *q)
{
	struct space_point x = { 0 };

	x.v[SPACE_IIF] = interface_of(f, &q->from);
	x.v[SPACE_OIF] = interface_of(f, &q->to);
	x.v[SPACE_ETYPE] = ETYPE_IP;
	x.v[SPACE_SADDR] = q->source ? *q->source : q->from.address;
	x.v[SPACE_DADDR] = q->to.address;
	x.v[SPACE_PROTO] = q->protocol;
	x.v[SPACE_CT_STATE] = SPACE_CT_NEW;
	if (q->protocol == IPPROTO_N_ICMP) {
		x.v[SPACE_ICMP_TYPE] = ICMP_ECHO;
	} else {
		/* A DHCP client has its own port. */
		x.v[SPACE_SPORT] = q->protocol == IPPROTO_N_UDP && q->port == 67
					   ? 68
					   : CLIENT_PORT;
		x.v[SPACE_DPORT] = q->port;
		x.v[SPACE_TCP_FLAGS] = q->protocol == IPPROTO_N_TCP ? TCP_SYN : 0;
	}
	set_macs(f, q, &x);
	return x;
}

static struct space_point make_reply(const struct acl_facts *f,
				     const struct acl_question *q,
				     const struct space_point *x)
{
	struct acl_question back = { .from = q->to, .to = q->from };
	struct space_point r = *x;

	r.v[SPACE_IIF] = x->v[SPACE_OIF];
	r.v[SPACE_OIF] = x->v[SPACE_IIF];
	r.v[SPACE_SADDR] = x->v[SPACE_DADDR];
	r.v[SPACE_DADDR] = x->v[SPACE_SADDR];
	r.v[SPACE_SPORT] = x->v[SPACE_DPORT];
	r.v[SPACE_DPORT] = x->v[SPACE_SPORT];
	r.v[SPACE_CT_STATE] = SPACE_CT_ESTABLISHED;
	r.v[SPACE_CT_DIR] = 1;
	if (q->protocol == IPPROTO_N_ICMP)
		r.v[SPACE_ICMP_TYPE] = 0;
	if (q->protocol == IPPROTO_N_TCP)
		r.v[SPACE_TCP_FLAGS] = TCP_SYN_ACK;
	set_macs(f, &back, &r);
	return r;
}

/* The chain whose policy ended it, if no rule did. */
static const struct nftmodel_chain *ended_by(struct nftmodel *m, enum acl_way way,
					     const struct space *s)
{
	enum nftmodel_hook hook = way == ACL_WAY_INPUT     ? NFTMODEL_INPUT
				  : way == ACL_WAY_FORWARD ? NFTMODEL_FORWARD
							   : NFTMODEL_OUTPUT;
	const struct nftmodel_chain *c, *last = NULL;
	struct space left = *s;

	for (size_t i = 0;
	     (c = nftmodel_base(m, NFTMODEL_INET, hook, i)) != NULL && left.n;
	     i++) {
		left = nftmodel_pass_chain(m, c, &left, NULL);
		last = c;
	}
	return last;
}

static void answer(struct nftmodel *m, enum acl_way way,
		   const struct space_point *x, struct acl_answer *a)
{
	struct space_pool *p = nftmodel_pool(m);
	struct space in = space_of_point(p, x), out;
	struct look_at l = { a, p, &in };
	struct nftmodel_trace trace = { note, &l };

	a->way = way;
	a->packet = *x;
	out = acl_pass(m, way, &in, &trace);
	a->passes = out.n > 0;
	if (!a->passes) {
		a->decides = a->otherwise;
		a->otherwise = NULL;
	} else if (!a->maybe) {
		a->otherwise = NULL;
	}
	a->policy = a->decides ? NULL : ended_by(m, way, &in);
}

int acl_explain(struct nftmodel *m, const struct acl_facts *f,
		const struct acl_question *q, struct acl_answer *request,
		struct acl_answer *reply, struct errinfo *err)
{
	enum acl_way way = way_of(&q->from, &q->to);
	struct space_point x, back;
	int rc;

	memset(request, 0, sizeof(*request));
	memset(reply, 0, sizeof(*reply));
	request->unseen = unseen(f, q);
	x = make_packet(f, q);
	answer(m, way, &x, request);
	back = make_reply(f, q, &x);
	answer(m,
	       way == ACL_WAY_INPUT    ? ACL_WAY_OUTPUT
	       : way == ACL_WAY_OUTPUT ? ACL_WAY_INPUT
				       : ACL_WAY_FORWARD,
	       &back, reply);
	rc = space_pool_failed(nftmodel_pool(m));
	return rc ? errinfo_set_errno(err, rc, "explain") : 0;
}
