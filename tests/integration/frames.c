/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames - sends frames by hand and says which arrive where.
 *
 * usage: frames IFACE... < script
 *
 *	control FROM TO WORD...		a frame that passes, in that direction;
 *					via=IFACE: nothing from FROM does, send it there
 *	pass    FROM TO WORD... # NAME	must arrive at TO
 *	drop    FROM TO WORD... # NAME	must arrive nowhere; TO: where it wants to
 *	send    FROM TO WORD...		and look no further
 *
 * Each frame carries a number of its own. Nothing waits for time to pass: a
 * dropped frame is one that has not come when the control sent after it has.
 *
 *	es= ed=MAC  type=HEX  vlan=N  qinq=N  llc	Ethernet
 *	ip=A>B  ihl=N  frag=HEX  ttl=N  ver=N		IPv4
 *	udp=S>D  tcp=S>D:FLAGS  icmp=TYPE  proto=N  igmp=HEX,A
 *	arp=OP,MAC,A,A[,HTYPE,HLEN]			who has A (sender's MAC, A)
 *	len=N						bytes behind the headers
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "parse.h"

#define IFACES_MAX 8
#define WORDS_MAX  32
#define FRAME_MAX  2048
#define WAIT_MS    20000 /* until a frame that must come counts as lost */

struct iface {
	const char *name;
	int fd;
};

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len, ip, l4; /* where they begin; 0: there is none */
	uint8_t proto;
};

static struct iface ifaces[IFACES_MAX];
static int n_ifaces;
static struct control {
	int from, via, to, n;
	char *words[WORDS_MAX];
} controls[IFACES_MAX];
static int n_controls;
static uint64_t serial = 0x4e53464d00000000; /* "NSFM" */

static void die(const char *what, const char *value)
{
	fprintf(stderr, "frames: %s: %s\n", what, value);
	exit(2);
}

