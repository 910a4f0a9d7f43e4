/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation-pcap - frames on a LAN, recorded and judged.
 *
 *	isolation-pcap record IFACE FILE [in|out]   until its standard input
 *ends isolation-pcap judge FILE [node=MAC gateway=MAC [address=ADDRESS]
 *				   [known=MAC]...]
 *	isolation-pcap count FILE	frames with a probe's marker
 *	isolation-pcap end FILE BASE	what isolation-send said last
 *	isolation-pcap answers FILE node=MAC	what it says to a scan
 *	isolation-pcap scanned FILE node=MAC	ports of it that a scan reached
 *
 * Judged are frames at a node's port (QEMU's filter-dump records them, too):
 * none may carry a probe of isolation-send's; what the node sends goes to its
 * gateway alone, ARP, DHCP, boot, control, repository, carousel, tunnel, and
 * answers no scan; nobody unknown sends. Something of the tunnel must be there,
 * and ARP for its address: where nothing is sent nothing is shown.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"
#include "pcap-file.h"

#define KNOWN_MAX 32
#define TUNNEL    51820
#define CAROUSEL  7883
#define ACK       0x10

struct judge {
	int has_node;
	uint8_t node[6], gateway[6], known[KNOWN_MAX][6];
	uint32_t address; /* 0: not looked at */
	size_t n_known;
	unsigned long frames, of_node, tunnel, probes, arp, faults;
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
		       h->dport == CAROUSEL ||
		       (h->sport == 68 && h->dport == 67);
	for (size_t i = 0; h->protocol == 6 && i < 3; i++)
		if (h->dport == tcp[i])
			return 1;
	return 0;
}

/* A SYN of isolation-scan's counts from its port, and may carry some bytes. */
static int answers_scan(const struct wire_heard *h)
{
	return h->protocol == 6 && (h->tcp_flags & ACK) &&
	       h->tcp_ack - 1 - (WIRE_SEQ | h->sport) <= 64;
}

static void judge_arp(struct judge *j, const struct wire_heard *h)
{
	if (!j->address)
		return;
	if (h->arp_op == 2 && h->arp_spa != j->address)
		fault(j, h, "ARP for another's address");
	else if (h->arp_op == 2 && (h->dst_mac[0] & 1))
		fault(j, h, "ARP, told to everybody");
	else
		j->arp += h->arp_op == 2;
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
	else if (answers_scan(h))
		fault(j, h, "answers a scan");
	else if (h->ethertype == ETH_ARP)
		judge_arp(j, h);
	j->tunnel += h->protocol == 17 && h->dport == TUNNEL;
}

static int is_known(const struct judge *j, const uint8_t mac[6])
{
	for (size_t i = 0; i < j->n_known; i++)
		if (memcmp(j->known[i], mac, 6) == 0)
			return 1;
	return memcmp(j->gateway, mac, 6) == 0;
}

static void judge_frame(const uint8_t *data, size_t len, int with_ether, void *arg)
{
	struct judge *j = arg;
	struct wire_heard h;

	j->frames++;
	wire_hear(data, len, with_ether, &h);
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

/* --- what came in answer to a scan ------------------------------------------- */

struct answers {
	uint8_t node[6];
	unsigned long tcp, icmp, arp, other;
};

static void count_answer(const uint8_t *data, size_t len, int with_ether,
			 void *arg)
{
	struct answers *a = arg;
	struct wire_heard h;

	wire_hear(data, len, with_ether, &h);
	if (memcmp(h.src_mac, a->node, 6) != 0)
		return;
	if (answers_scan(&h))
		a->tcp++;
	else if (h.ethertype == ETH_IP && h.protocol == 1)
		a->icmp++;
	else if (h.ethertype == ETH_ARP && h.arp_op == 2)
		a->arp++;
	else
		a->other++;
}

struct scanned {
	uint8_t node[6];
	uint8_t seen[65536];
	unsigned long ports;
};

static void see_port(const uint8_t *data, size_t len, int with_ether, void *arg)
{
	struct scanned *s = arg;
	struct wire_heard h;

	wire_hear(data, len, with_ether, &h);
	if (h.protocol != 6 || !h.dport || memcmp(h.dst_mac, s->node, 6) != 0 ||
	    h.number != WIRE_SCAN + h.dport || s->seen[h.dport])
		return;
	s->seen[h.dport] = 1;
	s->ports++;
}

/* --- the end of a round --------------------------------------------------------- */

struct end {
	unsigned int number;
	char text[WIRE_TEXT_MAX + 1];
};

static void find_end(const uint8_t *data, size_t len, int with_ether, void *arg)
{
	struct end *e = arg;
	const uint8_t *at = memmem(data, len, WIRE_MARKER, 7);
	struct wire_heard h;

	wire_hear(data, len, with_ether, &h);
	if (!at || h.is_answer || h.number != (int)e->number ||
	    (size_t)(data + len - at) < WIRE_MARKER_LEN + WIRE_TEXT_MAX)
		return;
	memcpy(e->text, at + WIRE_MARKER_LEN, WIRE_TEXT_MAX);
	e->text[strcspn(e->text, ".")] = '\0';
}

/* --- words ------------------------------------------------------------------------ */

static int read_mac(const char *s, uint8_t mac[6])
{
	return sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1],
		      &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static int read_words(struct judge *j, int argc, char **argv)
{
	struct in_addr a;
	int n = 0;

	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		uint8_t *mac = !strncmp(argv[i], "node=", 5)      ? j->node
			       : !strncmp(argv[i], "gateway=", 8) ? j->gateway
			       : !strncmp(argv[i], "known=", 6) &&
					       j->n_known < KNOWN_MAX
				       ? j->known[j->n_known++]
				       : NULL;

		if (value && !strncmp(argv[i], "address=", 8) &&
		    inet_pton(AF_INET, value + 1, &a) == 1) {
			j->address = ntohl(a.s_addr);
			continue;
		}
		if (!value || !mac || !read_mac(value + 1, mac))
			return -1;
		n |= mac == j->node ? 1 : mac == j->gateway ? 2 : 0;
	}
	j->has_node = n == 3;
	return argc && n != 3 ? -1 : 0;
}

