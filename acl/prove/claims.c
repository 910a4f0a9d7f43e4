/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims - what must hold, tried on all packets at once: those that the rules
 * may let pass of a claim's scope, less those that it allows, are none.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "prove.h"

struct claim {
	const char *name, *words;
	enum acl_way way;
	/* Packets that it is about. Empty: nothing of that kind here. */
	struct space (*scope)(const struct world *w);
	struct space (*allowed)(const struct world *w);
};

/* Packets of a way, in and out by these interfaces (NULL: any real one). */
static struct space between(const struct world *w, const struct space_vset *in,
			    const struct space_vset *out)
{
	struct space s = space_any(w->pool), tagless;
	const struct space_vset *tunnel, *real;

	real = space_vset_one(w->pool, 1, SPACE_VALUE_MAX);
	acl_world_in(w, &s, SPACE_IIF, in ? in : real);
	acl_world_in(w, &s, SPACE_OIF, out ? out : real);
	acl_world_only(w, &s, SPACE_TAG, 0, 0);
	/* Untracked is none: the model refuses rules that could make one so. */
	acl_world_only(w, &s, SPACE_CT_STATE, SPACE_CT_NEW, SPACE_CT_INVALID);
	if (!w->has_tunnel)
		return s;
	/* A tunnel's packets have no Ethernet header. */
	tunnel = acl_world_interfaces(w, 1);
	tagless = s;
	acl_world_in(w, &tagless, SPACE_IIF, tunnel);
	tagless = space_assign(
		w->pool, &tagless, SPACE_ESRC,
		space_vset_one(w->pool, SPACE_NO_ETHER, SPACE_NO_ETHER));
	tagless = space_assign(
		w->pool, &tagless, SPACE_EDST,
		space_vset_one(w->pool, SPACE_NO_ETHER, SPACE_NO_ETHER));
	acl_world_in(w, &s, SPACE_IIF,
		     space_vset_not(w->pool, SPACE_IIF, tunnel));
	space_add_all(w->pool, &s, &tagless);
	return s;
}

static const struct space_vset *none(const struct world *w)
{
	return space_vset_one(w->pool, 0, 0);
}

static struct space ip_of(const struct world *w, struct space s, int v6)
{
	int type = v6 ? ETYPE_IP6 : ETYPE_IP;

	acl_world_only(w, &s, SPACE_ETYPE, type, type);
	return s;
}

static struct space nothing(const struct world *w)
{
	(void)w;
	return (struct space)SPACE_EMPTY;
}

/* --- IPv6 -------------------------------------------------------------------- */

static const struct space_vset *both(const struct world *w)
{
	struct space_range r[] = {
		{ space_ifname(w->f->interface), space_ifname(w->f->interface) },
		{ space_ifname(w->domu_if), space_ifname(w->domu_if) },
	};

	return space_vset_of(w->pool, r, ARRAY_SIZE(r));
}

static struct space v6_input(const struct world *w)
{
	return ip_of(w, between(w, both(w), none(w)), 1);
}

static struct space v6_forward(const struct world *w)
{
	struct space s = between(w, both(w), NULL), to;

	to = between(w, NULL, both(w));
	space_add_all(w->pool, &s, &to);
	return ip_of(w, s, 1);
}

/* Of what is made here: new connections. */
static struct space made_here(const struct world *w, const struct space_vset *out)
{
	struct space s = between(w, none(w), out);

	s = space_assign(w->pool, &s, SPACE_ESRC,
			 space_vset_one(w->pool, SPACE_NO_ETHER, SPACE_NO_ETHER));
	acl_world_only(w, &s, SPACE_CT_STATE, SPACE_CT_NEW, SPACE_CT_NEW);
	return s;
}

static struct space v6_output(const struct world *w)
{
	return ip_of(w, made_here(w, both(w)), 1);
}

/* --- the gateway itself ------------------------------------------------------ */

static struct space segment_input(const struct world *w)
{
	return ip_of(w, between(w, acl_world_interfaces(w, 0), none(w)), 0);
}

static struct space segment_input_allowed(const struct world *w)
{
	struct space s = acl_world_dhcp(w, 0), nodes, one;

	for (int enrolled = 0; enrolled < 2; enrolled++) {
		nodes = acl_world_nodes(w, enrolled);
		one = acl_world_services(w, enrolled);
		one = space_and(w->pool, &nodes, &one);
		space_add_all(w->pool, &s, &one);
	}
	one = acl_allowed(w, ALLOW_GATEWAY_SEGMENT);
	space_add_all(w->pool, &s, &one);
	return s;
}

static struct space domu_input(const struct world *w)
{
	if (!w->has_tunnel)
		return nothing(w);
	return ip_of(w, between(w, acl_world_interfaces(w, 1), none(w)), 0);
}

static struct space domu_input_allowed(const struct world *w)
{
	return acl_allowed(w, ALLOW_GATEWAY_DOMUS);
}

