/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "cleanup.h"
#include "probe.h"

#define IP_ICMP  1
#define IP_TCP   6
#define IP_UDP   17
#define IP_ICMP6 58
#define SYN      2
#define ACK      16

const char probe_policy[] =
	"pass from domus to central proto tcp port api\n"
	"pass from domus to internet proto udp port 53\n"
	"pass from domus to internet proto icmp\n"
	"pass from domus to gateway proto udp port 123\n"
	"pass from 10.77.0.200 to gateway proto tcp port 22\n";

static const struct {
	const char *name;
	enum bench_port at;
	uint32_t address;
	uint8_t last6[2]; /* of fd00:XX::YY */
	uint8_t mac[6];
} whos[WHOS] = {
	[WHO_DOMU] = { "domU", BENCH_TUNNEL, 0x0a4d800b, { 0x80, 0x0b }, { 0 } },
	[WHO_DOMU2] = { "domU2", BENCH_TUNNEL, 0x0a4d800c, { 0x80, 0x0c }, { 0 } },
	[WHO_NETDOM] = { "netdom",
			 BENCH_SEGMENT,
			 0x0a4d000b,
			 { 0x77, 0x0b },
			 { 0x52, 0x54, 0, 0x77, 0, 0x11 } },
	[WHO_DOM0] = { "dom0",
		       BENCH_SEGMENT,
		       0x0a4d00d3,
		       { 0x77, 0xd3 },
		       { 0x52, 0x54, 0, 0x77, 0xd0, 0x11 } },
	[WHO_PC2] = { "pc2",
		      BENCH_SEGMENT,
		      0x0a4d000c,
		      { 0x77, 0x0c },
		      { 0x52, 0x54, 0, 0x77, 0, 0x12 } },
	[WHO_OFFICE] = { "office",
			 BENCH_SEGMENT,
			 0x0a4d00c8,
			 { 0x77, 0xc8 },
			 { 0x52, 0x54, 0, 0x77, 0, 0xc8 } },
	[WHO_GATEWAY] = { "gateway",
			  BENCH_LOCAL,
			  0x0a4d0001,
			  { 0x77, 0x01 },
			  { 0x52, 0x54, 0, 0x77, 0, 1 } },
	[WHO_CENTRAL] = { "central",
			  BENCH_UPLINK,
			  0x0a630002,
			  { 0x99, 0x02 },
			  { 0x52, 0x54, 0, 0x99, 0, 2 } },
	[WHO_INTERNET] = { "internet",
			   BENCH_UPLINK,
			   0xcb007107,
			   { 0x98, 0x07 },
			   { 0x52, 0x54, 0, 0x99, 0, 0xfe } },
};

const char *probe_who(enum who w)
{
	return whos[w].name;
}

enum bench_port probe_at(enum who w)
{
	return whos[w].at;
}

/* The contract: what gets from whom to whom. All else is nothing. */
#define BIT(w)   (1U << (w))
#define DOMUS    (BIT(WHO_DOMU) | BIT(WHO_DOMU2))
#define NODES    (BIT(WHO_NETDOM) | BIT(WHO_PC2))
#define SEGMENT  (NODES | BIT(WHO_DOM0) | BIT(WHO_OFFICE))
#define WORLD    (BIT(WHO_CENTRAL) | BIT(WHO_INTERNET))
#define ANY_PORT (-1)
#define ANY_IP   255

static const struct {
	unsigned int from, to;
	int protocol, port;
	const char *why;
} contract[] = {
	{ DOMUS, BIT(WHO_CENTRAL), IP_TCP, 8443, "policy line 1" },
	{ DOMUS, BIT(WHO_INTERNET), IP_UDP, 53, "policy line 2" },
	{ DOMUS, BIT(WHO_INTERNET), IP_ICMP, 8, "policy line 3" },
	{ DOMUS, BIT(WHO_GATEWAY), IP_UDP, 123, "policy line 4" },
	{ BIT(WHO_OFFICE), BIT(WHO_GATEWAY), IP_TCP, 22, "policy line 5" },
	{ NODES, BIT(WHO_GATEWAY), IP_UDP, 69, "boot: TFTP" },
	{ NODES, BIT(WHO_GATEWAY), IP_TCP, 80, "boot: HTTP" },
	{ NODES, BIT(WHO_GATEWAY), IP_TCP, 443, "control" },
	/* The other one has not enrolled. */
	{ BIT(WHO_NETDOM), BIT(WHO_GATEWAY), IP_TCP, 8080, "repository" },
	{ BIT(WHO_NETDOM), BIT(WHO_GATEWAY), IP_UDP, 4000, "carousel" },
	{ BIT(WHO_NETDOM), BIT(WHO_GATEWAY), IP_UDP, 51820, "tunnel" },
	{ NODES, BIT(WHO_GATEWAY), IP_ICMP, 8, "echo" },
	{ SEGMENT, BIT(WHO_GATEWAY), IP_UDP, 67, "DHCP" },
	/* The gateway is its owner's. */
	{ BIT(WHO_GATEWAY), WORLD | BIT(WHO_OFFICE) | BIT(WHO_DOM0), ANY_IP,
	  ANY_PORT, "the gateway's own" },
	{ BIT(WHO_GATEWAY), NODES, IP_UDP, 68, "DHCP" },
	{ WORLD, BIT(WHO_GATEWAY), ANY_IP, ANY_PORT,
	  "the owner's own firewall's affair" },
};

