/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - packets and rules in words and as JSON.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "prove.h"

static const char *const states[] = { "new", "established", "related",
				      "invalid", "untracked" };

static int has_ports(const struct space_point *x)
{
	unsigned int p = (unsigned int)x->v[SPACE_PROTO];

	return (p == 6 || p == 17 || p == 33 || p == 132 || p == 136) &&
	       !(x->v[SPACE_FRAG] & 0x1fff);
}

static int is_icmp(const struct space_point *x)
{
	unsigned int p = (unsigned int)x->v[SPACE_PROTO];

	return (p == 1 || p == 58) && !(x->v[SPACE_FRAG] & 0x1fff);
}

static int is_ip(const struct space_point *x)
{
	return x->v[SPACE_ETYPE] == ETYPE_IP || x->v[SPACE_ETYPE] == ETYPE_IP6;
}

static void address(const struct space_point *x, int dst, char *out, size_t size)
{
	enum space_field f6 = dst ? SPACE_DADDR6 : SPACE_SADDR6;
	enum space_field f4 = dst ? SPACE_DADDR : SPACE_SADDR;
	uint8_t raw[16];

	if (x->v[SPACE_ETYPE] == ETYPE_IP) {
		format_ipv4((uint32_t)x->v[f4], out);
		return;
	}
	for (int i = 0; i < 16; i++)
		raw[i] = (uint8_t)(x->v[f6] >> (8 * (15 - i)));
	if (!inet_ntop(AF_INET6, raw, out, (socklen_t)size))
		snprintf(out, size, "?");
}

static void mac(space_value v, char out[PARSE_MAC_STR])
{
	uint8_t raw[PARSE_MAC_LEN];

	for (int i = 0; i < PARSE_MAC_LEN; i++)
		raw[i] = (uint8_t)(v >> (8 * (PARSE_MAC_LEN - 1 - i)));
	format_mac(raw, out);
}

static void protocol(const struct space_point *x, char *out, size_t size)
{
	static const struct {
		unsigned int number;
		const char *name;
	} names[] = { { 1, "icmp" },
		      { 6, "tcp" },
		      { 17, "udp" },
		      { 58, "icmpv6" },
		      { 132, "sctp" } };
	unsigned int p = (unsigned int)x->v[SPACE_PROTO];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == p) {
			snprintf(out, size, "%s", names[i].name);
			return;
		}
	snprintf(out, size, "ip protocol %u", p);
}

static void put_addresses(const struct space_point *x, struct buf *out)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN], p[32];

	address(x, 0, a, sizeof(a));
	address(x, 1, b, sizeof(b));
	protocol(x, p, sizeof(p));
	if (has_ports(x))
		buf_addf(out, "%s %s:%u > %s:%u", p, a,
			 (unsigned int)x->v[SPACE_SPORT], b,
			 (unsigned int)x->v[SPACE_DPORT]);
	else if (is_icmp(x))
		buf_addf(out, "%s type %u %s > %s", p,
			 (unsigned int)x->v[SPACE_ICMP_TYPE], a, b);
	else
		buf_addf(out, "%s%s %s > %s", p,
			 x->v[SPACE_FRAG] & 0x1fff ? " (later fragment)" : "",
			 a, b);
}

void acl_packet_text(const struct space_point *x, struct buf *out)
{
	char in[SPACE_IFNAME], to[SPACE_IFNAME], text[PARSE_MAC_STR];

	if (is_ip(x))
		put_addresses(x, out);
	else
		buf_addf(out, "EtherType 0x%04x",
			 (unsigned int)x->v[SPACE_ETYPE]);
	space_ifname_text(x->v[SPACE_IIF], in);
	space_ifname_text(x->v[SPACE_OIF], to);
	buf_addf(out, ", %s to %s, %s", *in ? in : "from here",
		 *to ? to : "here", states[x->v[SPACE_CT_STATE]]);
	if (x->v[SPACE_TAG])
		buf_addf(out, ", VLAN %u", (unsigned int)x->v[SPACE_TAG] - 1);
	if (x->v[SPACE_ESRC] < SPACE_NO_ETHER && *in) {
		mac(x->v[SPACE_ESRC], text);
		buf_addf(out, ", by %s", text);
	}
}

