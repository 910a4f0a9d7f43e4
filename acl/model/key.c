/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key - what the left-hand side of a match reads, and of which packets it can
 * be read at all: `ip saddr != X` does not match ARP.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "model.h"

/* What a packet must have for a header to be there. */
enum needs {
	NEEDS_NONE,
	NEEDS_ETHER,
	NEEDS_TAG,
	NEEDS_ARP,
	NEEDS_IP,
	NEEDS_IP6,
	NEEDS_ANY_IP,
	NEEDS_L4,   /* IP, its first fragment, any protocol */
	NEEDS_PORT, /* the same, and reads nonsense without ports */
	NEEDS_TCP,
	NEEDS_UDP,
	NEEDS_UDPLITE,
	NEEDS_SCTP,
	NEEDS_DCCP,
	NEEDS_ICMP,
	NEEDS_ICMP6,
	NEEDS_IGMP
};

/* What a packet says. */
static const struct {
	const char *group, *field; /* "meta", or a payload's protocol */
	enum space_field read;
	enum needs needs;
} keys[] = {
	{ "meta", "iifname", SPACE_IIF, NEEDS_NONE },
	{ "meta", "oifname", SPACE_OIF, NEEDS_NONE },
	{ "meta", "iif", SPACE_IIF, NEEDS_NONE },
	{ "meta", "oif", SPACE_OIF, NEEDS_NONE },
	{ "meta", "nfproto", SPACE_ETYPE, NEEDS_NONE },
	{ "meta", "protocol", SPACE_ETYPE, NEEDS_NONE },
	{ "meta", "l4proto", SPACE_PROTO, NEEDS_ANY_IP },
	{ "ether", "saddr", SPACE_ESRC, NEEDS_ETHER },
	{ "ether", "daddr", SPACE_EDST, NEEDS_ETHER },
	{ "ether", "type", SPACE_ETYPE, NEEDS_ETHER },
	{ "vlan", "id", SPACE_TAG, NEEDS_TAG },
	{ "vlan", "type", SPACE_ETYPE, NEEDS_TAG },
	{ "arp", "operation", SPACE_ARP_OP, NEEDS_ARP },
	{ "arp", "saddr ether", SPACE_ARP_SHA, NEEDS_ARP },
	{ "arp", "saddr ip", SPACE_ARP_SPA, NEEDS_ARP },
	{ "arp", "daddr ether", SPACE_ARP_THA, NEEDS_ARP },
	{ "arp", "daddr ip", SPACE_ARP_TPA, NEEDS_ARP },
	{ "ip", "saddr", SPACE_SADDR, NEEDS_IP },
	{ "ip", "daddr", SPACE_DADDR, NEEDS_IP },
	{ "ip", "protocol", SPACE_PROTO, NEEDS_IP },
	{ "ip", "frag-off", SPACE_FRAG, NEEDS_IP },
	{ "ip6", "saddr", SPACE_SADDR6, NEEDS_IP6 },
	{ "ip6", "daddr", SPACE_DADDR6, NEEDS_IP6 },
	{ "th", "sport", SPACE_SPORT, NEEDS_PORT },
	{ "th", "dport", SPACE_DPORT, NEEDS_PORT },
	{ "tcp", "sport", SPACE_SPORT, NEEDS_TCP },
	{ "tcp", "dport", SPACE_DPORT, NEEDS_TCP },
	{ "tcp", "flags", SPACE_TCP_FLAGS, NEEDS_TCP },
	{ "udp", "sport", SPACE_SPORT, NEEDS_UDP },
	{ "udp", "dport", SPACE_DPORT, NEEDS_UDP },
	{ "udplite", "sport", SPACE_SPORT, NEEDS_UDPLITE },
	{ "udplite", "dport", SPACE_DPORT, NEEDS_UDPLITE },
	{ "sctp", "sport", SPACE_SPORT, NEEDS_SCTP },
	{ "sctp", "dport", SPACE_DPORT, NEEDS_SCTP },
	{ "dccp", "sport", SPACE_SPORT, NEEDS_DCCP },
	{ "dccp", "dport", SPACE_DPORT, NEEDS_DCCP },
	{ "icmp", "type", SPACE_ICMP_TYPE, NEEDS_ICMP },
	{ "icmp", "code", SPACE_ICMP_CODE, NEEDS_ICMP },
	{ "icmpv6", "type", SPACE_ICMP_TYPE, NEEDS_ICMP6 },
	{ "icmpv6", "code", SPACE_ICMP_CODE, NEEDS_ICMP6 },
	{ "ct", "state", SPACE_CT_STATE, NEEDS_NONE },
	{ "ct", "direction", SPACE_CT_DIR, NEEDS_NONE },
};

