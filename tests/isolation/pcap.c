/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation-pcap - frames on a LAN, recorded and judged.
 *
 *	isolation-pcap record IFACE FILE	until its standard input ends
 *	isolation-pcap judge FILE [node=MAC gateway=MAC [known=MAC]...]
 *	isolation-pcap count FILE		frames with a probe's marker
 *
 * Judged are frames at a node's port (QEMU's filter-dump records them, too):
 * none may carry a probe of isolation-send's; what the node sends goes to its
 * gateway alone, ARP, DHCP, boot, control, repository, carousel, tunnel; nobody
 * unknown sends. Something of the tunnel must be there: where nothing is sent
 * nothing is shown.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define PCAP_MAGIC    0xa1b2c3d4U
#define PCAP_ETHERNET 1
#define SNAP_MAX      65535
#define KNOWN_MAX     32
#define TUNNEL        51820

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs, snaplen, link;
};

struct pcap_record {
	uint32_t sec, usec, len, orig;
};

static int record(const char *interface, const char *path)
{
	const struct pcap_head head = { PCAP_MAGIC,   2, 4, 0, 0, SNAP_MAX,
					PCAP_ETHERNET };
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(0x0003) };
	static uint8_t data[SNAP_MAX];
	FILE *f = fopen(path, "w");
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN } };

	fds[1].fd = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
	fds[1].events = POLLIN;
	at.sll_ifindex = (int)if_nametoindex(interface);
	if (!f || fds[1].fd < 0 || !at.sll_ifindex ||
	    bind(fds[1].fd, (struct sockaddr *)&at, sizeof(at)) ||
	    fwrite(&head, sizeof(head), 1, f) != 1 || fflush(f)) {
		perror(interface);
		return 1;
	}
	/* Whoever waits for the file's head knows that we listen. */
	while (!fds[0].revents && poll(fds, 2, -1) >= 0) {
		struct timespec t;
		struct pcap_record r;
		ssize_t n = fds[1].revents
				    ? recv(fds[1].fd, data, sizeof(data), 0)
				    : 0;

		if (n <= 0)
			continue;
		clock_gettime(CLOCK_REALTIME, &t);
		r = (struct pcap_record){ (uint32_t)t.tv_sec,
					  (uint32_t)(t.tv_nsec / 1000),
					  (uint32_t)n, (uint32_t)n };
		fwrite(&r, sizeof(r), 1, f);
		fwrite(data, (size_t)n, 1, f);
	}
	return fclose(f) != 0;
}

struct judge {
	int has_node;
	uint8_t node[6], gateway[6], known[KNOWN_MAX][6];
	size_t n_known;
	unsigned long frames, of_node, tunnel, probes, faults;
};

static void fault(struct judge *j, const struct wire_heard *h, const char *what)
{
	/* The first ones tell enough. */
	if (j->faults++ < 20)
		printf("FAULT frame %lu: %s (EtherType %04x, protocol %u, port "
		       "%u, %02x:%02x:%02x:%02x:%02x:%02x)\n",
		       j->frames, what, h->ethertype, h->protocol, h->dport,
		       h->src_mac[0], h->src_mac[1], h->src_mac[2],
		       h->src_mac[3], h->src_mac[4], h->src_mac[5]);
}

static int is_service(const struct wire_heard *h)
{
	static const uint16_t tcp[] = { 80, 443, 8080 };

	if (h->protocol == 17)
		return h->dport == TUNNEL || h->dport == 69 ||
		       (h->sport == 68 && h->dport == 67);
	for (size_t i = 0; h->protocol == 6 && i < 3; i++)
		if (h->dport == tcp[i])
			return 1;
	return 0;
}

