/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation-scan - knocks at each door of a node, from its own segment.
 *
 *	isolation-scan [-n PID] [-s PORT] [-t PORTS] [-c CABLE]
 *		IFACE me=ADDRESS node=ADDRESS/MAC
 *
 * TCP SYNs to all ports (-t: the first PORTS; -s: from a port that a wall may
 * take for an answer's), UDP, ICMP, each IP protocol, ARP for addresses of the
 * node's and of others, IPv6
 * neighbours and groups. Who answers is seen in recordings: isolation-pcap
 * judge. -n: from the network of process PID. -c: not faster than the PC at the
 * end of that cable (a tap device, here) takes them, none is lost; it ends when
 * it has taken all.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define WINDOW       512 /* frames under way; a tap's queue holds 1000 */
#define PATIENCE_SEC 120 /* for a PC to take the next one */
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

struct host {
	uint32_t address;
	uint8_t mac[6];
};

static struct host me, node;
static int fd, devices = -1;
static const char *cable;
static unsigned long sent, taken_before;

/* --- what the PC has taken ------------------------------------------------------ */

/* Frames that the cable's other end has read, and those that were lost before:
 * a line of /proc/net/dev, of the network where the file was opened. */
static int read_cable(unsigned long *taken, unsigned long *lost)
{
	static char text[65536];
	ssize_t n = pread(devices, text, sizeof(text) - 1, 0);
	char *line, name[IFNAMSIZ + 2];

	snprintf(name, sizeof(name), "%s:", cable);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, name);
	while (line && line > text && line[-1] != ' ' && line[-1] != '\n')
		line = strstr(line + 1, name);
	return line && sscanf(line + strlen(name),
			      "%*u %*u %*u %*u %*u %*u %*u %*u "
			      "%*u %lu %*u %lu",
			      taken, lost) == 2
		       ? 0
		       : -1;
}

/* Until no more than this many are under way. Its own network's frames count as
 * well, so there may be some more. */
static void wait_until(unsigned long under_way)
{
	struct timespec tick = { 0, 1000000 };
	unsigned long taken = 0, lost = 0, was = 0;
	time_t since = time(NULL);

	while (cable) {
		if (read_cable(&taken, &lost)) {
			fprintf(stderr, "isolation-scan: no cable %s\n", cable);
			exit(1);
		}
		if (taken - taken_before + under_way >= sent)
			return;
		if (taken != was)
			since = time(NULL);
		was = taken;
		if (time(NULL) - since > PATIENCE_SEC) {
			fprintf(stderr,
				"isolation-scan: %s takes no frames: %lu of %lu\n",
				cable, taken - taken_before, sent);
			exit(1);
		}
		nanosleep(&tick, NULL);
	}
}

static void put(const struct wire_spec *s, unsigned int port)
{
	struct wire_frame f;

	wire_build(s, WIRE_SCAN + port, 1, &f);
	if (sent % (WINDOW / 2) == 0)
		wait_until(WINDOW / 2);
	for (int i = 0; i < 1000; i++) {
		if (send(fd, f.data, f.len, 0) >= 0) {
			sent++;
			return;
		}
		usleep(1000);
	}
	perror("isolation-scan: send");
	exit(1);
}

/* --- what is sent ----------------------------------------------------------------- */

static struct wire_spec to_node(void)
{
	struct wire_spec s = { .ethertype = ETH_IP,
			       .saddr = me.address,
			       .daddr = node.address };

	memcpy(s.src_mac, me.mac, 6);
	memcpy(s.dst_mac, node.mac, 6);
	return s;
}

static void scan_tcp(unsigned int sport, unsigned int ports)
{
	struct wire_spec s = to_node();

	s.protocol = 6;
	s.tcp_flags = 2;
	s.sport = (uint16_t)sport;
	for (unsigned int port = 1; port <= ports; port++) {
		s.dport = (uint16_t)port;
		put(&s, port);
	}
}

static void scan_udp(void)
{
	static const uint16_t ports[] = {
		7,    9,    53,   67,   68,   69,   111,   123,   137,   138,
		161,  162,  500,  514,  520,  623,  1194,  1434,  1900,  2049,
		3702, 4000, 4500, 5353, 5355, 7883, 51820, 51821, 65535,
	};
	struct wire_spec s = to_node();

	s.protocol = 17;
	for (size_t i = 0; i < COUNT(ports); i++)
		for (int k = 0; k < 2; k++) {
			s.dport = ports[i];
			s.sport = k ? ports[i] : 40000;
			put(&s, 0);
		}
}

/* Echo, timestamp, information, mask; then each protocol there could be. */
static void scan_ip(void)
{
	static const uint8_t types[] = { 0, 3, 5, 8, 9, 10, 13, 15, 17, 42 };
	struct wire_spec s = to_node();

	s.protocol = 1;
	for (size_t i = 0; i < COUNT(types); i++) {
		s.icmp_type = types[i];
		put(&s, 0);
	}
	/* And to all: who answers that? */
	memset(s.dst_mac, 0xff, 6);
	s.icmp_type = 8;
	put(&s, 0);
	s.daddr = 0xffffffff;
	put(&s, 0);
	s.daddr = node.address | 0xffff;
	put(&s, 0);
	s.daddr = 0xe0000001;
	put(&s, 0);
	s = to_node();
	for (unsigned int p = 0; p < 256; p++) {
		s.protocol = (uint8_t)p;
		put(&s, 0);
	}
}

