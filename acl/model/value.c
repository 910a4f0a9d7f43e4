/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value - a constant of a right-hand side as a set of numbers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "model.h"
#include "parse.h"

static const struct {
	enum space_field field;
	const char *name;
	unsigned int value;
} words[] = {
	{ SPACE_ETYPE, "ip", 0x0800 },
	{ SPACE_ETYPE, "ip6", 0x86dd },
	{ SPACE_ETYPE, "arp", 0x0806 },
	{ SPACE_ETYPE, "vlan", 0x8100 },
	{ SPACE_ETYPE, "8021q", 0x8100 },
	{ SPACE_ETYPE, "8021ad", 0x88a8 },
	{ SPACE_PROTO, "icmp", 1 },
	{ SPACE_PROTO, "igmp", 2 },
	{ SPACE_PROTO, "tcp", 6 },
	{ SPACE_PROTO, "udp", 17 },
	{ SPACE_PROTO, "dccp", 33 },
	{ SPACE_PROTO, "gre", 47 },
	{ SPACE_PROTO, "esp", 50 },
	{ SPACE_PROTO, "ah", 51 },
	{ SPACE_PROTO, "icmpv6", 58 },
	{ SPACE_PROTO, "ipv6-icmp", 58 },
	{ SPACE_PROTO, "comp", 108 },
	{ SPACE_PROTO, "sctp", 132 },
	{ SPACE_PROTO, "udplite", 136 },
	{ SPACE_ARP_OP, "request", 1 },
	{ SPACE_ARP_OP, "reply", 2 },
	{ SPACE_TCP_FLAGS, "fin", 1 },
	{ SPACE_TCP_FLAGS, "syn", 2 },
	{ SPACE_TCP_FLAGS, "rst", 4 },
	{ SPACE_TCP_FLAGS, "psh", 8 },
	{ SPACE_TCP_FLAGS, "ack", 16 },
	{ SPACE_TCP_FLAGS, "urg", 32 },
	{ SPACE_TCP_FLAGS, "ecn", 64 },
	{ SPACE_TCP_FLAGS, "cwr", 128 },
	{ SPACE_CT_STATE, "new", SPACE_CT_NEW },
	{ SPACE_CT_STATE, "established", SPACE_CT_ESTABLISHED },
	{ SPACE_CT_STATE, "related", SPACE_CT_RELATED },
	{ SPACE_CT_STATE, "invalid", SPACE_CT_INVALID },
	{ SPACE_CT_STATE, "untracked", SPACE_CT_UNTRACKED },
	{ SPACE_CT_DIR, "original", 0 },
	{ SPACE_CT_DIR, "reply", 1 },
};

/* Types of ICMP, and (from second on) of ICMPv6 where a name means both. */
static const struct {
	const char *name;
	int v4, v6; /* -1: none */
} icmp_types[] = {
	{ "echo-reply", 0, 129 },
	{ "destination-unreachable", 3, 1 },
	{ "packet-too-big", -1, 2 },
	{ "source-quench", 4, -1 },
	{ "redirect", 5, -1 },
	{ "echo-request", 8, 128 },
	{ "router-advertisement", 9, -1 },
	{ "router-solicitation", 10, -1 },
	{ "time-exceeded", 11, 3 },
	{ "parameter-problem", 12, 4 },
	{ "timestamp-request", 13, -1 },
	{ "timestamp-reply", 14, -1 },
	{ "info-request", 15, -1 },
	{ "info-reply", 16, -1 },
	{ "address-mask-request", 17, -1 },
	{ "address-mask-reply", 18, -1 },
	{ "mld-listener-query", -1, 130 },
	{ "mld-listener-report", -1, 131 },
	{ "mld-listener-done", -1, 132 },
	{ "mld-listener-reduction", -1, 132 },
	{ "nd-router-solicit", -1, 133 },
	{ "nd-router-advert", -1, 134 },
	{ "nd-neighbor-solicit", -1, 135 },
	{ "nd-neighbor-advert", -1, 136 },
	{ "nd-redirect", -1, 137 },
	{ "router-renumbering", -1, 138 },
	{ "mld2-listener-report", -1, 143 },
};

static int ipv6_value(const char *s, space_value *v)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, s, &a) != 1)
		return -EINVAL;
	*v = 0;
	for (size_t i = 0; i < sizeof(a.s6_addr); i++)
		*v = *v << 8 | a.s6_addr[i];
	return 0;
}

static int address_value(enum space_field f, const char *s, space_value *v)
{
	uint8_t mac[PARSE_MAC_LEN];
	uint32_t ip;

	switch (f) {
	case SPACE_SADDR6:
	case SPACE_DADDR6:
		return ipv6_value(s, v);
	case SPACE_SADDR:
	case SPACE_DADDR:
	case SPACE_ARP_SPA:
	case SPACE_ARP_TPA:
		if (parse_ipv4(s, &ip))
			return -EINVAL;
		*v = ip;
		return 0;
	case SPACE_ESRC:
	case SPACE_EDST:
	case SPACE_ARP_SHA:
	case SPACE_ARP_THA:
		if (parse_mac(s, mac))
			return -EINVAL;
		*v = 0;
		for (size_t i = 0; i < PARSE_MAC_LEN; i++)
			*v = *v << 8 | mac[i];
		return 0;
	default:
		return -EINVAL;
	}
}