/* Answers to it would find their way to them. */
static struct space claimed_input(const struct world *w)
{
	struct space_range whose[] = { acl_world_segment(w)->r[0],
				       acl_world_domu_range(w)->r[0] };
	space_value lo = space_ifname("lo");
	const struct space_vset *in =
		space_vset_minus(w->pool, SPACE_IIF, acl_world_elsewhere(w),
				 space_vset_one(w->pool, lo, lo));
	struct space s = between(w, in, none(w));

	acl_world_in(w, &s, SPACE_SADDR,
		     space_vset_of(w->pool, whose, ARRAY_SIZE(whose)));
	return ip_of(w, s, 0);
}

/* --- through the gateway ----------------------------------------------------- */

static struct space forward_allowed(const struct world *w)
{
	struct space s = acl_allowed(w, ALLOW_BEYOND);

	acl_world_in(w, &s, SPACE_IIF, acl_world_interfaces(w, 1));
	acl_world_in(w, &s, SPACE_OIF, acl_world_elsewhere(w));
	return s;
}

static struct space from_segment(const struct world *w)
{
	return ip_of(w, between(w, acl_world_interfaces(w, 0), NULL), 0);
}

static struct space from_domus(const struct world *w)
{
	if (!w->has_tunnel)
		return nothing(w);
	return ip_of(w, between(w, acl_world_interfaces(w, 1), NULL), 0);
}

static struct space replies_allowed(const struct world *w)
{
	struct space s = acl_allowed(w, ALLOW_ANSWERED), errors;
	struct space_range *r;

	s = acl_replies(w, &s);
	errors = acl_world_errors(w);
	r = space_pool_alloc(w->pool, (w->f->n_domus + 1) * sizeof(*r));
	for (size_t i = 0; r && i < w->f->n_domus; i++)
		r[i] = (struct space_range){ w->f->domus[i].address,
					     w->f->domus[i].address };
	acl_world_in(w, &errors, SPACE_DADDR,
		     space_vset_of(w->pool, r, w->f->n_domus));
	space_add_all(w->pool, &s, &errors);
	acl_world_in(w, &s, SPACE_IIF, acl_world_elsewhere(w));
	acl_world_in(w, &s, SPACE_OIF, acl_world_interfaces(w, 1));
	return s;
}

static struct space to_segment(const struct world *w)
{
	return ip_of(
		w, between(w, acl_world_elsewhere(w), acl_world_interfaces(w, 0)),
		0);
}

static struct space to_domus(const struct world *w)
{
	if (!w->has_tunnel)
		return nothing(w);
	return ip_of(
		w, between(w, acl_world_elsewhere(w), acl_world_interfaces(w, 1)),
		0);
}

/* --- from the gateway -------------------------------------------------------- */

static struct space to_nodes(const struct world *w)
{
	struct space s = made_here(w, acl_world_interfaces(w, 0));
	struct space_range *r;

	r = space_pool_alloc(w->pool, (w->f->n_nodes + 1) * sizeof(*r));
	for (size_t i = 0; r && i < w->f->n_nodes; i++)
		r[i] = (struct space_range){ w->f->nodes[i].address,
					     w->f->nodes[i].address };
	acl_world_in(w, &s, SPACE_DADDR,
		     space_vset_of(w->pool, r, w->f->n_nodes));
	return ip_of(w, s, 0);
}

static struct space to_nodes_allowed(const struct world *w)
{
	struct space s = acl_world_dhcp(w, 1), tunnel;
	int port = w->f->tunnel.port;

	tunnel = acl_world_cube(
		w, (struct world_field[]){
			   { SPACE_PROTO, IPPROTO_N_UDP, IPPROTO_N_UDP },
			   { SPACE_SPORT, port, port },
			   { SPACE_FIELDS, 0, 0 } });
	if (w->has_tunnel)
		space_add_all(w->pool, &s, &tunnel);
	return s;
}

static struct space made_for_domus(const struct world *w)
{
	struct space s = made_here(w, acl_world_interfaces(w, 1));

	acl_world_in(w, &s, SPACE_DADDR, acl_world_domu_range(w));
	return ip_of(w, s, 0);
}

/* Without a tunnel a domU's address is one of the segment. */
static struct space made_for_domus_allowed(const struct world *w)
{
	return w->has_tunnel ? nothing(w) : acl_world_dhcp(w, 1);
}

