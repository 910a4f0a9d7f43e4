/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dom0 - the bridge between the card and netdom's vif.
 *
 * dom0 itself neither hears nor says anything: the bridge's input and output
 * hooks let nothing pass, whatever addresses somebody may give it. Frames are
 * judged before the bridge learns where their sender is: nobody on the LAN can
 * turn netdom's frames away by sending in its name.
 */
#include "text.h"

static void add_arp(const struct walls_lan *lan, int is_out, struct buf *out)
{
	char mac[PARSE_MAC_STR], theirs[PARSE_MAC_STR];
	char address[PARSE_IPV4_STR], gateway[PARSE_IPV4_STR];

	format_mac(lan->mac, mac);
	format_mac(lan->gateway_mac, theirs);
	format_ipv4(lan->address, address);
	format_ipv4(lan->gateway, gateway);
	walls_chain(out, is_out ? "arp_out" : "arp_in");
	walls_rule(out, "ARP of another kind",
		   "arp operation != { request, reply } counter drop");
	if (is_out)
		walls_rule(out, "ARP for another MAC",
			   "arp saddr ether != %s counter drop", mac);
	else if (lan->gateway)
		walls_rule(out, "ARP for another MAC",
			   "arp saddr ether != %s counter drop", theirs);
	if (lan->address)
		walls_rule(out, "ARP for another address",
			   "arp %s ip != %s counter drop",
			   is_out ? "saddr" : "daddr", address);
	if (lan->gateway)
		walls_rule(out, "ARP with another than the gateway",
			   "arp %s ip != %s counter drop",
			   is_out ? "daddr" : "saddr", gateway);
	walls_rule(out, "ARP",
		   "limit rate 50/second burst 100 packets counter accept");
	walls_rule(out, "too much ARP", "counter drop");
	walls_chain_end(out);
}

static void add_frames(struct buf *out, const char *arp_chain)
{
	/* First: what a tag hides is not looked into, and a listing shows it. */
	walls_rule(out, "neither IPv4 nor ARP",
		   "ether type != { ip, arp } counter drop");
	walls_line(out, WALLS_ARP " goto %s", arp_chain);
	walls_rule(out, "ARP of another make", "ether type != ip counter drop");
	walls_rule(out, "fragment", "ip frag-off & 0x3fff != 0 counter drop");
}

/* Of a unicast frame, who; broadcast and groups are looked at by service. */
static void add_out(const struct walls_lan *lan, struct buf *out)
{
	char mac[PARSE_MAC_STR], theirs[PARSE_MAC_STR];

	format_mac(lan->mac, mac);
	format_mac(lan->gateway_mac, theirs);
	walls_chain(out, "lan_out");
	walls_rule(out, "not our MAC", "ether saddr != %s counter drop", mac);
	if (lan->gateway)
		walls_rule(out, "not to the gateway's MAC",
			   "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 "
			   "ether daddr != %s counter drop",
			   theirs);
	add_frames(out, "arp_out");
	if (lan->gateway)
		walls_rule(out, "a group's MAC for one",
			   "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 "
			   "ip daddr < 224.0.0.0 counter drop");
	walls_lan_out(lan, 1, out);
	walls_chain_end(out);
	add_arp(lan, 1, out);
}

static void add_in(const struct walls_lan *lan, struct buf *out)
{
	char mac[PARSE_MAC_STR], theirs[PARSE_MAC_STR];

	format_mac(lan->mac, mac);
	format_mac(lan->gateway_mac, theirs);
	walls_chain(out, "lan_in");
	walls_rule(out, "not for us",
		   "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 "
		   "ether daddr != %s counter drop",
		   mac);
	if (lan->gateway)
		walls_rule(out, "not from the gateway's MAC",
			   "ether saddr != %s counter drop", theirs);
	else
		walls_rule(out, "in our name", "ether saddr %s counter drop",
			   mac);
	add_frames(out, "arp_in");
	walls_lan_in(lan, 1, out);
	walls_chain_end(out);
	add_arp(lan, 0, out);
}

static void add_deaf_chain(struct buf *out, const char *hook, const char *comment)
{
	walls_base_chain(out, hook, hook);
	walls_rule(out, comment, "counter drop");
	walls_chain_end(out);
}

int walls_dom0(const struct walls_lan *lan, struct buf *out, struct errinfo *err)
{
	int rc = 0;

	if (lan->nic || lan->vif) {
		rc = walls_check_lan(lan, err);
		if (!rc)
			rc = walls_check_ifname("vif", lan->vif, err);
	}
	if (rc)
		return rc;
	walls_replace(out, "bridge");
	buf_adds(out, "table bridge nightshift {\n");
	add_deaf_chain(out, "input", "to dom0");
	add_deaf_chain(out, "output", "from dom0");
	walls_base_chain(out, "prerouting", "prerouting");
	if (lan->nic) {
		walls_line(out, "iifname \"%s\" goto lan_out", lan->vif);
		walls_line(out, "iifname \"%s\" goto lan_in", lan->nic);
	}
	walls_rule(out, "from others", "counter drop");
	walls_chain_end(out);
	walls_base_chain(out, "forward", "forward");
	if (lan->nic) {
		walls_line(out, "iifname \"%s\" oifname \"%s\" accept",
			   lan->vif, lan->nic);
		walls_line(out, "iifname \"%s\" oifname \"%s\" accept",
			   lan->nic, lan->vif);
	}
	walls_rule(out, "between others", "counter drop");
	walls_chain_end(out);
	if (lan->nic) {
		add_out(lan, out);
		add_in(lan, out);
	}
	buf_adds(out, "}\n");
	return out->rc;
}