static void judge_node(struct judge *j, const struct wire_heard *h, int has_tag)
{
	int to_group = h->dst_mac[0] & 1;

	j->of_node++;
	if (has_tag)
		fault(j, h, "a tag");
	else if (h->ethertype != ETH_IP && h->ethertype != ETH_ARP)
		fault(j, h, "neither IPv4 nor ARP");
	else if (!to_group && memcmp(h->dst_mac, j->gateway, 6) != 0)
		fault(j, h, "not to the gateway");
	else if (h->ethertype == ETH_IP && to_group && h->protocol != 2 &&
		 !(h->protocol == 17 && h->sport == 68 && h->dport == 67))
		fault(j, h, "to everybody");
	else if (h->ethertype == ETH_IP && !to_group && !is_service(h))
		fault(j, h, "no service");
	j->tunnel += h->protocol == 17 && h->dport == TUNNEL;
}

static int is_known(const struct judge *j, const uint8_t mac[6])
{
	for (size_t i = 0; i < j->n_known; i++)
		if (memcmp(j->known[i], mac, 6) == 0)
			return 1;
	return memcmp(j->gateway, mac, 6) == 0;
}

static void judge_frame(struct judge *j, const uint8_t *data, size_t len)
{
	struct wire_heard h;

	j->frames++;
	wire_hear(data, len, 1, &h);
	if (memmem(data, len, WIRE_MARKER, 7)) {
		j->probes++;
		fault(j, &h, "a probe");
	}
	if (!j->has_node)
		return;
	if (memcmp(h.src_mac, j->node, 6) == 0)
		judge_node(j, &h,
			   len > 14 && (data[12] << 8 | data[13]) == ETH_VLAN);
	else if (!is_known(j, h.src_mac))
		fault(j, &h, "from nobody");
}

static int read_file(struct judge *j, const char *path)
{
	static uint8_t data[SNAP_MAX];
	FILE *f = fopen(path, "r");
	struct pcap_head head;
	struct pcap_record r;
	int bad;

	bad = !f || fread(&head, sizeof(head), 1, f) != 1 ||
	      head.magic != PCAP_MAGIC || head.link != PCAP_ETHERNET;
	while (!bad && fread(&r, sizeof(r), 1, f) == 1) {
		bad = r.len > sizeof(data) || fread(data, 1, r.len, f) != r.len;
		if (!bad)
			judge_frame(j, data, r.len);
	}
	if (f)
		fclose(f);
	if (bad)
		fprintf(stderr, "%s: no recording of Ethernet frames\n", path);
	return bad;
}

static int read_mac(const char *s, uint8_t mac[6])
{
	return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		      &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static int read_words(struct judge *j, int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		uint8_t *mac = !strncmp(argv[i], "node=", 5)      ? j->node
			       : !strncmp(argv[i], "gateway=", 8) ? j->gateway
			       : !strncmp(argv[i], "known=", 6) &&
					       j->n_known < KNOWN_MAX
				       ? j->known[j->n_known++]
				       : NULL;

		if (!value || !mac || !read_mac(value + 1, mac))
			return -1;
		n |= mac == j->node ? 1 : mac == j->gateway ? 2 : 0;
	}
	j->has_node = n == 3;
	return argc && n != 3 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct judge j = { 0 };

	if (argc == 4 && !strcmp(argv[1], "record"))
		return record(argv[2], argv[3]);
	if (argc < 3 || (strcmp(argv[1], "judge") && strcmp(argv[1], "count")) ||
	    read_words(&j, argc - 3, argv + 3)) {
		fprintf(stderr, "usage: isolation-pcap record IFACE FILE | judge "
				"FILE [node=MAC gateway=MAC known=MAC...] | "
				"count FILE\n");
		return 2;
	}
	if (!strcmp(argv[1], "count")) {
		/* Their faults are what is counted. */
		j.faults = 20;
		if (read_file(&j, argv[2]))
			return 1;
		printf("%lu\n", j.probes);
		return 0;
	}
	if (read_file(&j, argv[2]))
		return 1;
	if (j.has_node && !j.tunnel)
		fault(&j, &(struct wire_heard){ 0 }, "nothing of the tunnel");
	printf("%lu frames, %lu of the node, %lu of its tunnel, %lu probes; "
	       "%lu faults\n",
	       j.frames, j.of_node, j.tunnel, j.probes, j.faults);
	return j.faults != 0;
}