/* --- commands ----------------------------------------------------------------------- */

static int cmd_record(int argc, char **argv)
{
	enum pcap_way way = PCAP_BOTH;

	if (argc < 2 || argc > 3)
		return 2;
	if (argc == 3 && strcmp(argv[2], "in") && strcmp(argv[2], "out"))
		return 2;
	if (argc == 3)
		way = strcmp(argv[2], "in") ? PCAP_OUT : PCAP_IN;
	return pcap_record(argv[0], argv[1], way);
}

static int cmd_judge(int argc, char **argv)
{
	struct judge j = { 0 };

	if (argc < 1 || read_words(&j, argc - 1, argv + 1))
		return 2;
	if (pcap_read(argv[0], judge_frame, &j))
		return 1;
	if (j.has_node && !j.tunnel)
		fault(&j, &(struct wire_heard){ 0 }, "nothing of the tunnel");
	if (j.address && !j.arp)
		fault(&j, &(struct wire_heard){ 0 }, "no ARP for its address");
	printf("%lu frames, %lu of the node, %lu of its tunnel, %lu probes; "
	       "%lu faults\n",
	       j.frames, j.of_node, j.tunnel, j.probes, j.faults);
	return j.faults != 0;
}

static int cmd_count(int argc, char **argv)
{
	struct judge j = { .faults = 20 }; /* which are what is counted */

	if (argc != 1)
		return 2;
	if (pcap_read(argv[0], judge_frame, &j))
		return 1;
	printf("%lu\n", j.probes);
	return 0;
}

static int cmd_end(int argc, char **argv)
{
	struct end e = { 0 };

	if (argc != 2)
		return 2;
	e.number = (unsigned int)strtoul(argv[1], NULL, 10) + ATTACK_END;
	if (pcap_read(argv[0], find_end, &e))
		return 1;
	puts(e.text);
	return !e.text[0];
}

static int cmd_answers(int argc, char **argv)
{
	struct answers a = { 0 };

	if (argc != 2 || strncmp(argv[1], "node=", 5) ||
	    !read_mac(argv[1] + 5, a.node))
		return 2;
	if (pcap_read(argv[0], count_answer, &a))
		return 1;
	printf("tcp %lu icmp %lu arp %lu other %lu\n", a.tcp, a.icmp, a.arp,
	       a.other);
	return 0;
}

static int cmd_scanned(int argc, char **argv)
{
	static struct scanned s;

	if (argc != 2 || strncmp(argv[1], "node=", 5) ||
	    !read_mac(argv[1] + 5, s.node))
		return 2;
	if (pcap_read(argv[0], see_port, &s))
		return 1;
	printf("%lu\n", s.ports);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *words;
} commands[] = {
	{ "record", cmd_record, "IFACE FILE [in|out]" },
	{ "judge", cmd_judge,
	  "FILE [node=MAC gateway=MAC address=ADDRESS known=MAC...]" },
	{ "count", cmd_count, "FILE" },
	{ "end", cmd_end, "FILE BASE" },
	{ "answers", cmd_answers, "FILE node=MAC" },
	{ "scanned", cmd_scanned, "FILE node=MAC" },
};

int main(int argc, char **argv)
{
	size_t n = sizeof(commands) / sizeof(commands[0]);
	int rc = 2;

	for (size_t i = 0; argc > 1 && i < n; i++)
		if (!strcmp(argv[1], commands[i].name))
			rc = commands[i].fn(argc - 2, argv + 2);
	for (size_t i = 0; rc == 2 && i < n; i++)
		fprintf(stderr, "usage: isolation-pcap %s %s\n",
			commands[i].name, commands[i].words);
	return rc;
}