json_t *acl_packet_json(const struct space_point *x)
{
	char in[SPACE_IFNAME], to[SPACE_IFNAME], esrc[PARSE_MAC_STR];
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	json_t *o = json_object();

	space_ifname_text(x->v[SPACE_IIF], in);
	space_ifname_text(x->v[SPACE_OIF], to);
	json_object_set_new(o, "iif", json_string(in));
	json_object_set_new(o, "oif", json_string(to));
	json_object_set_new(o, "ethertype",
			    json_integer((json_int_t)x->v[SPACE_ETYPE]));
	json_object_set_new(
		o, "vlan",
		x->v[SPACE_TAG] ? json_integer((json_int_t)x->v[SPACE_TAG] - 1)
				: json_null());
	if (x->v[SPACE_ESRC] < SPACE_NO_ETHER) {
		mac(x->v[SPACE_ESRC], esrc);
		json_object_set_new(o, "ether_saddr", json_string(esrc));
	}
	json_object_set_new(o, "ct_state",
			    json_string(states[x->v[SPACE_CT_STATE]]));
	if (!is_ip(x))
		return o;
	address(x, 0, a, sizeof(a));
	address(x, 1, b, sizeof(b));
	json_object_set_new(o, "saddr", json_string(a));
	json_object_set_new(o, "daddr", json_string(b));
	json_object_set_new(o, "frag",
			    json_integer((json_int_t)x->v[SPACE_FRAG]));
	json_object_set_new(o, "protocol",
			    json_integer((json_int_t)x->v[SPACE_PROTO]));
	if (has_ports(x)) {
		json_object_set_new(o, "sport",
				    json_integer((json_int_t)x->v[SPACE_SPORT]));
		json_object_set_new(o, "dport",
				    json_integer((json_int_t)x->v[SPACE_DPORT]));
	}
	if (x->v[SPACE_PROTO] == IPPROTO_N_TCP)
		json_object_set_new(
			o, "tcp_flags",
			json_integer((json_int_t)x->v[SPACE_TCP_FLAGS]));
	if (is_icmp(x)) {
		json_object_set_new(
			o, "icmp_type",
			json_integer((json_int_t)x->v[SPACE_ICMP_TYPE]));
		json_object_set_new(
			o, "icmp_code",
			json_integer((json_int_t)x->v[SPACE_ICMP_CODE]));
	}
	return o;
}

static const char *word_of(const struct nftmodel_rule *r)
{
	return r->word ? r->word : "continue";
}

void acl_rule_text(const struct nftmodel_rule *r, struct buf *out)
{
	buf_addf(out, "%s %s %s #%d%s%s:", r->chain->family_word, r->chain->table,
		 r->chain->name, r->index, *r->comment ? " " : "", r->comment);
	for (size_t i = 0; i < r->n_match; i++)
		buf_addf(out, " %s", r->match[i].text);
	buf_addf(out, " %s", word_of(r));
	if (r->target)
		buf_addf(out, " %s", r->target->name);
}

json_t *acl_rule_json(const struct nftmodel_rule *r)
{
	json_t *o = json_object(), *list = json_array();

	json_object_set_new(o, "family", json_string(r->chain->family_word));
	json_object_set_new(o, "table", json_string(r->chain->table));
	json_object_set_new(o, "chain", json_string(r->chain->name));
	json_object_set_new(o, "index", json_integer(r->index));
	json_object_set_new(o, "handle", json_integer(r->handle));
	json_object_set_new(o, "from", json_string(r->comment));
	for (size_t i = 0; i < r->n_match; i++)
		json_array_append_new(list, json_string(r->match[i].text));
	json_object_set_new(o, "matches", list);
	json_object_set_new(o, "verdict", json_string(word_of(r)));
	if (r->target)
		json_object_set_new(o, "target", json_string(r->target->name));
	return o;
}
