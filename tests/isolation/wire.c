/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "wire.h"

#define IP_TCP   6
#define IP_UDP   17
#define IP_ICMP  1
#define IP_ICMP6 58

/* IPv4 options: loose source route over one hop, filled to four bytes. */
#define LSRR 131

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		s += get16(p + i);
	if (len & 1)
		s += (uint32_t)p[len - 1] << 8;
	return s;
}

static unsigned int fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

static size_t put_marker(uint8_t *p, unsigned int number, const char *text)
{
	memcpy(p, WIRE_MARKER, 7);
	put32(p + 7, number);
	/* Room for two fragments of at least eight bytes each. */
	memset(p + WIRE_MARKER_LEN, 0x2e, WIRE_TEXT_MAX);
	if (text)
		memcpy(p + WIRE_MARKER_LEN, text, strnlen(text, WIRE_TEXT_MAX));
	return WIRE_MARKER_LEN + WIRE_TEXT_MAX;
}

/* Where a protocol's checksum lies in its header; 0: it has none here. */
static size_t checksum_at(unsigned int protocol)
{
	switch (protocol) {
	case IP_TCP:
		return 16;
	case IP_UDP:
		return 6;
	case IP_ICMP:
	case IP_ICMP6:
		return 2;
	default:
		return 0;
	}
}

static size_t put_transport(const struct wire_spec *s, unsigned int number,
			    uint8_t *p)
{
	unsigned int sport = s->sport ? s->sport : WIRE_PORT + number;
	size_t n = 0;

	memset(p, 0, 64);
	switch (s->protocol) {
	case IP_TCP:
		put16(p, sport);
		put16(p + 2, s->dport);
		put32(p + 4, WIRE_SEQ | (number & 0xffff));
		put32(p + 8, s->tcp_flags & 0x10 ? 1 : 0);
		p[12] = 0x50;
		p[13] = s->tcp_flags;
		put16(p + 14, 1024);
		n = 20;
		break;
	case IP_UDP:
		put16(p, sport);
		put16(p + 2, s->dport);
		n = 8;
		break;
	case IP_ICMP:
	case IP_ICMP6:
		p[0] = s->icmp_type;
		p[1] = s->icmp_code;
		put16(p + 4, number);
		n = 8;
		break;
	case 132: /* SCTP: ports, tag, checksum; an INIT chunk's head */
		put16(p, sport);
		put16(p + 2, s->dport);
		n = 12;
		break;
	default:
		n = 4;
		break;
	}
	n += put_marker(p + n, number, s->text);
	if (s->protocol == IP_UDP)
		put16(p + 4, (unsigned int)n);
	return n;
}

static void put_checksum(const struct wire_spec *s, int v6, uint8_t *p, size_t n)
{
	size_t at = checksum_at(s->protocol);
	uint32_t c = 0;
	uint8_t a[8];

	if (!at)
		return;
	if (v6) {
		c = sum(sum(0, s->saddr6, 16), s->daddr6, 16);
	} else if (s->protocol != IP_ICMP) {
		put32(a, s->saddr);
		put32(a + 4, s->daddr);
		c = sum(0, a, sizeof(a));
	}
	if (v6 || s->protocol != IP_ICMP)
		c += s->protocol + (uint32_t)n;
	c = fold(sum(c, p, n));
	put16(p + at, c ? c : 0xffff);
}

static size_t put_ip(const struct wire_spec *s, unsigned int number, uint8_t *p)
{
	size_t head = s->source_route ? 28 : 20, n;

	memset(p, 0, head);
	n = put_transport(s, number, p + head);
	put_checksum(s, 0, p + head, n);
	p[0] = (uint8_t)(0x40 | head / 4);
	put16(p + 2, (unsigned int)(head + n));
	put16(p + 4, number);
	put16(p + 6, s->frag);
	p[8] = s->ttl ? s->ttl : 64;
	p[9] = s->protocol;
	put32(p + 12, s->saddr);
	put32(p + 16, s->daddr);
	if (s->source_route) {
		p[20] = LSRR;
		p[21] = 7;
		p[22] = 4;
		put32(p + 23, s->daddr);
	}
	put16(p + 10, fold(sum(0, p, head)));
	return head + n;
}

static size_t put_ip6(const struct wire_spec *s, unsigned int number, uint8_t *p)
{
	size_t n;

	memset(p, 0, 40);
	n = put_transport(s, number, p + 40);
	put_checksum(s, 1, p + 40, n);
	p[0] = 0x60;
	put16(p + 4, (unsigned int)n);
	p[6] = s->protocol;
	p[7] = 255;
	memcpy(p + 8, s->saddr6, 16);
	memcpy(p + 24, s->daddr6, 16);
	return 40 + n;
}

static size_t put_arp(const struct wire_spec *s, unsigned int number, uint8_t *p)
{
	static const uint8_t head[6] = { 0, 1, 8, 0, 6, 4 };

	memset(p, 0, 28);
	memcpy(p, head, sizeof(head));
	put16(p + 6, (unsigned int)s->arp_op);
	memcpy(p + 8, s->arp_sha, 6);
	put32(p + 14, s->arp_spa);
	put32(p + 24, s->arp_tpa);
	return 28 + put_marker(p + 28, number, NULL);
}

static size_t put_ether(const struct wire_spec *s, uint8_t *p)
{
	size_t n = 12;

	memcpy(p, s->dst_mac, 6);
	memcpy(p + 6, s->src_mac, 6);
	for (int i = 0; i < 2; i++) {
		if (!s->vlan[i])
			continue;
		put16(p + n, s->vlan[1] && i == 0 ? ETH_QINQ : ETH_VLAN);
		put16(p + n + 2, s->vlan[i]);
		n += 4;
	}
	put16(p + n, s->ethertype);
	return n + 2;
}

