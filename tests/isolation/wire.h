/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire - frames as bytes: what a probe sends, and what was heard.
 *
 * Every probe has a number; its frame carries it behind a marker, in the IP id
 * and in the source port, so that wherever it comes out, and whatever answers
 * it, one knows which it was. Needs no library: the program that a domU's root
 * runs is made of this, too.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAX        1514
#define WIRE_MARKER     "NSPROBE" /* and the number, four bytes, big endian */
#define WIRE_MARKER_LEN 11
#define WIRE_TEXT_MAX   37         /* behind it */
#define WIRE_SEQ        0x4e530000 /* and number: of TCP; answers count from it */
#define WIRE_PORT       20000      /* + number: source port */
#define WIRE_PROBES_MAX 4000
#define WIRE_SCAN       65536 /* + port: numbers of isolation-scan's */

#define ETH_IP   0x0800
#define ETH_ARP  0x0806
#define ETH_VLAN 0x8100
#define ETH_QINQ 0x88a8
#define ETH_IP6  0x86dd

struct wire_frame {
	uint8_t data[WIRE_MAX];
	size_t len;
};

/* What a probe says on each layer. 0 where the layer says nothing. */
struct wire_spec {
	uint8_t src_mac[6], dst_mac[6];
	uint16_t vlan[2]; /* tags, outer one first; 0: none */
	uint16_t ethertype;
	uint32_t saddr, daddr; /* IPv4, host order */
	uint8_t saddr6[16], daddr6[16];
	uint8_t protocol, ttl;
	uint16_t frag;         /* flags and offset (RFC 791) */
	int source_route;      /* puts LSRR by saddr's side into the options */
	uint16_t sport, dport; /* sport 0: WIRE_PORT + number */
	uint8_t tcp_flags, icmp_type, icmp_code;
	int arp_op;
	uint8_t arp_sha[6];
	uint32_t arp_spa, arp_tpa;
	const char *text; /* behind the marker, NULL: dots */
};

/* Builds it. with_ether 0: from the IP header on (a tunnel's packet). */
void wire_build(const struct wire_spec *s, unsigned int number, int with_ether,
		struct wire_frame *out);
/* Cuts an IPv4 packet into two fragments of the same id. */
void wire_split(const struct wire_frame *whole, int with_ether,
		struct wire_frame *first, struct wire_frame *second);

/* What a frame that was heard is. */
struct wire_heard {
	int number;    /* of the probe, -1: of none */
	int is_answer; /* to it (error, reset, echo reply), not itself */
	uint16_t ethertype;
	uint8_t dst_mac[6], src_mac[6];
	uint32_t saddr, daddr;
	uint8_t protocol;
	uint16_t sport, dport;
	uint8_t tcp_flags;
	uint32_t tcp_ack;
	int arp_op;
	uint32_t arp_spa, arp_tpa;
};
void wire_hear(const uint8_t *data, size_t len, int with_ether,
	       struct wire_heard *out);

/* What the host that heard it would say: SYN-ACK, echo reply, datagram. */
void wire_answer(const struct wire_heard *h, struct wire_spec *out);

#endif
