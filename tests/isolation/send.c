/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation-send - what root on a machine can think of (attack.h), as raw frames.
 *
 *	isolation-send [-l] [-b BASE] IFACE me=ADDRESS NAME=ADDRESS[/MAC]...
 *
 * Each frame carries WIRE_MARKER and BASE plus its number in the list;
 * isolation-pcap and isolation-report look for them elsewhere. Behind the last
 * one comes an end, to the last host by the host "next": whoever has seen it
 * has seen the others, if they came at all. It carries what was heard here
 * meanwhile. -l: again and again. Linked statically: it runs in any image.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attack.h"

#define PAUSE_MS 1000 /* between rounds: who looks on has to keep up */

static struct attack_plan plan;
static int fd;
static unsigned int base, sent, refused;
/* Heard: from the next hop itself, in answer by way of it, by another's hand. */
static unsigned int told, answered, strange;
static char first_strange[16];

/* What netdom may say to a domU: ARP for its end, why a packet is lost. */
static int is_next(const struct wire_heard *h)
{
	const struct attack_host *next = &plan.host[plan.next];

	if (plan.next == plan.n_named)
		return 0;
	if (h->ethertype == ETH_ARP)
		return h->arp_spa == next->address;
	return h->ethertype == ETH_IP && h->saddr == next->address &&
	       h->protocol == 1;
}

static void hear(const uint8_t *data, size_t len)
{
	struct wire_heard h;

	wire_hear(data, len, 1, &h);
	if (is_next(&h)) {
		told++;
	} else if (h.ethertype == ETH_IP && h.protocol == 6 &&
		   h.sport == 8443 && h.is_answer) {
		answered++;
	} else if (!strange++) {
		snprintf(first_strange, sizeof(first_strange), "%x/%u/%x",
			 h.ethertype, h.protocol, (h.saddr | h.arp_spa) & 0xffff);
	}
}

static void listen_now(void)
{
	static uint8_t data[65536];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &size)) > 0)
		/* The kernel's own words are seen as well. */
		if (from.sll_pkttype != PACKET_OUTGOING)
			hear(data, (size_t)n);
}

static void put(const struct wire_frame *f)
{
	/* Not faster than somebody can record them. A full queue empties; what
	 * the card refuses is nothing sent. */
	if (sent++ % 16 == 0) {
		usleep(1000);
		listen_now();
	}
	for (int i = 0; i < 50; i++) {
		if (send(fd, f->data, f->len, 0) >= 0)
			return;
		usleep(2000);
	}
	refused++;
}

static void shoot(const struct attack *a, unsigned int number)
{
	struct wire_frame f, first, second;

	wire_build(&a->spec, number, 1, &f);
	if (!a->split) {
		put(&f);
		return;
	}
	wire_split(&f, 1, &first, &second);
	put(&first);
	put(&second);
}

static void shoot_end(unsigned int round)
{
	char text[WIRE_TEXT_MAX + 1];
	struct attack a = { .to = plan.n_named - 1 };
	struct wire_spec *s = &a.spec;

	snprintf(text, sizeof(text), "%u %u %u %u %u %s", round, refused, told,
		 answered, strange, first_strange);
	s->ethertype = ETH_IP;
	s->protocol = 17;
	s->dport = 9; /* discard */
	s->saddr = plan.me.address;
	s->daddr = plan.host[a.to].address;
	s->text = text;
	memcpy(s->src_mac, plan.me.mac, 6);
	memcpy(s->dst_mac,
	       plan.host[plan.next < plan.n_named ? plan.next : a.to].mac, 6);
	shoot(&a, base + ATTACK_END);
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct ifreq r = { 0 };

	fd = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r))
		return -1;
	memcpy(plan.me.mac, r.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFINDEX, &r))
		return -1;
	at.sll_ifindex = r.ifr_ifindex;
	return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	int again = 0, opt;

	while ((opt = getopt(argc, argv, "lb:")) != -1) {
		again |= opt == 'l';
		if (opt == 'b')
			base = (unsigned int)strtoul(optarg, NULL, 10);
		if (opt == '?')
			optind = argc;
	}
	if (optind < argc)
		name = argv[optind++];
	if (name && open_interface(name)) {
		perror(name);
		return 1;
	}
	if (!name || attack_plan(argc - optind, argv + optind, &plan)) {
		fprintf(stderr, "usage: isolation-send [-l] [-b BASE] IFACE "
				"me=ADDRESS NAME=ADDRESS[/MAC]...\n");
		return 2;
	}
	for (unsigned int round = 1; again || round == 1; round++) {
		for (size_t i = 0; i < plan.n; i++)
			shoot(&plan.a[i], base + (unsigned int)i);
		listen_now();
		shoot_end(round);
		if (again)
			poll(NULL, 0, PAUSE_MS);
	}
	printf("%u probes sent, %u refused by the card\n", sent, refused);
	return sent <= refused;
}