static void put(struct frame *f, const void *data, size_t len)
{
	if (f->len + len > sizeof(f->data))
		die("frame", "too long");
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void put8(struct frame *f, unsigned long v)
{
	uint8_t b = (uint8_t)v;

	put(f, &b, 1);
}

static void put16(struct frame *f, unsigned long v)
{
	put8(f, v >> 8);
	put8(f, v);
}

static void put_mac(struct frame *f, const char *text)
{
	uint8_t mac[PARSE_MAC_LEN];

	if (parse_mac(text, mac))
		die("no MAC", text);
	put(f, mac, sizeof(mac));
}

static void put_ip(struct frame *f, const char *text)
{
	uint32_t address;

	if (parse_ipv4(text, &address))
		die("no address", text);
	put16(f, address >> 16);
	put16(f, address);
}

/* The text behind "KEY=" among the words, or def. */
static const char *word(char **words, int n, const char *key, const char *def)
{
	size_t len = strlen(key);

	for (int i = 0; i < n; i++)
		if (!strncmp(words[i], key, len) &&
		    (words[i][len] == '=' || !words[i][len]))
			return words[i] + len + (words[i][len] == '=');
	return def;
}

static unsigned long number(char **words, int n, const char *key, const char *def)
{
	return strtoul(word(words, n, key, def), NULL, 0);
}

/* "A>B" in two. */
static void split(const char *text, char a[32], char b[32])
{
	if (sscanf(text, "%31[^>]>%31s", a, b) != 2)
		die("not A>B", text);
}

static uint16_t checksum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void set16(struct frame *f, size_t at, uint16_t v)
{
	f->data[at] = (uint8_t)(v >> 8);
	f->data[at + 1] = (uint8_t)v;
}

static void add_ethernet(struct frame *f, char **words, int n)
{
	const char *vlan = word(words, n, "vlan", NULL);
	const char *qinq = word(words, n, "qinq", NULL);
	int is_arp = word(words, n, "arp", NULL) != NULL;

	put_mac(f, word(words, n, "ed", "ff:ff:ff:ff:ff:ff"));
	put_mac(f, word(words, n, "es", ""));
	if (qinq) {
		put16(f, 0x88a8);
		put16(f, strtoul(qinq, NULL, 0));
	}
	if (vlan) {
		put16(f, 0x8100);
		put16(f, strtoul(vlan, NULL, 0));
	}
	if (word(words, n, "llc", NULL)) {
		put16(f, 38);
		put(f, "\x42\x42\x03", 3);
	} else {
		put16(f, number(words, n, "type", is_arp ? "0x0806" : "0x0800"));
	}
}

static void add_arp(struct frame *f, const char *text)
{
	char op[8], mac[32], a[32], b[32], htype[8] = "1", hlen[8] = "6";

	if (sscanf(text, "%7[^,],%31[^,],%31[^,],%31[^,],%7[^,],%7s", op, mac,
		   a, b, htype, hlen) < 4)
		die("arp=OP,MAC,A,A", text);
	put16(f, strtoul(htype, NULL, 0));
	put16(f, 0x0800);
	put8(f, strtoul(hlen, NULL, 0));
	put8(f, 4);
	put16(f, strtoul(op, NULL, 0));
	put_mac(f, mac);
	put_ip(f, a);
	put_mac(f, "00:00:00:00:00:00");
	put_ip(f, b);
}

/* Lengths and sums come last. */
static void add_ipv4(struct frame *f, char **words, int n, const char *text)
{
	unsigned long ihl = number(words, n, "ihl", "5");
	char a[32], b[32];

	split(text, a, b);
	f->ip = f->len;
	put8(f, number(words, n, "ver", "4") << 4 | ihl);
	put8(f, 0);
	put16(f, 0);
	put16(f, 0x1234);
	put16(f, number(words, n, "frag", "0"));
	put8(f, number(words, n, "ttl", "64"));
	put8(f, 0);
	put16(f, 0);
	put_ip(f, a);
	put_ip(f, b);
	for (unsigned long i = 5; i < ihl; i++)
		put(f, "\x94\x04\0\0", 4); /* router alert */
	f->l4 = f->len;
}

static unsigned long flags_of(const char *text)
{
	static const char names[] = "fsrpau";
	unsigned long v = 0;

	for (; *text; text++)
		if (strchr(names, *text))
			v |= 1UL << (strchr(names, *text) - names);
	return v;
}

static void add_l4(struct frame *f, char **words, int n)
{
	const char *udp = word(words, n, "udp", NULL);
	const char *tcp = word(words, n, "tcp", NULL);
	const char *icmp = word(words, n, "icmp", NULL);
	const char *igmp = word(words, n, "igmp", NULL);
	char a[32], b[32], *colon;

	f->proto = (uint8_t)number(words, n, "proto", "0");
	if (udp) {
		split(udp, a, b);
		f->proto = IPPROTO_UDP;
		put16(f, strtoul(a, NULL, 0));
		put16(f, strtoul(b, NULL, 0));
		put16(f, 0);
		put16(f, 0);
	} else if (tcp) {
		split(tcp, a, b);
		colon = strchr(b, ':');
		f->proto = IPPROTO_TCP;
		put16(f, strtoul(a, NULL, 0));
		put16(f, strtoul(b, NULL, 0));
		put(f, "\0\0\0\1\0\0\0\1", 8);
		put8(f, 5 << 4);
		put8(f, flags_of(colon ? colon + 1 : "a"));
		put(f, "\x10\0\0\0\0\0", 6);
	} else if (icmp) {
		f->proto = IPPROTO_ICMP;
		put8(f, strtoul(icmp, NULL, 0));
		put(f, "\0\0\0\0\1\0\1", 7);
	} else if (igmp) {
		f->proto = IPPROTO_IGMP;
		if (sscanf(igmp, "%31[^,],%31s", a, b) != 2)
			die("igmp=TYPE,GROUP", igmp);
		put8(f, strtoul(a, NULL, 0));
		put(f, "\0\0\0", 3);
		put_ip(f, b);
	}
}

static void finish(struct frame *f)
{
	size_t len = f->len - f->l4;
	uint32_t sum = 0;

	if (!f->ip)
		return;
	set16(f, f->ip + 2, (uint16_t)(f->len - f->ip));
	f->data[f->ip + 9] = f->proto;
	set16(f, f->ip + 10, checksum(f->data + f->ip, f->l4 - f->ip, 0));
	if (f->proto == IPPROTO_UDP)
		set16(f, f->l4 + 4, (uint16_t)len);
	if (f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP) {
		for (size_t i = 12; i < 20; i += 2)
			sum += (uint32_t)f->data[f->ip + i] << 8 |
			       f->data[f->ip + i + 1];
		sum += f->proto + (uint32_t)len;
		set16(f, f->l4 + (f->proto == IPPROTO_TCP ? 16 : 6),
		      checksum(f->data + f->l4, len, sum));
	} else if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_IGMP) {
		set16(f, f->l4 + 2, checksum(f->data + f->l4, len, 0));
	}
}

static void build(struct frame *f, char **words, int n, uint64_t id)
{
	static const uint8_t filler[FRAME_MAX];
	const char *arp = word(words, n, "arp", NULL);
	const char *ip = word(words, n, "ip", NULL);

	memset(f, 0, sizeof(*f));
	add_ethernet(f, words, n);
	if (arp)
		add_arp(f, arp);
	if (ip) {
		add_ipv4(f, words, n, ip);
		add_l4(f, words, n);
	}
	put(f, &id, sizeof(id));
	put(f, filler, number(words, n, "len", "24"));
	finish(f);
}

/* ---- sending and seeing ----------------------------------------------------- */

