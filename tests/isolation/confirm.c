/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confirm - a packet of those that a proof says get through, sent.
 */
#include <string.h>

#include "cleanup.h"
#include "main.h"

/* What this gateway's kernel routes from where to where. */
struct leg {
	enum bench_port port;
	uint32_t first, last;
};

static const struct leg legs[] = {
	{ BENCH_SEGMENT, 0x0a4d0002, 0x0a4d7ffe },
	{ BENCH_TUNNEL, 0x0a4d8001, 0x0a4dfffe },
	{ BENCH_UPLINK, 0xcb007101, 0xcb0071fe },
	{ BENCH_UPLINK, 0x0a630002, 0x0a630002 },
};

/* Whose addresses a packet from there claims. */
static const struct leg sources[] = {
	{ BENCH_SEGMENT, 0x0a4d0002, 0x0a4d7ffe },
	{ BENCH_SEGMENT, 0x0a4d8001, 0x0a4dfffe },
	{ BENCH_SEGMENT, 0x0a630002, 0x0a630002 },
	{ BENCH_TUNNEL, 0x0a4d8001, 0x0a4dfffe },
	{ BENCH_TUNNEL, 0x0a630002, 0x0a630002 },
	{ BENCH_UPLINK, 0xcb007101, 0xcb0071fe },
	{ BENCH_UPLINK, 0x0a630002, 0x0a630002 },
	{ BENCH_UPLINK, 0x0a4d0002, 0x0a4dfffe },
};

static const struct leg here[] = {
	{ BENCH_LOCAL, 0x0a4d0001, 0x0a4d0001 },
	{ BENCH_LOCAL, 0xffffffff, 0xffffffff },
};

static void set(struct space_pool *p, struct space_cube *c, enum space_field f,
		space_value lo, space_value hi)
{
	c->f[f] = space_vset_one(p, lo, hi);
}

static void add_route(struct space_pool *p, struct space *s,
		      const struct leg *from, const struct leg *to, int v6)
{
	space_value in = space_ifname(bench_interface(from->port));
	space_value out = space_ifname(bench_interface(to->port));
	space_value net6 = (space_value)0xfd00 << 112;
	static const int nets[] = { 0x77, 0x80, 0x99, 0x77 };
	struct space_cube *c = space_cube_any(p);

	if (!c)
		return;
	set(p, c, SPACE_IIF, in, in);
	set(p, c, SPACE_OIF, out, out);
	set(p, c, SPACE_ETYPE, v6 ? ETH_IP6 : ETH_IP, v6 ? ETH_IP6 : ETH_IP);
	set(p, c, SPACE_TAG, 0, 0);
	set(p, c, SPACE_FRAG, 0, 0);
	if (v6) {
		space_value host = (space_value)nets[to->port] << 96;
		/* Neighbours that bench.c settled, or the gateway. */
		static const int last[] = { 0xc8, 0x0b, 0x02, 0x01 };

		set(p, c, SPACE_SADDR6,
		    net6 | (space_value)nets[from->port] << 96 | 9,
		    net6 | (space_value)nets[from->port] << 96 | 9);
		set(p, c, SPACE_DADDR6, net6 | host | last[to->port],
		    net6 | host | last[to->port]);
	} else {
		set(p, c, SPACE_SADDR, from->first, from->last);
		set(p, c, SPACE_DADDR, to->first, to->last);
	}
	space_add(p, s, c);
}

static struct space routable(struct space_pool *p, enum acl_way way)
{
	const struct leg *from = way == ACL_WAY_OUTPUT ? here : sources;
	const struct leg *to = way == ACL_WAY_INPUT ? here : legs;
	size_t n_from = way == ACL_WAY_OUTPUT ? 1 : ARRAY_SIZE(sources);
	size_t n_to = way == ACL_WAY_INPUT ? ARRAY_SIZE(here) : ARRAY_SIZE(legs);
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < n_from; i++)
		for (size_t k = 0; k < n_to; k++)
			for (int v6 = 0; v6 < 2; v6++)
				add_route(p, &s, &from[i], &to[k], v6);
	return s;
}

/* Protocols and states that a packet of ours can be in. */
static struct space possible(struct space_pool *p, enum space_ct state)
{
	static const int protocols[] = { 6, 17, 1, 58, 47 };
	/* SYN; the SYN-ACK to one; FIN, PSH, URG. */
	static const int flags[] = {
		[SPACE_CT_NEW] = 2,
		[SPACE_CT_ESTABLISHED] = 0x12,
		[SPACE_CT_INVALID] = 0x29,
	};
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct space_cube *c = space_cube_any(p);

		/* Without a connection: flags that none begins with. */
		if (!c || (state == SPACE_CT_INVALID && i > 0))
			continue;
		set(p, c, SPACE_PROTO, protocols[i], protocols[i]);
		set(p, c, SPACE_CT_STATE, state, state);
		if (protocols[i] == 6)
			set(p, c, SPACE_TCP_FLAGS, flags[state], flags[state]);
		if (protocols[i] == 6 || protocols[i] == 17)
			set(p, c, SPACE_DPORT, 1, 65535);
		if (protocols[i] == 1)
			set(p, c, SPACE_ICMP_TYPE, 8, 8);
		if (protocols[i] == 58)
			set(p, c, SPACE_ICMP_TYPE, 128, 128);
		/* The other protocol's errors are no protocol of this one. */
		if (protocols[i] == 1 || protocols[i] == 58)
			set(p, c, SPACE_ETYPE,
			    protocols[i] == 1 ? ETH_IP : ETH_IP6,
			    protocols[i] == 1 ? ETH_IP : ETH_IP6);
		space_add(p, &s, c);
	}
	return s;
}