static const struct claim claims[] = {
	{ "ipv6-to-gateway", "no IPv6 from the segment or a domU to the gateway",
	  ACL_WAY_INPUT, v6_input, nothing },
	{ "ipv6-through", "no IPv6 from or to the segment or a domU",
	  ACL_WAY_FORWARD, v6_forward, nothing },
	{ "ipv6-from-gateway",
	  "the gateway begins no IPv6 to the segment or a domU", ACL_WAY_OUTPUT,
	  v6_output, nothing },
	{ "segment-to-gateway",
	  "dom0 and netdom reach the named services of the gateway, before they "
	  "enrol those to boot with; others of the segment DHCP and what the "
	  "policy says",
	  ACL_WAY_INPUT, segment_input, segment_input_allowed },
	{ "domu-to-gateway", "domUs reach of the gateway what the policy says",
	  ACL_WAY_INPUT, domu_input, domu_input_allowed },
	{ "claimed-to-gateway",
	  "nobody from elsewhere reaches the gateway in the name of the segment or "
	  "a domU",
	  ACL_WAY_INPUT, claimed_input, nothing },
	{ "from-segment",
	  "nothing of the segment gets through the gateway but domUs' own",
	  ACL_WAY_FORWARD, from_segment, forward_allowed },
	{ "from-domu", "domUs reach what the policy says, and no other domU",
	  ACL_WAY_FORWARD, from_domus, forward_allowed },
	{ "to-segment", "nothing gets into the segment but answers to domUs",
	  ACL_WAY_FORWARD, to_segment, replies_allowed },
	{ "to-domu", "nothing gets to a domU but answers to it",
	  ACL_WAY_FORWARD, to_domus, replies_allowed },
	{ "gateway-to-node",
	  "the gateway begins nothing to dom0 and netdom but DHCP and the tunnel",
	  ACL_WAY_OUTPUT, to_nodes, to_nodes_allowed },
	{ "gateway-to-domu", "the gateway begins nothing to a domU",
	  ACL_WAY_OUTPUT, made_for_domus, made_for_domus_allowed },
};

/* --- trying ------------------------------------------------------------------ */

void acl_claim_note(const struct nftmodel_rule *rule, const struct space *reached,
		    const struct space *matched, void *arg)
{
	struct acl_claim *c = arg;

	(void)reached;
	if (!matched->n)
		return;
	c->maybe |= rule->maybe && rule->verdict != NFTMODEL_CONTINUE;
	if (c->n_steps < ARRAY_SIZE(c->steps))
		c->steps[c->n_steps++].rule = rule;
}

/* A packet that people recognise, as far as the hole leaves a choice. */
static struct space_point familiar(const struct world *w)
{
	struct space_point x = { 0 };

	x.v[SPACE_IIF] = space_ifname("uplink");
	x.v[SPACE_OIF] = space_ifname("uplink");
	x.v[SPACE_ETYPE] = ETYPE_IP;
	x.v[SPACE_ESRC] = 0x020000000001;
	x.v[SPACE_EDST] = 0x020000000002;
	x.v[SPACE_SADDR] =
		w->f->n_nodes ? w->f->nodes[0].address : w->f->address + 1;
	x.v[SPACE_DADDR] = 0xc6336407; /* 198.51.100.7, RFC 5737 */
	x.v[SPACE_SADDR6] = (space_value)0x20010db8 << 96 | 1; /* RFC 3849 */
	x.v[SPACE_DADDR6] = (space_value)0x20010db8 << 96 | 2;
	x.v[SPACE_PROTO] = IPPROTO_N_TCP;
	x.v[SPACE_SPORT] = 40000;
	x.v[SPACE_DPORT] = 22;
	x.v[SPACE_TCP_FLAGS] = 2;
	return x;
}

static void try_claim(const struct world *w, struct nftmodel *m,
		      const struct claim *c, struct acl_claim *out)
{
	struct nftmodel_trace trace = { acl_claim_note, out };
	struct space_point like = familiar(w);
	struct space s, allowed;

	*out = (struct acl_claim){ .name = c->name,
				   .words = c->words,
				   .way = c->way };
	s = c->scope(w);
	s = acl_pass(m, c->way, &s, NULL);
	allowed = c->allowed(w);
	s = space_minus(w->pool, &s, &allowed);
	out->hole = s;
	out->holds = space_sample(&s, &like, &out->packet) != 0;
	if (out->holds)
		return;
	s = space_of_point(w->pool, &out->packet);
	acl_pass(m, c->way, &s, &trace);
}

static int check_hooks(struct nftmodel *m, struct errinfo *err)
{
	static const enum nftmodel_hook needed[] = { NFTMODEL_INPUT,
						     NFTMODEL_FORWARD };

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!nftmodel_base(m, NFTMODEL_INET, needed[i], 0))
			return errinfo_set(err, -EINVAL,
					   "no chain at hook %s: nothing stands "
					   "there",
					   nftmodel_hook_name(needed[i]));
	return 0;
}

int acl_prove(struct nftmodel *m, const struct acl_facts *f,
	      const struct acl_policy *p, struct acl_proof *out,
	      struct errinfo *err)
{
	struct world w;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = check_hooks(m, err);
	if (rc)
		return rc;
	out->n_rules = nftmodel_rules(m);
	acl_world(&w, m, f, p);
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		struct acl_claim *c = &out->claims[out->n_claims++];

		try_claim(&w, m, &claims[i], c);
		out->n_broken += !c->holds;
	}
	/* Half an answer is none. */
	rc = space_pool_failed(w.pool);
	return rc ? errinfo_set_errno(err, rc, "proof") : 0;
}
