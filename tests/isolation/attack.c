/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "attack.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static const char *const class_names[ATTACK_CLASSES] = {
	[CLASS_TCP] = "TCP",
	[CLASS_UDP] = "UDP",
	[CLASS_ICMP] = "ICMP",
	[CLASS_DHCP] = "DHCP, client and server",
	[CLASS_IGMP] = "IGMP",
	[CLASS_OTHER_IP] = "GRE, SCTP",
	[CLASS_FRAGMENT] = "fragments",
	[CLASS_OPTIONS] = "source routes",
	[CLASS_ARP] = "ARP",
	[CLASS_IP6] = "IPv6",
	[CLASS_TAG] = "VLAN tags",
	[CLASS_ETHERTYPE] = "other EtherTypes",
};

const char *attack_class_name(enum attack_class c)
{
	return class_names[c];
}

/* --- words ------------------------------------------------------------------- */

static int read_mac(const char *s, uint8_t mac[6])
{
	return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		      &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static int read_host(const char *word, struct attack_host *h)
{
	char text[64];
	struct in_addr a;
	const char *mac;
	int at = 0;

	/* NAME=ADDRESS, and what is behind it */
	if (sscanf(word, "%15[^=]=%15[0-9.]%n", h->name, text, &at) != 2 ||
	    inet_pton(AF_INET, text, &a) != 1)
		return 0;
	h->address = ntohl(a.s_addr);
	mac = word + at;
	if (!*mac)
		return 1;
	return *mac == '/' && read_mac(mac + 1, h->mac);
}

static void add_group(struct attack_plan *p, const char *name, uint32_t address,
		      const uint8_t *mac)
{
	struct attack_host *h = &p->host[p->n_hosts++];

	snprintf(h->name, sizeof(h->name), "%s", name);
	h->address = address;
	memcpy(h->mac, mac, 6);
}

static int read_hosts(int argc, char **argv, struct attack_plan *p)
{
	static const uint8_t all_hosts[6] = { 1, 0, 0x5e, 0, 0, 1 };
	static const uint8_t local[6] = { 1, 0, 0x5e, 0x7f, 0, 1 };
	static const uint8_t bridges[6] = { 1, 0x80, 0xc2, 0, 0, 0 };

	if (argc < 2 || argc - 1 > ATTACK_HOSTS_MAX - 5 ||
	    !read_host(argv[0], &p->me) || strcmp(p->me.name, "me") != 0)
		return -1;
	for (int i = 1; i < argc; i++) {
		struct attack_host *h = &p->host[p->n_hosts++];

		memcpy(h->mac, everybody, 6);
		if (!read_host(argv[i], h))
			return -1;
	}
	p->next = p->n_named = p->n_hosts;
	for (size_t i = 0; i < p->n_named; i++)
		if (!strcmp(p->host[i].name, "next"))
			p->next = i;
	add_group(p, "broadcast", 0xffffffff, everybody);
	add_group(p, "all hosts", 0xe0000001, all_hosts);
	add_group(p, "a group", 0xefff0001, local);
	add_group(p, "loopback", 0x7f000001, bridges);
	add_group(p, "link-local", 0xa9fe0102, everybody);
	return 0;
}

/* --- the list ---------------------------------------------------------------- */

static struct attack *add(struct attack_plan *p, enum attack_class class,
			  const struct attack *base)
{
	struct attack *a = &p->a[p->n < ATTACK_MAX ? p->n : ATTACK_MAX - 1];

	*a = *base;
	a->class = class;
	p->n++; /* one too many is told at the end */
	return a;
}

static const struct {
	enum attack_class class;
	uint8_t protocol, type;
	uint16_t sport, dport;
	uint8_t flags;
	uint16_t frag;
} ip_kinds[] = {
	{ CLASS_TCP, 6, 0, 0, 22, 2, 0 },
	{ CLASS_TCP, 6, 0, 0, 80, 2, 0 },
	{ CLASS_TCP, 6, 0, 0, 443, 2, 0 },
	{ CLASS_TCP, 6, 0, 0, 8080, 2, 0 },
	{ CLASS_TCP, 6, 0, 0, 8443, 2, 0 },
	{ CLASS_TCP, 6, 0, 443, 40000, 18, 0 },
	{ CLASS_TCP, 6, 0, 0, 443, 0x29, 0 },
	{ CLASS_UDP, 17, 0, 0, 53, 0, 0 },
	{ CLASS_UDP, 17, 0, 0, 69, 0, 0 },
	{ CLASS_UDP, 17, 0, 51820, 51820, 0, 0 },
	{ CLASS_UDP, 17, 0, 0, 4000, 0, 0 },
	{ CLASS_DHCP, 17, 0, 68, 67, 0, 0 },
	{ CLASS_DHCP, 17, 0, 67, 68, 0, 0 },
	{ CLASS_ICMP, 1, 8, 0, 0, 0, 0 },
	{ CLASS_ICMP, 1, 5, 0, 0, 0, 0 },
	{ CLASS_ICMP, 1, 13, 0, 0, 0, 0 },
	{ CLASS_IGMP, 2, 0x16, 0, 0, 0, 0 },
	{ CLASS_OTHER_IP, 47, 0, 0, 0, 0, 0 },
	{ CLASS_OTHER_IP, 132, 0, 0, 443, 0, 0 },
	{ CLASS_FRAGMENT, 17, 0, 0, 53, 0, 0x0010 },
	{ CLASS_FRAGMENT, 17, 0, 0, 53, 0, 0x2000 },
};

static void add_ip(struct attack_plan *p, const struct attack *base)
{
	struct attack *a;

	for (size_t i = 0; i < COUNT(ip_kinds); i++) {
		struct wire_spec *s;

		a = add(p, ip_kinds[i].class, base);
		s = &a->spec;
		s->protocol = ip_kinds[i].protocol;
		s->icmp_type = ip_kinds[i].type;
		s->sport = ip_kinds[i].sport;
		s->dport = ip_kinds[i].dport;
		s->tcp_flags = ip_kinds[i].flags;
		s->frag = ip_kinds[i].frag;
		/* As a client without an address does it. */
		if (a->class == CLASS_DHCP && a->way == ATTACK_ALL)
			s->saddr = 0;
	}
	a = add(p, CLASS_FRAGMENT, base);
	a->spec.protocol = 17;
	a->spec.dport = 53;
	a->split = 1;
	a = add(p, CLASS_OPTIONS, base);
	a->spec.protocol = 17;
	a->spec.dport = 53;
	a->spec.source_route = 1;
}

/* IPv6: TCP, DHCP, echo, router and neighbour words. */
static void add_ip6(struct attack_plan *p, const struct attack *base)
{
	static const uint8_t types[] = { 128, 133, 134, 135, 136, 137, 143 };
	struct attack b = *base;
	struct wire_spec *s = &b.spec;

	s->ethertype = ETH_IP6;
	s->saddr6[0] = s->daddr6[0] = 0xfe;
	s->saddr6[1] = s->daddr6[1] = 0x80;
	s->saddr6[15] = (uint8_t)s->saddr;
	s->daddr6[15] = (uint8_t)s->daddr;
	if (b.to >= p->n_named && b.way == ATTACK_DIRECT) {
		static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };

		memcpy(s->dst_mac, all_nodes, 6);
		s->daddr6[0] = 0xff;
		s->daddr6[1] = 2;
		s->daddr6[15] = 1;
	}
	s->protocol = 6;
	s->tcp_flags = 2;
	s->dport = 443;
	add(p, CLASS_IP6, &b);
	s->protocol = 17;
	s->dport = 547;
	add(p, CLASS_IP6, &b);
	s->protocol = 58;
	for (size_t i = 0; i < COUNT(types); i++) {
		s->icmp_type = types[i];
		add(p, CLASS_IP6, &b);
	}
}

