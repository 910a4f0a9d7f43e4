/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit-rule - one rule as nft writes it: matches, limit, log, counter,
 * verdict, comment. A function for each kind of match, by table.
 */
#include "cleanup.h"
#include "emit.h"

static void emit_values(struct buf *out, const struct acl_rules *r,
			const struct acl_match *m,
			void (*fn)(struct buf *out, const uint32_t v[2]))
{
	buf_adds(out, m->n > 1 ? "{ " : "");
	for (size_t i = 0; i < m->n; i++) {
		buf_adds(out, i ? ", " : "");
		fn(out, r->values[m->first + i]);
	}
	buf_adds(out, m->n > 1 ? " }" : "");
}

static void emit_bits(struct buf *out, unsigned int bits,
		      const char *const *names, size_t n)
{
	int many = (bits & (bits - 1)) != 0;
	const char *sep = "";

	buf_adds(out, many ? "{ " : "");
	for (size_t i = 0; i < n; i++)
		if (bits & 1U << i) {
			buf_addf(out, "%s%s", sep, names[i]);
			sep = ", ";
		}
	buf_adds(out, many ? " }" : "");
}

void acl_emit_host(struct buf *out, const uint32_t host[2])
{
	char text[PARSE_IPV4_STR];

	format_ipv4(host[0], text);
	buf_adds(out, text);
	if (host[1] < 32)
		buf_addf(out, "/%u", host[1]);
}

static void emit_range(struct buf *out, const uint32_t v[2])
{
	buf_addf(out, v[0] == v[1] ? "%u" : "%u-%u", v[0], v[1]);
}

static void emit_if(struct buf *out, const struct acl_rules *r,
		    const struct acl_match *m)
{
	(void)r;
	buf_addf(out, "%s %s\"%s\"", m->dst ? "oifname" : "iifname",
		 m->negated ? "!= " : "", m->text);
}

static void emit_ipv6(struct buf *out, const struct acl_rules *r,
		      const struct acl_match *m)
{
	(void)r;
	(void)m;
	buf_adds(out, "meta nfproto ipv6");
}

static void emit_state(struct buf *out, const struct acl_rules *r,
		       const struct acl_match *m)
{
	static const char *const names[] = { "invalid", "new", "established",
					     "related" };
	const char *sep = "";

	(void)r;
	buf_adds(out, "ct state ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (m->bits & 1U << i) {
			buf_addf(out, "%s%s", sep, names[i]);
			sep = ",";
		}
}

static void emit_node(struct buf *out, const struct acl_rules *r,
		      const struct acl_match *m)
{
	(void)r;
	buf_addf(out, "ip saddr . ether saddr %s@%s", m->negated ? "!= " : "",
		 m->text ? m->text : "nodes");
}

static void emit_set(struct buf *out, const struct acl_rules *r,
		     const struct acl_match *m)
{
	(void)r;
	buf_addf(out, "ip %s %s@%s", m->dst ? "daddr" : "saddr",
		 m->negated ? "!= " : "", m->text);
}

static void emit_hosts(struct buf *out, const struct acl_rules *r,
		       const struct acl_match *m)
{
	buf_addf(out, "ip %s %s", m->dst ? "daddr" : "saddr",
		 m->negated ? "!= " : "");
	emit_values(out, r, m, acl_emit_host);
}

static const char *const proto_names[] = { "tcp", "udp", "icmp" };

static void emit_proto(struct buf *out, const struct acl_rules *r,
		       const struct acl_match *m)
{
	(void)r;
	buf_adds(out, "meta l4proto ");
	emit_bits(out, m->bits, proto_names, ARRAY_SIZE(proto_names));
}

static void emit_ports(struct buf *out, const struct acl_rules *r,
		       const struct acl_match *m)
{
	const char *port = m->dst ? "dport" : "sport";

	if (m->bits == (ACL_TCP | ACL_UDP))
		buf_addf(out, "meta l4proto { tcp, udp } th %s ", port);
	else
		buf_addf(out, "%s %s ", acl_proto_name(m->bits), port);
	emit_values(out, r, m, emit_range);
}

static void emit_icmp(struct buf *out, const struct acl_rules *r,
		      const struct acl_match *m)
{
	static const char *const names[] = { "echo-request", "echo-reply",
					     "destination-unreachable",
					     "time-exceeded" };

	(void)r;
	buf_adds(out, "icmp type ");
	emit_bits(out, m->bits, names, ARRAY_SIZE(names));
}

