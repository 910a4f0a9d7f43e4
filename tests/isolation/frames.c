/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames - the part of the matrix that is not IPv4: IPv6, ARP, other
 * EtherTypes, tags.
 */
#include <string.h>

#include "cleanup.h"
#include "probe.h"

#define IP_TCP   6
#define IP_UDP   17
#define IP_ICMP6 58

/* --- IPv6 -------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t protocol, type;
	uint16_t dport;
	int multicast; /* to ff02::N */
} v6_kinds[] = {
	{ "ipv6 tcp 443", IP_TCP, 0, 443, 0 },
	{ "ipv6 udp 53", IP_UDP, 0, 53, 0 },
	{ "ipv6 echo", IP_ICMP6, 128, 0, 0 },
	{ "ipv6 dhcp", IP_UDP, 0, 547, 2 },
	{ "ipv6 router solicitation", IP_ICMP6, 133, 0, 2 },
	{ "ipv6 router advertisement", IP_ICMP6, 134, 0, 1 },
	{ "ipv6 neighbour solicitation", IP_ICMP6, 135, 0, 1 },
	{ "ipv6 neighbour advertisement", IP_ICMP6, 136, 0, 1 },
	{ "ipv6 redirect", IP_ICMP6, 137, 0, 0 },
	{ "ipv6 listener report", IP_ICMP6, 143, 0, 1 },
};

static void add_v6(struct matrix *m)
{
	static const uint8_t all[16] = { 0xff, 2 };

	for (enum who from = 0; from < WHOS; from++)
		for (enum who to = 0; to < WHOS; to++) {
			int inside = probe_at(from) < BENCH_UPLINK ||
				     probe_at(to) < BENCH_UPLINK;

			for (size_t k = 0; k < ARRAY_SIZE(v6_kinds); k++) {
				struct probe *p;

				if (!probe_meet(from, to) || !inside ||
				    (k > 2 && to != WHO_GATEWAY))
					continue;
				p = probe_add(m, from, to, v6_kinds[k].name);
				p->spec.ethertype = ETH_IP6;
				p->spec.protocol = v6_kinds[k].protocol;
				p->spec.icmp_type = v6_kinds[k].type;
				p->spec.dport = v6_kinds[k].dport;
				if (v6_kinds[k].multicast) {
					memcpy(p->spec.daddr6, all, 16);
					p->spec.daddr6[15] =
						(uint8_t)v6_kinds[k].multicast;
				}
			}
		}
}

/* --- frames ------------------------------------------------------------------ */

static const struct {
	const char *name;
	uint16_t ethertype, vlan[2];
} frame_kinds[] = {
	{ "lldp", 0x88cc, { 0, 0 } },
	{ "802.1x", 0x888e, { 0, 0 } },
	{ "mpls", 0x8847, { 0, 0 } },
	{ "pppoe", 0x8863, { 0, 0 } },
	{ "rarp", 0x8035, { 0, 0 } },
	{ "ethertype 9999", 0x9999, { 0, 0 } },
	{ "llc", 0x0026, { 0, 0 } },
	{ "vlan 1 tcp 443", ETH_IP, { 1, 0 } },
	{ "vlan 7 tcp 443", ETH_IP, { 7, 0 } },
	{ "vlan 7 in 9 tcp 443", ETH_IP, { 9, 7 } },
	{ "vlan 7 arp", ETH_ARP, { 7, 0 } },
};

static void add_frames(struct matrix *m)
{
	for (enum who from = WHO_NETDOM; from <= WHO_OFFICE; from++)
		for (size_t k = 0; k < ARRAY_SIZE(frame_kinds); k++) {
			struct probe *p = probe_add(m, from, WHO_GATEWAY,
						    frame_kinds[k].name);
			struct wire_spec *s = &p->spec;

			s->ethertype = frame_kinds[k].ethertype;
			memcpy(s->vlan, frame_kinds[k].vlan, sizeof(s->vlan));
			s->dport = 443;
			s->arp_op = 1;
			memcpy(s->arp_sha, s->src_mac, 6);
			s->arp_spa = s->saddr;
			s->arp_tpa = s->daddr;
			p->kernel = "the gateway has no such interface";
		}
}

/* The gateway answers for itself and for nobody else. */
static void add_arp(struct matrix *m)
{
	static const enum who asked[] = { WHO_GATEWAY, WHO_PC2, WHO_DOMU,
					  WHO_CENTRAL };

	for (enum who from = WHO_NETDOM; from <= WHO_OFFICE; from++)
		for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
			for (int op = 1; op <= 2; op++) {
				struct probe *p;

				if (from == asked[i])
					continue;
				p = probe_add(m, from, asked[i],
					      op == 1 ? "arp request"
						      : "arp reply");
				p->spec.ethertype = ETH_ARP;
				p->spec.arp_op = op;
				memcpy(p->spec.arp_sha, p->spec.src_mac, 6);
				p->spec.arp_spa = p->spec.saddr;
				p->spec.arp_tpa = p->spec.daddr;
				if (op == 1)
					memset(p->spec.dst_mac, 0xff, 6);
				if (op == 1 && asked[i] == WHO_GATEWAY) {
					p->expect = EXPECT_ARRIVAL;
					p->why = "ARP of the gateway";
				}
			}
}

void probe_frames(struct matrix *m)
{
	add_v6(m);
	add_frames(m);
	add_arp(m);
}