static void add_frames(struct attack_plan *p, const struct attack *base)
{
	static const uint16_t types[] = { 0x88cc, 0x888e, 0x8847, 0x8863,
					  0x8035, 0x9999, 0x0026 };
	struct attack b = *base;

	b.spec.protocol = 6;
	b.spec.tcp_flags = 2;
	b.spec.dport = 443;
	b.spec.vlan[0] = 1;
	add(p, CLASS_TAG, &b);
	b.spec.vlan[0] = 7;
	b.spec.vlan[1] = 9;
	add(p, CLASS_TAG, &b);
	for (size_t i = 0; i < COUNT(types); i++)
		add(p, CLASS_ETHERTYPE, base)->spec.ethertype = types[i];
}

/* Asks, answers unasked, tells everybody, asks for nobody. */
static void add_arp(struct attack_plan *p, const struct attack *base)
{
	for (int i = 0; i < 4; i++) {
		struct wire_spec *s = &add(p, CLASS_ARP, base)->spec;

		s->ethertype = ETH_ARP;
		s->arp_op = i == 1 ? 2 : 1;
		memcpy(s->arp_sha, s->src_mac, 6);
		s->arp_spa = i == 3 ? 0 : s->saddr;
		s->arp_tpa = i == 2 ? s->saddr : s->daddr;
	}
}

