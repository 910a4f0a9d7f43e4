/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lan - the services of the LAN that netdom may use, in the words of both
 * families: dom0's bridge and netdom's own stack see the same packets.
 *
 * TCP is not followed: what comes from a port of ours may not open a
 * connection, and is otherwise netdom's to refuse. IGMP is of version 2 (netdom
 * is told so), whose report names its one group where a rule can look.
 */
#include <stdio.h>

#include "text.h"

#define TCP_OPENS "tcp flags & (fin | syn | rst | ack) == syn"

struct lan_words {
	char ports[32];               /* "80, 443, 8080" */
	char address[PARSE_IPV4_STR]; /* ours, */
	char gateway[PARSE_IPV4_STR]; /* the gateway's, */
	char group[PARSE_IPV4_STR];   /* the carousel's */
};

static void words_of(const struct walls_lan *lan, struct lan_words *w)
{
	int n = snprintf(w->ports, sizeof(w->ports), "%d, %d", lan->http_port,
			 lan->https_port);

	if (lan->repo_port && lan->repo_port != lan->http_port &&
	    lan->repo_port != lan->https_port)
		snprintf(w->ports + n, sizeof(w->ports) - (size_t)n, ", %d",
			 lan->repo_port);
	format_ipv4(lan->address, w->address);
	format_ipv4(lan->gateway, w->gateway);
	format_ipv4(lan->carousel, w->group);
}

/* Only the group's own report, and the word that it is left. */
static void add_igmp_out(const struct walls_lan *lan, const struct lan_words *w,
			 struct buf *out)
{
	walls_rule(out, "carousel: join",
		   "ip daddr %s igmp type membership-report-v2 igmp group 0x%08x "
		   "limit rate 10/second burst 20 packets counter accept",
		   w->group, lan->carousel);
	walls_rule(out, "carousel: leave",
		   "ip daddr 224.0.0.2 igmp type leave-group igmp group 0x%08x "
		   "limit rate 10/second burst 20 packets counter accept",
		   lan->carousel);
}

static void add_gateway_out(const struct walls_lan *lan,
			    const struct lan_words *w, struct buf *out)
{
	walls_rule(out, "not to the gateway", "ip daddr != %s counter drop",
		   w->gateway);
	walls_rule(out, "not our address", "ip saddr != %s counter drop",
		   w->address);
	if (lan->tunnel_port)
		walls_rule(out, "tunnel", "udp dport %d counter accept",
			   lan->tunnel_port);
	walls_rule(out, "boot, control, repository",
		   "tcp dport { %s } counter accept", w->ports);
	if (lan->carousel)
		walls_rule(out, "carousel: word to its sender",
			   "udp dport %d counter accept", lan->carousel_port);
	walls_rule(out, "DHCP: renewal",
		   "udp sport 68 udp dport 67 counter accept");
}

void walls_lan_out(const struct walls_lan *lan, int bridge, struct buf *out)
{
	struct lan_words w;

	words_of(lan, &w);
	walls_rule(out, "DHCP",
		   "%sip daddr 255.255.255.255 udp sport 68 udp dport 67 "
		   "limit rate 10/second burst 20 packets counter accept",
		   bridge ? "ether daddr ff:ff:ff:ff:ff:ff " : "");
	if (lan->gateway) {
		if (lan->carousel)
			add_igmp_out(lan, &w, out);
		add_gateway_out(lan, &w, out);
	} else {
		if (lan->address)
			walls_rule(out, "not our address",
				   "ip saddr != %s counter drop", w.address);
		walls_rule(out, "boot, before the statement is verified",
			   "tcp dport { %s } counter accept", w.ports);
	}
	walls_rule(out, "no service", "counter drop");
}

void walls_lan_in(const struct walls_lan *lan, int bridge, struct buf *out)
{
	struct lan_words w;

	(void)bridge;
	words_of(lan, &w);
	if (lan->gateway)
		walls_rule(out, "not from the gateway",
			   "ip saddr != %s counter drop", w.gateway);
	if (lan->gateway && lan->tunnel_port)
		walls_rule(out, "tunnel",
			   "ip daddr %s udp sport %d counter accept", w.address,
			   lan->tunnel_port);
	if (lan->gateway && lan->carousel)
		walls_rule(out, "carousel",
			   "ip daddr %s udp dport %d counter accept", w.group,
			   lan->carousel_port);
	/* To whatever address it offers. */
	walls_rule(out, "DHCP", "udp sport 67 udp dport 68 counter accept");
	if (lan->address)
		walls_rule(out, "not to our address",
			   "ip daddr != %s counter drop", w.address);
	walls_rule(out, "nobody connects to a node",
		   "tcp sport { %s } " TCP_OPENS " counter drop", w.ports);
	walls_rule(out, "boot, control, repository",
		   "tcp sport { %s } counter accept", w.ports);
	walls_rule(out, "no service", "counter drop");
}