/* --- making ------------------------------------------------------------------ */

static void address6(enum who w, uint8_t out[16])
{
	memset(out, 0, 16);
	out[0] = 0xfd;
	out[3] = whos[w].last6[0];
	out[15] = whos[w].last6[1];
}

struct probe *probe_add(struct matrix *m, enum who from, enum who to,
			const char *kind)
{
	struct probe *p = &m->p[m->n];
	struct wire_spec *s = &p->spec;

	if (m->n == ARRAY_SIZE(m->p))
		return p; /* checked by the caller's count */
	p->number = (int)m->n++;
	p->kind = kind;
	p->from = from;
	p->to = to;
	p->by = whos[from].at;
	memcpy(s->src_mac, whos[from].mac, 6);
	memcpy(s->dst_mac,
	       p->by == BENCH_UPLINK ? bench_uplink_mac : bench_gateway_mac, 6);
	s->ethertype = ETH_IP;
	s->saddr = whos[from].address;
	s->daddr = whos[to].address;
	if (from == WHO_GATEWAY && whos[to].at == BENCH_UPLINK)
		s->saddr = 0x0a630001;
	if (to == WHO_GATEWAY && whos[from].at == BENCH_UPLINK)
		s->daddr = 0x0a630001;
	address6(from, s->saddr6);
	address6(to, s->daddr6);
	s->protocol = IP_TCP;
	s->tcp_flags = SYN;
	return p;
}

void probe_promise(struct probe *p)
{
	const struct wire_spec *s = &p->spec;
	int port = s->protocol == IP_ICMP ? s->icmp_type : s->dport;

	if (s->ethertype != ETH_IP)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(contract); i++)
		if (contract[i].from & BIT(p->from) &&
		    contract[i].to & BIT(p->to) &&
		    (contract[i].protocol == ANY_IP ||
		     contract[i].protocol == s->protocol) &&
		    (contract[i].port == ANY_PORT || contract[i].port == port)) {
			p->expect = EXPECT_ARRIVAL;
			p->why = contract[i].why;
			return;
		}
}

struct kind {
	const char *name;
	uint8_t protocol;
	uint16_t sport, dport;
	uint8_t flags, icmp_type, icmp_code;
	enum space_ct state;
	int split;
	uint16_t frag;
};