/* In another's name, with one's own MAC and with theirs. */
static void add_spoofed(struct attack_plan *p, size_t to)
{
	for (size_t i = 0; i < p->n_named; i++)
		for (int whole = 0; whole < 2; whole++) {
			struct attack b = { .to = to, .way = ATTACK_AS + whole };
			struct wire_spec *s = &b.spec;

			s->ethertype = ETH_IP;
			s->saddr = p->host[i].address;
			s->daddr = p->host[to].address;
			memcpy(s->src_mac, whole ? p->host[i].mac : p->me.mac, 6);
			memcpy(s->dst_mac, p->host[to].mac, 6);
			s->tcp_flags = 2;
			s->dport = 8443;
			s->protocol = 6;
			/* The way that an honest one would be let through. */
			if (p->next < p->n_named)
				memcpy(s->dst_mac, p->host[p->next].mac, 6);
			add(p, CLASS_TCP, &b);
			memcpy(s->dst_mac, p->host[to].mac, 6);
			s->protocol = 17;
			s->dport = 51820;
			add(p, CLASS_UDP, &b);
			add_arp(p, &b);
		}
}

static void add_all(struct attack_plan *p, size_t to)
{
	static const enum attack_way ways[] = { ATTACK_DIRECT, ATTACK_ALL,
						ATTACK_ROUTED };

	for (size_t i = 0; i < COUNT(ways); i++) {
		struct attack b = { .to = to, .way = ways[i] };

		if (b.way == ATTACK_ROUTED && p->next == p->n_named)
			continue;
		b.spec.ethertype = ETH_IP;
		b.spec.saddr = p->me.address;
		b.spec.daddr = p->host[to].address;
		memcpy(b.spec.src_mac, p->me.mac, 6);
		memcpy(b.spec.dst_mac,
		       b.way == ATTACK_DIRECT   ? p->host[to].mac
		       : b.way == ATTACK_ROUTED ? p->host[p->next].mac
						: everybody,
		       6);
		add_ip(p, &b);
		add_ip6(p, &b);
		add_frames(p, &b);
		add_arp(p, &b);
	}
	add_spoofed(p, to);
}

int attack_plan(int argc, char **argv, struct attack_plan *p)
{
	if (read_hosts(argc, argv, p))
		return -1;
	for (size_t i = 0; i < p->n_hosts; i++)
		add_all(p, i);
	return p->n > ATTACK_MAX ? -1 : 0;
}