void wire_build(const struct wire_spec *s, unsigned int number, int with_ether,
		struct wire_frame *out)
{
	uint8_t *p = out->data;
	size_t n = with_ether ? put_ether(s, p) : 0;

	switch (s->ethertype) {
	case ETH_IP:
		n += put_ip(s, number, p + n);
		break;
	case ETH_IP6:
		n += put_ip6(s, number, p + n);
		break;
	case ETH_ARP:
		n += put_arp(s, number, p + n);
		break;
	default:
		n += put_marker(p + n, number, NULL);
		break;
	}
	/* An Ethernet frame is no shorter. */
	if (with_ether && n < 60) {
		memset(p + n, 0, 60 - n);
		n = 60;
	}
	out->len = n;
}

void wire_split(const struct wire_frame *whole, int with_ether,
		struct wire_frame *first, struct wire_frame *second)
{
	size_t l2 = with_ether ? 14 : 0, cut = 24, head = 20;
	size_t total = get16(whole->data + l2 + 2);
	uint8_t *p;

	*first = *second = *whole;
	p = first->data + l2;
	put16(p + 2, (unsigned int)(head + cut));
	put16(p + 6, 0x2000);
	put16(p + 10, 0);
	put16(p + 10, fold(sum(0, p, head)));
	first->len = l2 + head + cut;
	p = second->data + l2;
	memmove(p + head, p + head + cut, total - head - cut);
	put16(p + 2, (unsigned int)(total - cut));
	put16(p + 6, (unsigned int)(cut / 8));
	put16(p + 10, 0);
	put16(p + 10, fold(sum(0, p, head)));
	second->len = l2 + total - cut;
	for (struct wire_frame *f = first; with_ether; f = second) {
		if (f->len < 60) {
			memset(f->data + f->len, 0, 60 - f->len);
			f->len = 60;
		}
		if (f == second)
			break;
	}
}

static int find_marker(const uint8_t *data, size_t len)
{
	const uint8_t *at = memmem(data, len, WIRE_MARKER, 7);

	if (!at || (size_t)(data + len - at) < WIRE_MARKER_LEN)
		return -1;
	return (int)get32(at + 7);
}

static int by_port(unsigned int port)
{
	return port >= WIRE_PORT && port < WIRE_PORT + WIRE_PROBES_MAX
		       ? (int)port - WIRE_PORT
		       : -1;
}

/* An answer has a probe's port as destination, quotes it, or echoes it. */
static void hear_ip(const uint8_t *p, size_t len, struct wire_heard *out)
{
	size_t head = len >= 20 ? (size_t)(p[0] & 15) * 4 : 0;

	if (head < 20 || head > len)
		return;
	out->protocol = p[9];
	/* What the marker was cut off from has the number as its id. */
	if (out->number < 0 && (get16(p + 6) & 0x1fff))
		out->number = (int)get16(p + 4);
	out->saddr = get32(p + 12);
	out->daddr = get32(p + 16);
	p += head;
	len -= head;
	if ((out->protocol == IP_TCP || out->protocol == IP_UDP) && len >= 4) {
		out->sport = (uint16_t)get16(p);
		out->dport = (uint16_t)get16(p + 2);
		if (out->number < 0)
			out->number = by_port(out->dport);
		out->is_answer =
			out->number >= 0 && out->number == by_port(out->dport);
	}
	if (out->protocol == IP_TCP && len >= 20) {
		out->tcp_ack = get32(p + 8);
		out->tcp_flags = p[13];
	}
	if (out->protocol == IP_ICMP && len >= 8 && out->number >= 0)
		out->is_answer = p[0] == 0 || len < 8 + 7 ||
				 memcmp(p + 8, WIRE_MARKER, 7) != 0;
}

void wire_hear(const uint8_t *data, size_t len, int with_ether,
	       struct wire_heard *out)
{
	const uint8_t *p = data;
	size_t left = len;

	memset(out, 0, sizeof(*out));
	out->number = find_marker(data, len);
	if (with_ether) {
		if (len < 14)
			return;
		memcpy(out->dst_mac, p, 6);
		memcpy(out->src_mac, p + 6, 6);
		p += 12;
		left -= 12;
		while (left >= 6 &&
		       (get16(p) == ETH_VLAN || get16(p) == ETH_QINQ)) {
			p += 4;
			left -= 4;
		}
		out->ethertype = (uint16_t)get16(p);
		p += 2;
		left -= 2;
	} else if (len) {
		out->ethertype = p[0] >> 4 == 6 ? ETH_IP6 : ETH_IP;
	}
	if (out->ethertype == ETH_IP)
		hear_ip(p, left, out);
	if (out->ethertype == ETH_ARP && left >= 28) {
		out->arp_op = (int)get16(p + 6);
		out->arp_spa = get32(p + 14);
		out->arp_tpa = get32(p + 24);
	}
}

void wire_answer(const struct wire_heard *h, struct wire_spec *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->src_mac, h->dst_mac, 6);
	memcpy(out->dst_mac, h->src_mac, 6);
	out->ethertype = h->ethertype;
	out->protocol = h->protocol;
	out->saddr = h->daddr;
	out->daddr = h->saddr;
	out->sport = h->dport;
	out->dport = h->sport;
	out->tcp_flags = 0x12; /* SYN, ACK; an echo reply is type 0 */
}
