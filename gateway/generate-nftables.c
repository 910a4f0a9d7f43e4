/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-nftables - the segment's walls: table inet nightshift.
 *
 * The file replaces the table in one transaction (add, delete, define), so it
 * may be loaded again at any time and touches no other table. Each rule names
 * the line of nightshift.conf it comes from. What the rules say:
 *
 *   nodes (dom0s) reach the gateway for boot and control, nothing else;
 *   domUs reach the central's address and port, nothing else, not the gateway;
 *   nothing is forwarded to anyone in the segment but answers to domUs;
 *   no IPv6 at all on the segment.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "generate.h"

struct rule_source {
	const struct config *c;
	struct buf *out;
};

__attribute__((format(printf, 3, 4))) static void
add_rule(struct rule_source *s, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= (int)sizeof(text))
		s->out->rc = -EFBIG;
	va_end(ap);
	buf_addf(s->out, "\t\t%s comment \"%s:%d\"\n", text, s->c->base, line);
}

static void add_sets(struct rule_source *s)
{
	const struct config *c = s->c;
	char domu[PARSE_IPV4_STR];

	buf_adds(s->out, "\tset nodes {\n\t\ttypeof ip saddr . ether saddr\n");
	if (c->n_nodes)
		buf_adds(s->out, "\t\telements = {\n");
	for (size_t i = 0; i < c->n_nodes; i++)
		buf_addf(s->out, "\t\t\t%s . %s comment \"%s:%d %s\",\n",
			 c->nodes[i].address_text, c->nodes[i].mac_text,
			 c->base, c->nodes[i].line, c->nodes[i].name);
	buf_addf(s->out, "%s\t}\n\n", c->n_nodes ? "\t\t}\n" : "");
	buf_adds(s->out, "\tset domus {\n\t\ttypeof ip saddr\n");
	if (c->n_nodes)
		buf_adds(s->out, "\t\telements = {\n");
	for (size_t i = 0; i < c->n_nodes; i++) {
		format_ipv4(c->nodes[i].domu_address, domu);
		buf_addf(s->out, "\t\t\t%s comment \"%s:%d %s\",\n", domu,
			 c->base, c->nodes[i].line, c->nodes[i].name);
	}
	buf_addf(s->out, "%s\t}\n\n", c->n_nodes ? "\t\t}\n" : "");
}

static void add_input(struct rule_source *s)
{
	const struct config *c = s->c;
	int at = c->interface_line, addr = c->address_line;

	/* Other interfaces are the owner's own firewall's. */
	buf_adds(s->out, "\tchain input {\n\t\ttype filter hook input "
			 "priority filter; policy accept;\n");
	if (c->tunnel.line)
		add_rule(s, c->tunnel.line, "iifname \"%s\" counter drop",
			 c->tunnel.interface);
	add_rule(s, at, "iifname \"%s\" goto segment_input", c->interface);
	buf_adds(s->out, "\t}\n\n\tchain segment_input {\n");
	add_rule(s, at, "meta nfproto ipv6 counter drop");
	add_rule(s, at, "ct state invalid counter drop");
	add_rule(s, at, "udp sport 68 udp dport 67 counter accept");
	add_rule(s, addr, "ip daddr != %s counter drop", c->address_text);
	add_rule(s, at,
		 "ip saddr . ether saddr @nodes ct state "
		 "established,related counter accept");
	add_rule(s, at,
		 "ip saddr . ether saddr @nodes udp dport 69 counter accept");
	add_rule(s, at,
		 "ip saddr . ether saddr @nodes tcp dport { 80, 443, %d } "
		 "counter accept",
		 c->repo.port);
	/* What a node says to the carousel; it is answered in the open. */
	if (c->carousel.line)
		add_rule(s, c->carousel.line,
			 "ip saddr . ether saddr @nodes udp dport %d "
			 "limit rate 20000/second counter accept",
			 c->carousel.port);
	if (c->tunnel.line)
		add_rule(s, c->tunnel.line,
			 "ip saddr . ether saddr @nodes udp dport %d "
			 "counter accept",
			 c->tunnel.port);
	add_rule(s, at,
		 "ip saddr . ether saddr @nodes icmp type echo-request "
		 "limit rate 50/second counter accept");
	add_rule(s, at, "counter drop");
	buf_adds(s->out, "\t}\n\n");
}

static void add_forward(struct rule_source *s)
{
	const struct config *c = s->c;
	int at = c->interface_line;
	const char *domus = c->tunnel.line ? c->tunnel.interface : c->interface;

	buf_adds(s->out, "\tchain forward {\n\t\ttype filter hook forward "
			 "priority filter; policy drop;\n");
	add_rule(s, at, "meta nfproto ipv6 counter drop");
	add_rule(s, at, "ct state invalid counter drop");
	add_rule(s, at, "iifname \"%s\" oifname \"%s\" counter drop",
		 c->interface, c->interface);
	add_rule(s, c->domu_line,
		 "iifname \"%s\" ip saddr @domus ip daddr %s tcp dport %d "
		 "ct state new,established counter accept",
		 domus, c->central.address_text, c->central.port);
	add_rule(s, c->domu_line,
		 "oifname \"%s\" ip daddr @domus ip saddr %s tcp sport %d "
		 "ct state established counter accept",
		 domus, c->central.address_text, c->central.port);
	add_rule(s, c->domu_line,
		 "oifname \"%s\" ip daddr @domus ct state related "
		 "icmp type { destination-unreachable, time-exceeded } "
		 "counter accept",
		 domus);
	/* dom0s end here; a counter of their own shows that one tried. */
	add_rule(s, at, "ip saddr . ether saddr @nodes counter drop");
	add_rule(s, at, "counter drop");
	buf_adds(s->out, "\t}\n\n");
}

static void add_nat(struct rule_source *s)
{
	const struct config *c = s->c;

	buf_adds(s->out, "\tchain postrouting {\n\t\ttype nat hook postrouting "
			 "priority srcnat; policy accept;\n");
	add_rule(s, c->domu_line,
		 "oifname != \"%s\" ip saddr @domus ip daddr %s tcp dport %d "
		 "counter masquerade",
		 c->interface, c->central.address_text, c->central.port);
	buf_adds(s->out, "\t}\n");
}

void generate_nftables(const struct config *c, const char *dir, struct buf *out)
{
	struct rule_source s = { c, out };

	(void)dir;
	buf_addf(out,
		 "#!/usr/sbin/nft -f\n"
		 "# Made by gatewayd from %s; do not edit.\n"
		 "table inet nightshift\n"
		 "delete table inet nightshift\n"
		 "table inet nightshift {\n",
		 c->base);
	add_sets(&s);
	add_input(&s);
	add_forward(&s);
	add_nat(&s);
	buf_adds(out, "}\n");
}