static void ask_arp(uint32_t address)
{
	struct wire_spec s = to_node();

	s.ethertype = ETH_ARP;
	s.arp_op = 1;
	memset(s.dst_mac, 0xff, 6);
	memcpy(s.arp_sha, me.mac, 6);
	s.arp_spa = me.address;
	s.arp_tpa = address;
	put(&s, 0);
	memcpy(s.dst_mac, node.mac, 6);
	put(&s, 0);
}

/* Its own; its neighbours'; what a domU's next hop is; what nobody has. */
static void scan_arp(void)
{
	const uint32_t others[] = {
		node.address + 1, node.address - 1, node.address | 0x8000,
		0xa9fe0101,       0x7f000001,       0
	};

	for (size_t i = 0; i < COUNT(others); i++)
		ask_arp(others[i]);
	ask_arp(node.address);
}

/* fe80:: with the MAC in it, as a card chooses its own address. */
static void link_local(const uint8_t mac[6], uint8_t out[16])
{
	static const uint8_t head[8] = { 0xfe, 0x80 };

	memcpy(out, head, 8);
	out[8] = mac[0] ^ 2;
	out[9] = mac[1];
	out[10] = mac[2];
	out[11] = 0xff;
	out[12] = 0xfe;
	memcpy(out + 13, mac + 3, 3);
}

static void scan_ip6(void)
{
	static const uint8_t types[] = { 128, 130, 133, 134, 135, 136, 137 };
	struct wire_spec s = to_node();

	s.ethertype = ETH_IP6;
	link_local(me.mac, s.saddr6);
	for (int k = 0; k < 3; k++) {
		link_local(node.mac, s.daddr6);
		memcpy(s.dst_mac, node.mac, 6);
		/* Those who listen for this address; all nodes. */
		if (k) {
			s.dst_mac[0] = s.dst_mac[1] = 0x33;
			s.dst_mac[2] = k == 1 ? 0xff : 0;
			memset(s.daddr6, 0, 13);
			s.daddr6[0] = 0xff;
			s.daddr6[1] = 2;
			s.daddr6[11] = k == 1;
			s.daddr6[12] = k == 1 ? 0xff : 0;
		}
		if (k == 2) {
			memset(s.dst_mac + 3, 0, 3);
			memset(s.daddr6 + 13, 0, 3);
			s.dst_mac[5] = s.daddr6[15] = 1;
		}
		for (size_t i = 0; i < COUNT(types); i++) {
			s.protocol = 58;
			s.icmp_type = types[i];
			put(&s, 0);
		}
	}
}

/* --- words --------------------------------------------------------------------------- */

static int read_host(const char *word, const char *name, struct host *h)
{
	char text[16];
	struct in_addr a;
	size_t n = strlen(name);
	const char *mac;
	int at = 0;

	if (strncmp(word, name, n) || word[n] != '=' ||
	    sscanf(word + n + 1, "%15[0-9.]%n", text, &at) != 1 ||
	    inet_pton(AF_INET, text, &a) != 1)
		return -1;
	h->address = ntohl(a.s_addr);
	mac = word + n + 1 + at;
	return !*mac || sscanf(mac, "/%hhx:%hhx:%hhx:%hhx:%hhx:%hhx",
			       &h->mac[0], &h->mac[1], &h->mac[2], &h->mac[3],
			       &h->mac[4], &h->mac[5]) == 6
		       ? 0
		       : -1;
}

/* What was opened here before stays of this network. */
static int enter(const char *pid)
{
	char path[64];
	int ns;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	return ns < 0 || setns(ns, CLONE_NEWNET) ? -1 : 0;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct ifreq r = { 0 };

	fd = socket(AF_PACKET, SOCK_RAW, 0);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r))
		return -1;
	memcpy(me.mac, r.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFINDEX, &r))
		return -1;
	at.sll_ifindex = r.ifr_ifindex;
	return bind(fd, (struct sockaddr *)&at, sizeof(at));
}

static int open_cable(unsigned long *lost)
{
	devices = open("/proc/self/net/dev", O_RDONLY | O_CLOEXEC);
	return devices < 0 || read_cable(&taken_before, lost) ? -1 : 0;
}

int main(int argc, char **argv)
{
	const char *pid = NULL;
	unsigned int sport = 40000, ports = 65535;
	unsigned long taken, lost = 0, lost_before = 0;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:t:c:")) != -1) {
		pid = opt == 'n' ? optarg : pid;
		cable = opt == 'c' ? optarg : cable;
		if (opt == 's')
			sport = (unsigned int)strtoul(optarg, NULL, 10);
		if (opt == 't')
			ports = (unsigned int)strtoul(optarg, NULL, 10);
	}
	if (argc - optind != 3 || read_host(argv[optind + 1], "me", &me) ||
	    read_host(argv[optind + 2], "node", &node)) {
		fprintf(stderr,
			"usage: isolation-scan [-n PID] [-s PORT] "
			"[-t PORTS] [-c CABLE] IFACE me=ADDRESS node=ADDRESS/MAC\n");
		return 2;
	}
	if ((cable && open_cable(&lost_before)) || (pid && enter(pid)) ||
	    open_interface(argv[optind])) {
		perror(argv[optind]);
		return 1;
	}
	scan_arp();
	scan_udp();
	scan_ip();
	scan_ip6();
	scan_tcp(sport, ports);
	/* Behind all of it what it must answer, if we are its gateway. */
	ask_arp(node.address);
	wait_until(0);
	if (cable && (read_cable(&taken, &lost) || lost != lost_before)) {
		fprintf(stderr, "isolation-scan: %lu frames were lost\n",
			lost - lost_before);
		return 1;
	}
	printf("%lu frames\n", sent);
	return 0;
}
