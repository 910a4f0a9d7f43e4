/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netdom - what reaches netdom's own stack, and what it passes on.
 */
#include "text.h"

/* Segments that fit into the tunnel, in either direction. */
#define MSS (WALLS_TUNNEL_MTU - 40)

static void add_forward(struct buf *out)
{
	walls_base_chain(out, "forward", "forward");
	walls_line(out, "iifname . ip saddr @domus oifname \"" WALLS_TUNNEL
			"\" goto from_domu");
	walls_line(out, "iifname \"" WALLS_TUNNEL
			"\" oifname . ip daddr @domus goto to_domu");
	walls_rule(out, "neither domU to tunnel nor back", "counter drop");
	walls_chain_end(out);
	walls_chain(out, "from_domu");
	walls_line(out, "tcp flags syn tcp option maxseg size set %d", MSS);
	walls_rule(out, "domU to tunnel", "counter accept");
	walls_chain_end(out);
	walls_chain(out, "to_domu");
	walls_line(out, "tcp flags syn tcp option maxseg size set %d", MSS);
	walls_rule(out, "tunnel to domU", "counter accept");
	walls_chain_end(out);
}

/* A domU hears from netdom itself only why a packet did not fit. */
static void add_to_domus(struct buf *out)
{
	char address[PARSE_IPV4_STR];

	format_ipv4(WALLS_VIF_ADDRESS, address);
	walls_rule(out, "packet too big, no route",
		   "oifname \"vif*\" ip saddr %s icmp type { "
		   "destination-unreachable, time-exceeded } "
		   "limit rate 100/second burst 100 packets counter accept",
		   address);
}

static void add_set(const struct walls_vif *vifs, size_t n, struct buf *out)
{
	char address[PARSE_IPV4_STR];

	buf_adds(out, "\tset domus {\n\t\ttypeof iifname . ip saddr\n");
	for (size_t i = 0; i < n; i++) {
		format_ipv4(vifs[i].address, address);
		buf_addf(out, "%s\"%s\" . %s%s", i ? ", " : "\t\telements = { ",
			 vifs[i].ifname, address, i + 1 < n ? "" : " }\n");
	}
	buf_adds(out, "\t}\n");
}

int walls_netdom(const struct walls_lan *lan, const struct walls_vif *vifs,
		 size_t n, struct buf *out, struct errinfo *err)
{
	int rc = lan->nic ? walls_check_lan(lan, err) : 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = walls_check_vif(&vifs[i], err);
	if (rc)
		return rc;
	walls_replace(out, "inet");
	buf_adds(out, "table inet nightshift {\n");
	add_set(vifs, n, out);
	walls_base_chain(out, "input", "input");
	if (lan->nic)
		walls_line(out, "iifname \"%s\" meta nfproto ipv4 goto lan_in",
			   lan->nic);
	walls_rule(out, "to netdom", "counter drop");
	walls_chain_end(out);
	walls_base_chain(out, "output", "output");
	if (lan->nic)
		walls_line(out, "oifname \"%s\" meta nfproto ipv4 goto lan_out",
			   lan->nic);
	add_to_domus(out);
	walls_rule(out, "from netdom", "counter drop");
	walls_chain_end(out);
	add_forward(out);
	if (lan->nic) {
		walls_chain(out, "lan_in");
		walls_lan_in(lan, 0, out);
		walls_chain_end(out);
		walls_chain(out, "lan_out");
		walls_lan_out(lan, 0, out);
		walls_chain_end(out);
	}
	buf_adds(out, "}\n");
	return out->rc;
}