/* By number: nft would take a name's hour for one of its own zone. */
static void emit_days(struct buf *out, const struct acl_rules *r,
		      const struct acl_match *m)
{
	static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6" };

	(void)r;
	buf_adds(out, "meta day ");
	emit_bits(out, m->bits, names, ARRAY_SIZE(names));
}

static void emit_secs(struct buf *out, const struct acl_rules *r,
		      const struct acl_match *m)
{
	buf_adds(out, "meta hour ");
	emit_values(out, r, m, emit_range);
}

static void (*const match_fns[])(struct buf *out, const struct acl_rules *r,
				 const struct acl_match *m) = {
	[ACL_MATCH_IF] = emit_if,       [ACL_MATCH_IPV6] = emit_ipv6,
	[ACL_MATCH_STATE] = emit_state, [ACL_MATCH_NODE] = emit_node,
	[ACL_MATCH_SET] = emit_set,     [ACL_MATCH_HOSTS] = emit_hosts,
	[ACL_MATCH_PROTO] = emit_proto, [ACL_MATCH_PORTS] = emit_ports,
	[ACL_MATCH_ICMP] = emit_icmp,   [ACL_MATCH_DAYS] = emit_days,
	[ACL_MATCH_SECS] = emit_secs,
};

void acl_emit_limit(struct buf *out, const struct acl_limit *l)
{
	buf_addf(out, "rate %s%llu%s/%s", l->over ? "over " : "",
		 (unsigned long long)l->value,
		 l->unit == ACL_RATE_BYTES ? " bytes" : "", l->per);
	if (l->burst)
		buf_addf(out, " burst %u packets", l->burst);
}

static void emit_rate(struct buf *out, const struct acl_rules *r,
		      const struct acl_rule *rule)
{
	const struct acl_set *set = acl_rules_find_set(r, rule->rate);

	if (set->kind == ACL_SET_LIMIT) {
		buf_addf(out, " limit name \"%s\"", set->name);
		return;
	}
	buf_addf(out, " update @%s { ip saddr limit ", set->name);
	acl_emit_limit(out, &set->limit);
	buf_adds(out, " }");
}

void acl_emit_place(struct buf *out, const struct acl_rules *r, int of_policy,
		    int line)
{
	buf_addf(out, "%s:%d", of_policy ? r->policy_file : r->facts_file, line);
}

static void emit_verdict(struct buf *out, const struct acl_rule *rule)
{
	static const char *const names[] = {
		[ACL_VERDICT_NONE] = "",
		[ACL_VERDICT_ACCEPT] = " accept",
		[ACL_VERDICT_DROP] = " drop",
		[ACL_VERDICT_GOTO] = " goto ",
		[ACL_VERDICT_MASQUERADE] = " masquerade",
	};

	buf_adds(out, names[rule->verdict]);
	if (rule->verdict == ACL_VERDICT_GOTO)
		buf_adds(out, acl_chain_names[rule->target]);
}

static void emit_log(struct buf *out, const struct acl_rules *r,
		     const struct acl_rule *rule)
{
	buf_addf(out, " log prefix \"%s ", ACL_TABLE);
	acl_emit_place(out, r, rule->of_policy, rule->line);
	buf_adds(out, ": \"");
}

static void emit_comment(struct buf *out, const struct acl_rules *r,
			 const struct acl_rule *rule)
{
	buf_adds(out, " comment \"");
	acl_emit_place(out, r, rule->of_policy, rule->line);
	if (rule->note)
		buf_addf(out, " %s", rule->note);
	buf_adds(out, "\"\n");
}

/* A tab, and each part with a blank before it, of which the first becomes the
 * second tab. */
void acl_emit_rule(struct buf *out, const struct acl_rules *r,
		   const struct acl_rule *rule)
{
	const size_t begin = out->len;

	buf_adds(out, "\t");
	for (size_t i = 0; i < rule->n; i++) {
		buf_adds(out, " ");
		match_fns[rule->m[i].kind](out, r, &rule->m[i]);
	}
	if (rule->limit.unit) {
		buf_adds(out, " limit ");
		acl_emit_limit(out, &rule->limit);
	}
	if (rule->rate)
		emit_rate(out, r, rule);
	if (rule->count_source)
		buf_adds(out, " update @dropped { ip saddr counter }");
	if (rule->log)
		emit_log(out, r, rule);
	/* What jumps is counted where it lands, what logs where it ends. */
	if (rule->verdict > ACL_VERDICT_NONE && rule->verdict != ACL_VERDICT_GOTO)
		buf_adds(out, " counter");
	emit_verdict(out, rule);
	emit_comment(out, r, rule);
	if (!out->rc)
		out->data[begin + 1] = '\t';
}
