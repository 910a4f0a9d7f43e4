/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vif - what a domU may send, at the first place that sees it.
 *
 * Its packets still meet netdom's forward chain, which takes them from this
 * interface with this address only, and only into the tunnel.
 */
#include "text.h"

int walls_check_vif(const struct walls_vif *vif, struct errinfo *err)
{
	int rc;

	rc = walls_check_ifname("vif", vif->ifname, err);
	if (!rc)
		rc = walls_check_mac("mac", vif->mac, err);
	return rc ? rc : walls_check_address("address", vif->address, err);
}

static void add_arp(struct buf *out, const char *mac, const char *address,
		    const char *ours)
{
	walls_rule(out, "ARP for netdom's end",
		   WALLS_ARP
		   " arp operation request "
		   "arp saddr ether %s arp saddr ip %s arp daddr ip %s "
		   "limit rate 10/second burst 20 packets counter accept",
		   mac, address, ours);
	walls_rule(out, "answer to netdom's ARP",
		   WALLS_ARP
		   " arp operation reply "
		   "arp saddr ether %s arp saddr ip %s arp daddr ip %s "
		   "limit rate 10/second burst 20 packets counter accept",
		   mac, address, ours);
}

static void add_rate(struct buf *out, uint32_t kbps)
{
	uint32_t kbytes = (kbps ? kbps : WALLS_RATE_KBPS) / 8;

	/* A tenth of a second at once; never less than a few packets. */
	walls_rule(out, "too many bytes",
		   "limit rate over %u kbytes/second burst %u kbytes counter drop",
		   kbytes ? kbytes : 1, kbytes / 10 > 64 ? kbytes / 10 : 64);
	walls_rule(out, "too many packets",
		   "limit rate over %d/second burst %d packets counter drop",
		   WALLS_PACKETS, WALLS_PACKETS / 10);
}

int walls_vif_add(const struct walls_vif *vif, struct buf *out,
		  struct errinfo *err)
{
	char mac[PARSE_MAC_STR], address[PARSE_IPV4_STR], ours[PARSE_IPV4_STR];
	int rc = walls_check_vif(vif, err);

	if (rc)
		return rc;
	format_mac(vif->mac, mac);
	format_ipv4(vif->address, address);
	format_ipv4(WALLS_VIF_ADDRESS, ours);
	buf_addf(out,
		 "table netdev nightshift {\n"
		 "\tchain %s {\n"
		 "\t\ttype filter hook ingress device \"%s\" priority filter; "
		 "policy drop;\n\t}\n}\n"
		 "flush chain netdev nightshift %s\n"
		 "table netdev nightshift {\n",
		 vif->ifname, vif->ifname, vif->ifname);
	walls_chain(out, vif->ifname);
	walls_rule(out, "not its MAC", "ether saddr != %s counter drop", mac);
	walls_rule(out, "neither IPv4 nor ARP",
		   "ether type != { ip, arp } counter drop");
	add_arp(out, mac, address, ours);
	walls_rule(out, "no such ARP", "ether type != ip counter drop");
	walls_rule(out, "not its address", "ip saddr != %s counter drop",
		   address);
	walls_rule(out, "to a group, a link, or nobody",
		   "ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, "
		   "224.0.0.0/3 } counter drop");
	walls_rule(out, "to a group's MAC",
		   "ether daddr & 01:00:00:00:00:00 != 00:00:00:00:00:00 "
		   "counter drop");
	walls_rule(out, "DHCP", "udp dport { 67, 68 } counter drop");
	add_rate(out, vif->rate_kbps);
	walls_rule(out, "passed on", "counter accept");
	walls_chain_end(out);
	buf_addf(out, "}\nadd element inet nightshift domus { \"%s\" . %s }\n",
		 vif->ifname, address);
	return out->rc;
}

int walls_vif_del(const struct walls_vif *vif, struct buf *out,
		  struct errinfo *err)
{
	char address[PARSE_IPV4_STR];
	int rc = walls_check_vif(vif, err);

	if (rc)
		return rc;
	format_ipv4(vif->address, address);
	buf_addf(out, "delete element inet nightshift domus { \"%s\" . %s }\n",
		 vif->ifname, address);
	return out->rc;
}