static int icmp_value(const struct key_part *k, const char *s, space_value *v)
{
	const struct space_vset *proto = k->needs->f[SPACE_PROTO];
	int is_v6 = proto && space_vset_has(proto, 58);

	for (size_t i = 0; i < ARRAY_SIZE(icmp_types); i++) {
		int n = is_v6 ? icmp_types[i].v6 : icmp_types[i].v4;

		if (n >= 0 && strcmp(icmp_types[i].name, s) == 0) {
			*v = n;
			return 0;
		}
	}
	return -EINVAL;
}

static int word_value(const struct key_part *k, const char *s, space_value *v)
{
	const struct protoent *p;

	if (k->nfproto) {
		*v = strcmp(s, "ipv6") == 0 ? 0x86dd : 0x0800;
		return strcmp(s, "ipv4") && strcmp(s, "ipv6") ? -EINVAL : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].field == k->field && !strcmp(words[i].name, s)) {
			*v = words[i].value;
			return 0;
		}
	if (k->field == SPACE_ICMP_TYPE)
		return icmp_value(k, s, v);
	p = k->field == SPACE_PROTO ? getprotobyname(s) : NULL;
	if (p) {
		*v = p->p_proto;
		return 0;
	}
	return address_value(k->field, s, v);
}

/* "seg*" is every name that begins so; "\*" at the end is a star. */
static int ifname_range(const char *s, struct space_range *r)
{
	char name[SPACE_IFNAME] = "";
	size_t len = strlen(s);
	int wild = len > 0 && s[len - 1] == '*';

	if (wild && len > 1 && s[len - 2] == '\\')
		return -EINVAL;
	len -= wild;
	if (len >= sizeof(name))
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s", (int)len, s);
	r->lo = space_ifname(name);
	r->hi = r->lo;
	if (wild)
		r->hi |= SPACE_VALUE_MAX >> (8 * len);
	return 0;
}

static int number(const struct key_part *k, json_t *v, space_value *out)
{
	json_int_t n = json_integer_value(v);

	/* States are numbered as bits there, families not as EtherTypes. */
	if (k->field == SPACE_CT_STATE || k->nfproto || n < 0 ||
	    (space_value)n > space_field_max(k->field))
		return -EINVAL;
	*out = n;
	if (k->field == SPACE_TAG)
		*out += 1;
	return *out > space_field_max(k->field) ? -EINVAL : 0;
}

/* One value; of flags a list of them, all set. */
static int single(const struct key_part *k, json_t *v, space_value *out)
{
	json_t *list = json_is_array(v) ? v : json_object_get(v, "|");
	space_value one;

	if (json_is_integer(v))
		return number(k, v, out);
	if (json_is_string(v))
		return word_value(k, json_string_value(v), out);
	if (k->field != SPACE_TCP_FLAGS || !json_array_size(list))
		return -EINVAL;
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (single(k, json_array_get(list, i), &one))
			return -EINVAL;
		*out |= one;
	}
	return 0;
}

static int prefix_range(const struct key_part *k, json_t *prefix,
			struct space_range *r)
{
	json_t *len = json_object_get(prefix, "len");
	int wide = k->field == SPACE_SADDR6 || k->field == SPACE_DADDR6;
	json_int_t n = json_integer_value(len), bits = wide ? 128 : 32;
	space_value host;

	if (space_field_max(k->field) != SPACE_VALUE_MAX >> (128 - bits) ||
	    !json_is_integer(len) || n < 0 || n > bits ||
	    single(k, json_object_get(prefix, "addr"), &r->lo))
		return -EINVAL;
	host = n == bits ? 0 : SPACE_VALUE_MAX >> (128 - bits + n);
	r->lo &= ~host;
	r->hi = r->lo | host;
	return 0;
}

static int value_range(const struct key_part *k, json_t *v, struct space_range *r)
{
	json_t *range = json_object_get(v, "range");
	json_t *prefix = json_object_get(v, "prefix");
	int is_name = k->field == SPACE_IIF || k->field == SPACE_OIF;

	if (is_name)
		return json_is_string(v) ? ifname_range(json_string_value(v), r)
					 : -EINVAL;
	if (json_is_string(v) && !strcmp(json_string_value(v), "*")) {
		r->lo = 0;
		r->hi = space_field_max(k->field);
		return 0;
	}
	if (prefix)
		return prefix_range(k, prefix, r);
	if (range) {
		if (single(k, json_array_get(range, 0), &r->lo) ||
		    single(k, json_array_get(range, 1), &r->hi))
			return -EINVAL;
		return r->lo > r->hi ? -EINVAL : 0;
	}
	if (single(k, v, &r->lo))
		return -EINVAL;
	r->hi = r->lo;
	return 0;
}

int nftmodel_value(struct nftmodel *m, const struct key_part *k, json_t *v,
		   const struct space_vset **out, struct errinfo *err)
{
	char text[NFTMODEL_PHRASE_MAX];
	struct space_range r;

	if (value_range(k, v, &r)) {
		nftmodel_quote(v, text, sizeof(text));
		return errinfo_set(err, -EINVAL, "not understood as %s: %s",
				   space_field_name(k->field), text);
	}
	*out = space_vset_of(m->pool, &r, 1);
	return 0;
}