/* What it does not, or what is not modelled. */
static const struct {
	const char *group, *fields; /* with blanks between them */
	enum needs needs;
} unsaid[] = {
	{ "meta",
	  "pkttype mark priority length hour day time skuid skgid cpu "
	  "random iifgroup oifgroup iiftype oiftype",
	  NEEDS_NONE },
	{ "vlan", "pcp dei cfi", NEEDS_TAG },
	{ "arp", "htype ptype hlen plen", NEEDS_ARP },
	{ "ip", "ttl length id dscp ecn version hdrlength", NEEDS_IP },
	{ "ip6", "nexthdr hoplimit length", NEEDS_IP6 },
	{ "tcp", "window", NEEDS_TCP },
	{ "udp", "length", NEEDS_UDP },
	{ "igmp", "type group mrt", NEEDS_IGMP },
	{ "ct", "status mark expiration helper packets bytes zone", NEEDS_NONE },
};

static const struct space_vset *etypes(struct space_pool *p, enum needs n)
{
	struct space_range r[] = { { 0x0800, 0x0800 }, { 0x86dd, 0x86dd } };

	switch (n) {
	case NEEDS_ARP:
		return space_vset_one(p, 0x0806, 0x0806);
	case NEEDS_IP:
	case NEEDS_ICMP:
	case NEEDS_IGMP:
		return space_vset_of(p, r, 1);
	case NEEDS_IP6:
	case NEEDS_ICMP6:
		return space_vset_of(p, r + 1, 1);
	case NEEDS_NONE:
	case NEEDS_ETHER:
	case NEEDS_TAG:
		return NULL;
	default:
		return space_vset_of(p, r, 2);
	}
}

/* Offset 0, whatever the flags: behind it there is no transport header. */
static const struct space_vset *first_fragment(struct space_pool *p)
{
	struct space_range r[8];

	for (unsigned int i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct space_range){ i << 13, i << 13 };
	return space_vset_of(p, r, ARRAY_SIZE(r));
}

static const struct space_cube *need(struct space_pool *p, enum needs n)
{
	static const int protocol[] = {
		[NEEDS_TCP] = 6,    [NEEDS_UDP] = 17,  [NEEDS_UDPLITE] = 136,
		[NEEDS_SCTP] = 132, [NEEDS_DCCP] = 33, [NEEDS_ICMP] = 1,
		[NEEDS_ICMP6] = 58, [NEEDS_IGMP] = 2,
	};
	struct space_cube *c = space_cube_any(p);

	if (!c)
		return NULL;
	c->f[SPACE_ETYPE] = etypes(p, n);
	if (n == NEEDS_ETHER) {
		c->f[SPACE_ESRC] = space_vset_one(p, 0, SPACE_NO_ETHER - 1);
		c->f[SPACE_EDST] = c->f[SPACE_ESRC];
	}
	if (n == NEEDS_TAG)
		c->f[SPACE_TAG] = space_vset_one(p, 1, 4096);
	if (n >= NEEDS_L4)
		c->f[SPACE_FRAG] = first_fragment(p);
	if (n >= NEEDS_TCP)
		c->f[SPACE_PROTO] = space_vset_one(p, protocol[n], protocol[n]);
	return c;
}

