/* SPDX-License-Identifier: Apache-2.0 */
/*
 * point - a probe as the model of the rules sees it.
 */
#include "probe.h"

static space_value mac_value(const uint8_t mac[6])
{
	space_value v = 0;

	for (int i = 0; i < 6; i++)
		v = v << 8 | mac[i];
	return v;
}

static space_value value6(const uint8_t a[16])
{
	space_value v = 0;

	for (int i = 0; i < 16; i++)
		v = v << 8 | a[i];
	return v;
}

/* The kernel's routes of bench.c. */
static enum bench_port route(uint32_t a)
{
	if (a == 0x0a4d0001 || a == 0x0a630001 || a == 0xffffffff ||
	    a == 0x0a4dffff || a >> 28 == 14)
		return BENCH_LOCAL;
	if (a >> 15 == 0x0a4d8000 >> 15)
		return BENCH_TUNNEL;
	return a >> 16 == 0x0a4d ? BENCH_SEGMENT : BENCH_UPLINK;
}

struct space_point probe_point(const struct probe *p)
{
	const struct wire_spec *s = &p->spec;
	enum bench_port to =
		s->ethertype == ETH_IP6 ? probe_at(p->to) : route(s->daddr);
	struct space_point x = { 0 };

	x.v[SPACE_IIF] = space_ifname(bench_interface(p->by));
	x.v[SPACE_OIF] = space_ifname(bench_interface(to));
	x.v[SPACE_ESRC] = x.v[SPACE_EDST] = SPACE_NO_ETHER;
	if (p->by == BENCH_SEGMENT || p->by == BENCH_UPLINK) {
		x.v[SPACE_ESRC] = mac_value(s->src_mac);
		x.v[SPACE_EDST] = mac_value(s->dst_mac);
	}
	x.v[SPACE_ETYPE] = s->ethertype;
	x.v[SPACE_SADDR] = s->saddr;
	x.v[SPACE_DADDR] = s->daddr;
	x.v[SPACE_SADDR6] = value6(s->saddr6);
	x.v[SPACE_DADDR6] = value6(s->daddr6);
	x.v[SPACE_FRAG] = s->frag;
	x.v[SPACE_PROTO] = s->protocol;
	x.v[SPACE_SPORT] =
		s->sport ? s->sport : (space_value)(WIRE_PORT + p->number);
	x.v[SPACE_DPORT] = s->dport;
	x.v[SPACE_ICMP_TYPE] = s->icmp_type;
	x.v[SPACE_ICMP_CODE] = s->icmp_code;
	x.v[SPACE_TCP_FLAGS] = s->tcp_flags;
	x.v[SPACE_CT_STATE] = p->state;
	return x;
}
