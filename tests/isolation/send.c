/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation-send - what root in a domU can think of, as raw frames.
 *
 *	isolation-send IFACE me=ADDRESS NAME=ADDRESS[/MAC]...
 *
 * To each of the others named (gateway, netdom, the second PC ...), by every
 * protocol, to their MAC and to everybody's; in each other's name; ARP, IPv6,
 * DHCP, router advertisements, tags, odd EtherTypes, fragments, groups. Each
 * frame carries WIRE_MARKER and its number; isolation-pcap looks for them
 * elsewhere. Linked statically: it runs in any image. Prints how many it sent.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define TARGETS_MAX 16
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

struct target {
	uint32_t address;
	uint8_t mac[6];
};

static struct target target[TARGETS_MAX];
static size_t n_targets;
static struct target me;
static int fd;
static unsigned int number, refused;

static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static int read_mac(const char *s, uint8_t mac[6])
{
	return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		      &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static int read_target(const char *word, struct target *t)
{
	const char *value = strchr(word, '=');
	char text[64], *slash;
	struct in_addr a;

	if (!value)
		return 0;
	snprintf(text, sizeof(text), "%s", value + 1);
	slash = strchr(text, '/');
	memcpy(t->mac, everybody, 6);
	if (slash) {
		*slash = 0;
		if (!read_mac(slash + 1, t->mac))
			return 0;
	}
	if (inet_pton(AF_INET, text, &a) != 1)
		return 0;
	t->address = ntohl(a.s_addr);
	return 1;
}

static void put(const struct wire_frame *f)
{
	/* Not faster than somebody can record them. A full queue empties; what
	 * the card refuses is nothing sent. */
	if (number % 16 == 0)
		usleep(1000);
	for (int i = 0; i < 50; i++) {
		if (send(fd, f->data, f->len, 0) >= 0)
			return;
		usleep(2000);
	}
	refused++;
}

static void shoot(const struct wire_spec *s)
{
	struct wire_frame f;

	wire_build(s, number++, 1, &f);
	put(&f);
}

static void shoot_split(const struct wire_spec *s)
{
	struct wire_frame f, first, second;

	wire_build(s, number++, 1, &f);
	wire_split(&f, 1, &first, &second);
	put(&first);
	put(&second);
}

static struct wire_spec packet_to(const struct target *t, const uint8_t *mac)
{
	struct wire_spec s = { .ethertype = ETH_IP,
			       .saddr = me.address,
			       .daddr = t->address };

	memcpy(s.src_mac, me.mac, 6);
	memcpy(s.dst_mac, mac, 6);
	s.saddr6[0] = s.daddr6[0] = 0xfe;
	s.saddr6[1] = s.daddr6[1] = 0x80;
	s.saddr6[15] = (uint8_t)me.address;
	s.daddr6[15] = (uint8_t)t->address;
	return s;
}

static const struct {
	uint8_t protocol, type;
	uint16_t sport, dport;
	uint8_t flags;
	uint16_t frag;
} ip_kinds[] = {
	{ 6, 0, 0, 22, 2, 0 },         { 6, 0, 0, 80, 2, 0 },
	{ 6, 0, 0, 443, 2, 0 },        { 6, 0, 0, 8080, 2, 0 },
	{ 6, 0, 443, 40000, 18, 0 },   { 6, 0, 0, 443, 0x29, 0 },
	{ 17, 0, 0, 53, 0, 0 },        { 17, 0, 68, 67, 0, 0 },
	{ 17, 0, 67, 68, 0, 0 },       { 17, 0, 0, 69, 0, 0 },
	{ 17, 0, 51820, 51820, 0, 0 }, { 17, 0, 0, 4000, 0, 0 },
	{ 1, 8, 0, 0, 0, 0 },          { 1, 5, 0, 0, 0, 0 },
	{ 2, 0x16, 0, 0, 0, 0 },       { 47, 0, 0, 0, 0, 0 },
	{ 132, 0, 0, 443, 0, 0 },      { 17, 0, 0, 53, 0, 0x0010 },
	{ 17, 0, 0, 53, 0, 0x2000 },
};

static void shoot_ip(const struct wire_spec *base)
{
	for (size_t i = 0; i < COUNT(ip_kinds); i++) {
		struct wire_spec s = *base;

		s.protocol = ip_kinds[i].protocol;
		s.icmp_type = ip_kinds[i].type;
		s.sport = ip_kinds[i].sport;
		s.dport = ip_kinds[i].dport;
		s.tcp_flags = ip_kinds[i].flags;
		s.frag = ip_kinds[i].frag;
		shoot(&s);
	}
}

/* IPv6: TCP, echo, router and neighbour words, DHCP. */
static void shoot_ip6(const struct wire_spec *base)
{
	static const uint8_t types[] = { 128, 133, 134, 135, 136, 137, 143 };
	struct wire_spec s = *base;

	s.ethertype = ETH_IP6;
	s.protocol = 6;
	s.tcp_flags = 2;
	s.dport = 443;
	shoot(&s);
	s.protocol = 17;
	s.dport = 547;
	shoot(&s);
	s.protocol = 58;
	for (size_t i = 0; i < COUNT(types); i++) {
		s.icmp_type = types[i];
		shoot(&s);
	}
}

static void shoot_frames(const struct wire_spec *base)
{
	static const uint16_t types[] = { 0x88cc, 0x888e, 0x8847, 0x8863,
					  0x8035, 0x9999, 0x0026 };
	struct wire_spec s = *base;

	s.protocol = 6;
	s.tcp_flags = 2;
	s.dport = 443;
	s.vlan[0] = 1;
	shoot(&s);
	s.vlan[0] = 7;
	s.vlan[1] = 9;
	shoot(&s);
	for (size_t i = 0; i < COUNT(types); i++) {
		s = *base;
		s.ethertype = types[i];
		shoot(&s);
	}
}

/* In another's name, with one's own MAC and with theirs. */
static void shoot_spoofed(const struct target *to)
{
	for (size_t i = 0; i < n_targets; i++)
		for (int whole = 0; whole < 2; whole++) {
			struct wire_spec s = packet_to(to, to->mac);

			s.saddr = target[i].address;
			if (whole)
				memcpy(s.src_mac, target[i].mac, 6);
			s.protocol = 6;
			s.tcp_flags = 2;
			s.dport = 443;
			shoot(&s);
			s.protocol = 17;
			s.dport = 51820;
			shoot(&s);
			s.ethertype = ETH_ARP;
			s.arp_op = 1 + whole;
			memcpy(s.arp_sha, s.src_mac, 6);
			s.arp_spa = target[i].address;
			s.arp_tpa = to->address;
			shoot(&s);
		}
}

static void shoot_all(const struct target *to)
{
	struct wire_spec s;

	/* To their MAC; to everybody's. */
	for (int i = 0; i < 2; i++) {
		s = packet_to(to, i ? everybody : to->mac);
		shoot_ip(&s);
		shoot_ip6(&s);
		shoot_frames(&s);
		s.protocol = 17;
		s.dport = 53;
		shoot_split(&s);
		s.source_route = 1;
		shoot(&s);
	}
	shoot_spoofed(to);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct ifreq r = { 0 };

	fd = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r))
		return -1;
	memcpy(me.mac, r.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFINDEX, &r))
		return -1;
	at.sll_ifindex = r.ifr_ifindex;
	return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

int main(int argc, char **argv)
{
	static const uint32_t groups[] = { 0xffffffff, 0xe0000001, 0xefff0001,
					   0x7f000001, 0xa9fe0101 };
	int bad = argc < 4 || strncmp(argv[2], "me=", 3) != 0;

	for (int i = 3; !bad && i < argc && n_targets < 8; i++)
		bad = !read_target(argv[i], &target[n_targets++]);
	bad = bad || !read_target(argv[2], &me);
	if (bad) {
		fprintf(stderr, "usage: isolation-send IFACE me=ADDRESS "
				"NAME=ADDRESS[/MAC]...\n");
		return 2;
	}
	if (open_interface(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	for (size_t i = 0; i < COUNT(groups); i++) {
		target[n_targets].address = groups[i];
		memcpy(target[n_targets++].mac, everybody, 6);
	}
	for (size_t i = 0; i < n_targets; i++)
		shoot_all(&target[i]);
	printf("%u probes sent, %u refused by the card\n", number, refused);
	return number <= refused;
}