static int unknown(json_t *left, struct errinfo *err)
{
	char text[NFTMODEL_PHRASE_MAX];

	nftmodel_quote(left, text, sizeof(text));
	return errinfo_set(err, -EINVAL, "not understood: %s", text);
}

static int has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list; list += strspn(list, " ")) {
		size_t n = strcspn(list, " ");

		if (n == len && strncmp(list, word, n) == 0)
			return 1;
		list += n;
	}
	return 0;
}

static int find(struct nftmodel *m, const char *group, const char *field,
		struct key_part *out)
{
	enum needs needs = NEEDS_NONE;
	int found = 0;

	for (size_t i = 0; !found && i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].group, group) || strcmp(keys[i].field, field))
			continue;
		found = 1;
		needs = keys[i].needs;
		out->kind = KEY_EXACT;
		out->field = keys[i].read;
	}
	for (size_t i = 0; !found && i < ARRAY_SIZE(unsaid); i++) {
		if (strcmp(unsaid[i].group, group) ||
		    !has_word(unsaid[i].fields, field))
			continue;
		found = 1;
		needs = unsaid[i].needs;
		out->kind = KEY_MAYBE;
	}
	if (!found)
		return -ENOENT;
	out->needs = need(m->pool, needs);
	out->ports = needs == NEEDS_PORT;
	out->ether_type = needs == NEEDS_ETHER && out->field == SPACE_ETYPE;
	out->inner = needs >= NEEDS_ARP;
	out->nfproto = !strcmp(field, "nfproto");
	return out->needs ? 0 : -ENOMEM;
}

/* Things that take more than a packet to answer. */
static int is_elsewhere(json_t *left)
{
	static const char *const words[] = { "fib",   "rt",     "socket",
					     "osf",   "ipsec",  "numgen",
					     "jhash", "symhash" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (json_object_get(left, words[i]))
			return 1;
	return 0;
}

static int read_masked(struct nftmodel *m, json_t *pair, struct key_part *out,
		       struct errinfo *err)
{
	const struct space_vset *mask;
	int rc;

	rc = nftmodel_key(m, json_array_get(pair, 0), out, err);
	if (rc || out->kind == KEY_MAYBE)
		return rc;
	rc = nftmodel_value(m, out, json_array_get(pair, 1), &mask, err);
	if (rc)
		return rc;
	if (out->has_mask || !mask || mask->n != 1 ||
	    mask->r[0].lo != mask->r[0].hi)
		return unknown(pair, err);
	out->has_mask = 1;
	out->mask = mask->r[0].lo;
	return 0;
}

int nftmodel_key(struct nftmodel *m, json_t *left, struct key_part *out,
		 struct errinfo *err)
{
	json_t *o = json_object_get(left, "payload");
	const char *group, *field;
	int rc;

	memset(out, 0, sizeof(*out));
	if (json_object_get(left, "&"))
		return read_masked(m, json_object_get(left, "&"), out, err);
	if (is_elsewhere(left)) {
		out->kind = KEY_MAYBE;
		out->needs = space_cube_any(m->pool);
		return out->needs ? 0 : -ENOMEM;
	}
	group = json_string_value(json_object_get(o, "protocol"));
	field = json_string_value(json_object_get(o, "field"));
	for (size_t i = 0; !o && i < 2; i++) {
		group = i ? "ct" : "meta";
		o = json_object_get(left, group);
		field = json_string_value(json_object_get(o, "key"));
	}
	if (!o || !group || !field)
		return unknown(left, err);
	rc = find(m, group, field, out);
	if (rc == -ENOENT)
		return unknown(left, err);
	/* ct original saddr ...: the connection's, not the packet's. */
	if (!rc && json_object_get(o, "dir"))
		out->kind = KEY_MAYBE;
	return rc;
}