/* For each pair. */
static const struct kind common_kinds[] = {
	{ "tcp 22", IP_TCP, 0, 22, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "tcp 80", IP_TCP, 0, 80, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "tcp 443", IP_TCP, 0, 443, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "tcp 8443", IP_TCP, 0, 8443, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "tcp 8443 ack", IP_TCP, 0, 8443, ACK, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "udp 53", IP_UDP, 0, 53, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "udp 53 in fragments", IP_UDP, 0, 53, 0, 0, 0, SPACE_CT_NEW, 1, 0 },
	{ "udp 51820", IP_UDP, 0, 51820, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "icmp echo", IP_ICMP, 0, 0, 0, 8, 0, SPACE_CT_NEW, 0, 0 },
	{ "gre", 47, 0, 0, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
};

/* From the segment and from domUs to the gateway, beside these. */
static const struct kind gateway_kinds[] = {
	{ "tcp 8080", IP_TCP, 0, 8080, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "tcp 1", IP_TCP, 0, 1, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "tcp 65535", IP_TCP, 0, 65535, SYN, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "udp 69", IP_UDP, 0, 69, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "udp 123", IP_UDP, 0, 123, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "udp 4000", IP_UDP, 0, 4000, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "udp 161", IP_UDP, 0, 161, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "icmp timestamp", IP_ICMP, 0, 0, 0, 13, 0, SPACE_CT_NEW, 0, 0 },
	{ "sctp 443", 132, 0, 443, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "igmp", 2, 0, 0, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "esp", 50, 0, 0, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
	{ "ip in ip", 4, 0, 0, 0, 0, 0, SPACE_CT_NEW, 0, 0 },
};

/* What no connection is: from everybody to everybody as well. */
static const struct kind invalid_kinds[] = {
	{ "tcp syn+ack", IP_TCP, 8443, 0, SYN | ACK, 0, 0, SPACE_CT_INVALID, 0,
	  0 },
	{ "tcp xmas", IP_TCP, 0, 443, 0x29, 0, 0, SPACE_CT_INVALID, 0, 0 },
	{ "tcp null", IP_TCP, 0, 443, 0, 0, 0, SPACE_CT_INVALID, 0, 0 },
	{ "icmp echo reply", IP_ICMP, 0, 0, 0, 0, 0, SPACE_CT_INVALID, 0, 0 },
	{ "icmp unreachable", IP_ICMP, 0, 0, 0, 3, 1, SPACE_CT_INVALID, 0, 0 },
	{ "icmp redirect", IP_ICMP, 0, 0, 0, 5, 1, SPACE_CT_INVALID, 0, 0 },
	{ "later fragment", IP_UDP, 0, 53, 0, 0, 0, SPACE_CT_NEW, 0, 0x0010 },
	{ "first fragment", IP_UDP, 0, 53, 0, 0, 0, SPACE_CT_NEW, 0, 0x2000 },
};

static struct probe *add_kind(struct matrix *m, enum who from, enum who to,
			      const struct kind *k)
{
	struct probe *p = probe_add(m, from, to, k->name);

	p->spec.protocol = k->protocol;
	p->spec.sport = k->sport;
	p->spec.dport = k->dport;
	p->spec.tcp_flags = k->flags;
	p->spec.icmp_type = k->icmp_type;
	p->spec.icmp_code = k->icmp_code;
	p->spec.frag = k->frag;
	p->state = k->state;
	p->split = k->split;
	/* Where an answer could come to without a port of the probe's. */
	if (!p->spec.dport && k->protocol == IP_TCP)
		p->spec.dport = (uint16_t)(WIRE_PORT + p->number);
	if (k->frag)
		p->kernel = "held until its other fragments come";
	return p;
}

int probe_meet(enum who from, enum who to)
{
	/* By way of the gateway; the uplink's own hosts do not need it. */
	return from != to &&
	       !(whos[from].at == BENCH_UPLINK && whos[to].at == BENCH_UPLINK);
}

static void add_pairs(struct matrix *m)
{
	for (enum who from = 0; from < WHOS; from++)
		for (enum who to = 0; to < WHOS; to++) {
			if (!probe_meet(from, to))
				continue;
			for (size_t k = 0; k < ARRAY_SIZE(common_kinds); k++)
				probe_promise(add_kind(m, from, to,
						       &common_kinds[k]));
			for (size_t k = 0; k < ARRAY_SIZE(invalid_kinds); k++) {
				/* What the gateway itself or its owner's
				 * other interfaces do is the owner's. */
				if (from == WHO_GATEWAY ||
				    (whos[from].at == BENCH_UPLINK &&
				     to == WHO_GATEWAY))
					continue;
				add_kind(m, from, to, &invalid_kinds[k]);
			}
			for (size_t k = 0; to == WHO_GATEWAY &&
					   whos[from].at != BENCH_UPLINK &&
					   k < ARRAY_SIZE(gateway_kinds);
			     k++)
				probe_promise(add_kind(m, from, to,
						       &gateway_kinds[k]));
		}
}

static void add_dhcp(struct matrix *m)
{
	for (enum who from = WHO_NETDOM; from <= WHO_OFFICE; from++)
		for (int offer = 0; offer < 2; offer++) {
			struct probe *p = probe_add(m, from, WHO_GATEWAY,
						    offer ? "dhcp offer"
							  : "dhcp discover");

			p->spec.protocol = IP_UDP;
			p->spec.sport = offer ? 67 : 68;
			p->spec.dport = offer ? 68 : 67;
			p->spec.saddr = offer ? p->spec.saddr : 0;
			p->spec.daddr = 0xffffffff;
			memset(p->spec.dst_mac, 0xff, 6);
			probe_promise(p);
		}
	for (enum who to = WHO_NETDOM; to <= WHO_PC2; to++) {
		struct probe *p = probe_add(m, WHO_GATEWAY, to, "dhcp offer");

		p->spec.protocol = IP_UDP;
		p->spec.sport = 67;
		p->spec.dport = 68;
		probe_promise(p);
	}
}

/* --- other people's addresses -------------------------------------------------- */

static const struct {
	const char *whose;
	uint32_t address;
	int martian; /* the kernel does not take such a source */
} spoofs[] = {
	{ "gateway", 0x0a4d0001, 1 },   { "uplink", 0x0a630001, 1 },
	{ "loopback", 0x7f000001, 1 },  { "nobody", 0, 1 },
	{ "broadcast", 0xffffffff, 1 }, { "multicast", 0xe0000001, 1 },
	{ "netdom", 0x0a4d000b, 0 },    { "pc2", 0x0a4d000c, 0 },
	{ "office", 0x0a4d00c8, 0 },    { "domU", 0x0a4d800b, 0 },
	{ "no domU", 0x0a4d8063, 0 },   { "central", 0x0a630002, 0 },
	{ "internet", 0xcb007107, 0 },
};

/* The way that is open for an honest sender: to see that it is not by name. */
static const struct {
	enum who from, to;
	uint8_t protocol;
	uint16_t dport;
} honest[] = {
	{ WHO_DOMU, WHO_CENTRAL, IP_TCP, 8443 },
	{ WHO_DOMU, WHO_GATEWAY, IP_UDP, 123 },
	{ WHO_NETDOM, WHO_GATEWAY, IP_TCP, 443 },
	{ WHO_NETDOM, WHO_CENTRAL, IP_TCP, 8443 },
	{ WHO_NETDOM, WHO_GATEWAY, IP_UDP, 123 },
	{ WHO_DOM0, WHO_GATEWAY, IP_TCP, 443 },
	{ WHO_DOM0, WHO_CENTRAL, IP_TCP, 8443 },
	{ WHO_OFFICE, WHO_GATEWAY, IP_TCP, 443 },
	{ WHO_OFFICE, WHO_CENTRAL, IP_TCP, 8443 },
	{ WHO_CENTRAL, WHO_DOMU, IP_TCP, 8443 },
	{ WHO_CENTRAL, WHO_NETDOM, IP_TCP, 443 },
	{ WHO_INTERNET, WHO_DOMU, IP_UDP, 53 },
	{ WHO_INTERNET, WHO_NETDOM, IP_UDP, 51820 },
	{ WHO_INTERNET, WHO_GATEWAY, IP_TCP, 8443 },
};

static void add_spoofs(struct matrix *m)
{
	for (size_t h = 0; h < ARRAY_SIZE(honest); h++)
		for (size_t i = 0; i < ARRAY_SIZE(spoofs); i++) {
			struct probe *p;

			if (spoofs[i].address == whos[honest[h].from].address)
				continue;
			p = probe_add(m, honest[h].from, honest[h].to,
				      honest[h].protocol == IP_TCP ? "tcp"
								   : "udp");
			p->spoof = spoofs[i].whose;
			p->spec.protocol = honest[h].protocol;
			p->spec.dport = honest[h].dport;
			p->spec.saddr = spoofs[i].address;
			if (spoofs[i].martian)
				p->kernel = "no source address";
			/* Beyond the segment an address is as good as another. */
			else if (honest[h].to == WHO_GATEWAY &&
				 probe_at(p->from) == BENCH_UPLINK &&
				 spoofs[i].address >> 16 != 0x0a4d)
				probe_promise(p);
		}
}

/* A source route through the gateway; a broadcast; a group. */
static void add_odd(struct matrix *m)
{
	static const uint32_t groups[] = { 0xffffffff, 0x0a4dffff, 0xe0000001,
					   0xefff0001 };
	static const uint8_t group_mac[6] = { 1, 0, 0x5e, 0, 0, 1 };

	for (enum who from = 0; from < WHO_GATEWAY; from++) {
		struct probe *p = probe_add(m, from, WHO_CENTRAL, "source route");

		p->spec.source_route = 1;
		p->spec.dport = 443;
		for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
			p = probe_add(m, from, WHO_GATEWAY,
				      i < 2 ? "udp broadcast" : "udp multicast");
			p->spec.protocol = IP_UDP;
			p->spec.dport = 5353;
			p->spec.daddr = groups[i];
			memset(p->spec.dst_mac, 0xff, 6);
			if (i >= 2)
				memcpy(p->spec.dst_mac, group_mac, 6);
		}
	}
}

void probe_all(struct matrix *m)
{
	struct probe *p;

	m->n = 0;
	memset(m->p, 0, sizeof(m->p));
	add_pairs(m);
	add_dhcp(m);
	probe_frames(m);
	add_spoofs(m);
	add_odd(m);
	/* The last one is always open: where it is, the others have been. */
	p = probe_add(m, WHO_GATEWAY, WHO_CENTRAL, "udp 9");
	p->spec.protocol = IP_UDP;
	p->spec.dport = 9;
	probe_promise(p);
}