static int open_iface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL) };
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	to.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !to.sll_ifindex ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
		       sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die(name, strerror(errno));
	return fd;
}

static int find_iface(const char *name)
{
	for (int i = 0; i < n_ifaces; i++)
		if (!strcmp(ifaces[i].name, name))
			return i;
	die("no such interface", name);
	return -1;
}

/* Reads all that is there; returns whether `id` was among it. */
static int drain(int i, uint64_t id)
{
	uint8_t data[FRAME_MAX];
	int seen = 0;
	ssize_t n;

	while ((n = recv(ifaces[i].fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		seen |= memmem(data, (size_t)n, &id, sizeof(id)) != NULL;
	return seen;
}

/* Whether it comes to interface `to`; `other` is set if another id did before
 * or with it. */
static int await(int to, uint64_t id, uint64_t other, int *other_seen)
{
	int64_t end = clock_boot_ms() + WAIT_MS;
	uint8_t data[FRAME_MAX];
	struct pollfd p = { ifaces[to].fd, POLLIN, 0 };
	ssize_t n;

	while (clock_boot_ms() < end) {
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = recv(p.fd, data, sizeof(data), MSG_DONTWAIT);
		if (n <= 0)
			continue;
		if (memmem(data, (size_t)n, &other, sizeof(other)))
			*other_seen = 1;
		if (memmem(data, (size_t)n, &id, sizeof(id)))
			return 1;
	}
	return 0;
}

static uint64_t send_words(int from, char **words, int n)
{
	struct frame f;
	uint64_t id = ++serial;

	build(&f, words, n, id);
	if (send(ifaces[from].fd, f.data, f.len, 0) != (ssize_t)f.len)
		die(ifaces[from].name, strerror(errno));
	return id;
}

static struct control *control_of(int from, int to)
{
	for (int i = 0; i < n_controls; i++)
		if (controls[i].from == from && controls[i].to == to)
			return &controls[i];
	for (int i = 0; i < n_controls; i++)
		if (controls[i].from == from)
			return &controls[i];
	die("no control from", ifaces[from].name);
	return NULL;
}

/* 0, or what went wrong. */
static const char *probe(int pass, int from, int to, char **words, int n)
{
	struct control *c;
	int leaked = 0, unused = 0;
	uint64_t id, control;

	for (int i = 0; i < n_ifaces; i++)
		drain(i, 0);
	id = send_words(from, words, n);
	if (pass)
		return await(to, id, 0, &unused) ? NULL : "it did not arrive";
	c = control_of(from, to);
	control = send_words(c->via, c->words, c->n);
	if (!await(c->to, control, id, &leaked))
		return "the frame that passes did not arrive either";
	for (int i = 0; i < n_ifaces; i++)
		if (i != from)
			leaked |= drain(i, id);
	return leaked ? "IT ARRIVED" : NULL;
}

static int run_line(char *line)
{
	char *words[WORDS_MAX], *name, *what, *save = NULL;
	const char *wrong;
	int n = 0, from, to;

	name = strchr(line, '#');
	if (name)
		*name++ = '\0';
	what = strtok_r(line, " \t", &save);
	if (!what)
		return 0;
	from = find_iface(strtok_r(NULL, " \t", &save) ?: "");
	to = find_iface(strtok_r(NULL, " \t", &save) ?: "");
	while (n < WORDS_MAX && (words[n] = strtok_r(NULL, " \t", &save)))
		n++;
	if (!strcmp(what, "control")) {
		struct control *c = &controls[n_controls++];

		*c = (struct control){ .from = from, .to = to, .n = n };
		c->via = find_iface(word(words, n, "via", ifaces[from].name));
		for (int i = 0; i < n; i++)
			c->words[i] = strdup(words[i]);
		return 0;
	}
	if (!strcmp(what, "send")) {
		send_words(from, words, n);
		return 0;
	}
	wrong = probe(!strcmp(what, "pass"), from, to, words, n);
	printf("%s: %s %s>%s%s%s%s\n", wrong ? "FAILED" : "ok", what,
	       ifaces[from].name, ifaces[to].name, name ? name : "",
	       wrong ? ": " : "", wrong ? wrong : "");
	return wrong != NULL;
}

int main(int argc, char **argv)
{
	auto_free char *line = NULL;
	size_t size = 0;
	int bad = 0;
	ssize_t n;

	setlinebuf(stdout);
	if (argc < 2 || argc > IFACES_MAX)
		die("usage", "frames IFACE... < script");
	for (int i = 1; i < argc; i++)
		ifaces[n_ifaces++] =
			(struct iface){ argv[i], open_iface(argv[i]) };
	while ((n = getline(&line, &size, stdin)) > 0) {
		line[n - 1] = '\0';
		bad += run_line(line);
	}
	return bad != 0;
}