static void take_address(space_value v, uint8_t out[16])
{
	for (int i = 0; i < 16; i++)
		out[i] = (uint8_t)(v >> (8 * (15 - i)));
}

static struct probe probe_of(const struct space_point *x, int number)
{
	struct probe p = { .kind = "counterexample", .number = number };
	struct wire_spec *s = &p.spec;

	p.by = BENCH_LOCAL;
	for (int i = 0; i < BENCH_LOCAL; i++)
		if (x->v[SPACE_IIF] == space_ifname(bench_interface(i)))
			p.by = i;
	for (int i = 0; i < 6; i++)
		s->src_mac[i] = (uint8_t)(x->v[SPACE_ESRC] >> (8 * (5 - i)));
	memcpy(s->dst_mac,
	       p.by == BENCH_UPLINK ? bench_uplink_mac : bench_gateway_mac, 6);
	s->ethertype = (uint16_t)x->v[SPACE_ETYPE];
	s->saddr = (uint32_t)x->v[SPACE_SADDR];
	s->daddr = (uint32_t)x->v[SPACE_DADDR];
	take_address(x->v[SPACE_SADDR6], s->saddr6);
	take_address(x->v[SPACE_DADDR6], s->daddr6);
	if (s->daddr == 0xffffffff)
		memset(s->dst_mac, 0xff, 6);
	s->protocol = (uint8_t)x->v[SPACE_PROTO];
	s->sport = (uint16_t)x->v[SPACE_SPORT];
	s->dport = (uint16_t)x->v[SPACE_DPORT];
	s->tcp_flags = (uint8_t)x->v[SPACE_TCP_FLAGS];
	s->icmp_type = (uint8_t)x->v[SPACE_ICMP_TYPE];
	s->icmp_code = (uint8_t)x->v[SPACE_ICMP_CODE];
	return p;
}

static void ignore(enum bench_port port, const struct wire_heard *h, void *arg)
{
	(void)port;
	(void)h;
	(void)arg;
}

static int arrives(const struct probe *p)
{
	static struct matrix one;

	one.n = 1;
	one.p[0] = *p;
	one.p[0].number = 0;
	one.p[0].expect = EXPECT_ARRIVAL;
	probe_run(&one, 0, ignore, NULL);
	return one.p[0].arrived > 0;
}

/* Rules that only see connections. */
static const char watching[] =
	"flush ruleset\ntable inet w {\n"
	"chain f {\ntype filter hook forward priority 0;\nct state new accept\n}\n"
	"chain i {\ntype filter hook input priority 0;\nct state new accept\n}\n"
	"chain o {\ntype filter hook output priority 0;\nct state new accept\n}\n"
	"}\n";

/* The same connection's packet the other way. */
static struct probe turned(const struct space_point *x)
{
	struct space_point r = *x;
	struct probe q;

	r.v[SPACE_IIF] = x->v[SPACE_OIF];
	r.v[SPACE_SADDR] = x->v[SPACE_DADDR];
	r.v[SPACE_DADDR] = x->v[SPACE_SADDR];
	r.v[SPACE_SADDR6] = x->v[SPACE_DADDR6];
	r.v[SPACE_DADDR6] = x->v[SPACE_SADDR6];
	r.v[SPACE_SPORT] = x->v[SPACE_DPORT];
	r.v[SPACE_DPORT] = x->v[SPACE_SPORT];
	q = probe_of(&r, 0);
	q.spec.tcp_flags = 2;
	memset(q.spec.src_mac, 2, 6);
	return q;
}

/* Makes the connection that the packet belongs to, as it was before. */
static int open_connection(const struct probe *p, const struct space_point *x,
			   struct errinfo *err)
{
	struct probe back = turned(x);
	int rc = bench_load(watching, err);

	if (rc)
		return rc;
	if (x->v[SPACE_PROTO] == 1 || x->v[SPACE_PROTO] == 58) {
		arrives(p);
		back.spec.icmp_type = x->v[SPACE_PROTO] == 1 ? 0 : 129;
		arrives(&back);
		return 0;
	}
	/* It may be the first answer: then the other side began. */
	arrives(&back);
	return 0;
}

int confirm(struct nftmodel *m, const struct acl_claim *c, const char *json,
	    struct space_point *x)
{
	static const enum space_ct states[] = { SPACE_CT_NEW,
						SPACE_CT_ESTABLISHED,
						SPACE_CT_INVALID };
	struct space_pool *pool = nftmodel_pool(m);
	struct space roads = routable(pool, c->way), s, kinds;
	struct errinfo err = ERRINFO_INIT;
	struct space_point like = { 0 };
	struct probe p;

	like.v[SPACE_ESRC] = 0x020000000001;
	like.v[SPACE_SPORT] = 30001;
	like.v[SPACE_DPORT] = 30002;
	like.v[SPACE_SADDR] = 0x0a4d00c8;
	like.v[SPACE_DADDR] = 0x0a4d00c8;
	roads = space_and(pool, &c->hole, &roads);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		kinds = possible(pool, states[i]);
		s = space_and(pool, &roads, &kinds);
		if (space_sample(&s, &like, x))
			continue;
		p = probe_of(x, 0);
		if (bench_forget(&err))
			return 0;
		if (states[i] == SPACE_CT_ESTABLISHED &&
		    (open_connection(&p, x, &err) || bench_load_json(json, &err)))
			return 0;
		return arrives(&p);
	}
	return -1;
}
