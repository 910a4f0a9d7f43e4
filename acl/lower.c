/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower - the policy's lines to rules.
 *
 * A line of lists becomes a rule for each pair of a source and a destination
 * that has a way through the gateway, and for each window of its hours. What a
 * domU may send has a rule for the answers beside it, so that a connection
 * lives no longer than its line. Rates are shared by all rules of a line.
 */
#include "lower.h"

#define LOG_RATE  10 /* lines in a second, of one line of the policy */
#define LOG_BURST 20

/* Matches of one rule; reply: the other way round. */

static void match_hosts(struct lowering *lo, struct acl_rule *rule, int dst,
			const struct acl_end *end)
{
	struct acl_match *m = &rule->m[rule->n];
	size_t first = lo->r->n_values;

	acl_match_host(lo->r, rule, dst, end->negated, 0, 0);
	lo->r->n_values = first;
	if (lo->r->oom)
		return;
	if (end->negated) {
		acl_lower_add_hosts(lo, &end->who);
	} else {
		const struct acl_item *item = acl_policy_items(lo->p, &end->who);

		for (size_t i = 0; i < end->who.n; i++)
			if (item[i].kind == ACL_PREFIX)
				acl_rules_value(lo->r, item[i].a, item[i].b);
	}
	m->n = acl_lower_merge_hosts(lo->r, first);
}

static void match_who(struct lowering *lo, struct acl_rule *rule, int dst,
		      const struct acl_end *end, const struct acl_item *item)
{
	switch (item->kind) {
	case ACL_CENTRAL:
		acl_match_host(lo->r, rule, dst, 0, lo->f->central_address, 32);
		break;
	case ACL_INTERNET:
		acl_match_set(rule, dst, 1, acl_lower_internet(lo));
		break;
	case ACL_TABLE_REF:
		if (!end->negated) {
			acl_match_set(
				rule, dst, 0,
				acl_lower_table(lo, &lo->p->tables[item->a]));
			break;
		}
		/* fallthrough */
	case ACL_PREFIX:
		match_hosts(lo, rule, dst, end);
		break;
	default:
		break;
	}
}

static void match_from(struct lowering *lo, struct acl_rule *rule, int dst,
		       const struct acl_item *from)
{
	int in_segment = rule->chain == ACL_CHAIN_SEGMENT_INPUT;

	switch (from->kind) {
	case ACL_ANY:
		break;
	case ACL_DOMUS:
		if (lo->domus || in_segment)
			acl_match_set(rule, dst, 0,
				      lo->domus ? lo->domus : "domus");
		break;
	case ACL_NODES:
		acl_match_node(rule, 0);
		break;
	default:
		/* A host of the office is neither node nor domU. */
		acl_match_node(rule, 1);
		if (!lo->r->tunnel)
			acl_match_set(rule, 0, 1, "domus");
		match_who(lo, rule, 0, &lo->l->from, from);
		break;
	}
}

static void match_proto(struct lowering *lo, struct acl_rule *rule,
			unsigned int protos, int reply)
{
	const struct acl_item *port = acl_policy_items(lo->p, &lo->l->ports);
	size_t first;

	if (protos == ACL_ICMP) {
		acl_match_bits(rule, ACL_MATCH_ICMP,
			       reply ? ACL_ICMP_ECHO_REPLY
				     : ACL_ICMP_ECHO_REQUEST);
		return;
	}
	if (protos && !lo->l->ports.n)
		acl_match_bits(rule, ACL_MATCH_PROTO, protos);
	if (!lo->l->ports.n)
		return;
	acl_match_port(lo->r, rule, !reply, protos, 0);
	first = lo->r->n_values - 1;
	if (lo->r->oom)
		return;
	lo->r->n_values = first;
	for (size_t i = 0; i < lo->l->ports.n; i++) {
		uint32_t a = port[i].a, b = port[i].b;

		if (port[i].kind == ACL_PORT_NAME)
			a = b = (uint32_t)acl_port_number((enum acl_port)a,
							  lo->f);
		acl_rules_value(lo->r, a, b);
	}
	rule->m[rule->n - 1].n = acl_lower_merge_ports(lo->r, first);
}

/* Rules */

static void add_log(struct lowering *lo, const struct acl_rule *base)
{
	struct acl_rule rule = *base;

	if (!lo->l->log)
		return;
	if (lo->l->pass)
		acl_match_state(&rule, ACL_STATE_NEW);
	rule.limit = (struct acl_limit){
		.unit = ACL_RATE_PACKETS,
		.value = LOG_RATE,
		.per = "second",
		.burst = LOG_BURST,
	};
	rule.log = 1;
	rule.note = ACL_COMMENT_LOG;
	acl_rules_add(lo->r, &rule);
}

static void add_rate(struct lowering *lo, const struct acl_rule *base)
{
	struct acl_rule rule = *base;

	if (!lo->rate)
		return;
	if (lo->l->rate.unit == ACL_RATE_CONNECTIONS)
		acl_match_state(&rule, ACL_STATE_NEW);
	rule.rate = lo->rate;
	rule.verdict = ACL_VERDICT_DROP;
	rule.note = ACL_COMMENT_OVER;
	acl_rules_add(lo->r, &rule);
}

static void add_rules(struct lowering *lo, enum acl_chain chain,
		      const struct acl_item *from, const struct acl_item *to,
		      unsigned int protos, const struct acl_window *w)
{
	const int reply = chain == ACL_CHAIN_DOMU_REPLY;
	struct acl_rule rule = {
		.chain = chain,
		.of_policy = 1,
		.line = lo->l->line,
	};

	match_from(lo, &rule, reply, from);
	match_who(lo, &rule, !reply, &lo->l->to, to);
	match_proto(lo, &rule, protos, reply);
	if (w && w->days != 0x7f)
		acl_match_bits(&rule, ACL_MATCH_DAYS, w->days);
	if (w && (w->from || w->to != 86399)) {
		acl_match_bits(&rule, ACL_MATCH_SECS, 0);
		rule.m[rule.n - 1].first = acl_rules_value(lo->r, w->from, w->to);
		rule.m[rule.n - 1].n = 1;
	}
	if (reply) {
		acl_match_state(&rule, ACL_STATE_ESTABLISHED);
		rule.note = ACL_COMMENT_REPLY;
	} else {
		add_log(lo, &rule);
		add_rate(lo, &rule);
	}
	rule.verdict = lo->l->pass ? ACL_VERDICT_ACCEPT : ACL_VERDICT_DROP;
	acl_rules_add(lo->r, &rule);
}

static void add_way(struct lowering *lo, enum acl_chain chain,
		    const struct acl_item *from, const struct acl_item *to)
{
	/* Echo requests have no ports and no place in the others' rule. */
	const unsigned int parts[] = { lo->l->protos & (ACL_TCP | ACL_UDP),
				       lo->l->protos & ACL_ICMP };

	for (int i = 0; i < 2; i++) {
		if (!parts[i] && (lo->l->protos || i))
			continue;
		if (!lo->n_windows)
			add_rules(lo, chain, from, to, parts[i], NULL);
		for (size_t w = 0; w < lo->n_windows; w++)
			add_rules(lo, chain, from, to, parts[i], &lo->windows[w]);
	}
}

/* Which chains see what goes from one to the other. */
static void add_pair(struct lowering *lo, const struct acl_item *from,
		     const struct acl_item *to)
{
	int of_domu = from->kind == ACL_DOMUS || from->kind == ACL_ANY;
	int to_gateway = to->kind == ACL_GATEWAY ||
			 (to->kind == ACL_ANY && !lo->l->pass);
	int beyond = to->kind == ACL_ANY || to->kind == ACL_CENTRAL ||
		     to->kind == ACL_INTERNET || to->kind >= ACL_NAMED;

	if (to_gateway && of_domu && lo->r->tunnel)
		add_way(lo, ACL_CHAIN_DOMU_INPUT, from, to);
	if (to_gateway && (from->kind != ACL_DOMUS || !lo->r->tunnel))
		add_way(lo, ACL_CHAIN_SEGMENT_INPUT, from, to);
	if (beyond && of_domu) {
		add_way(lo, ACL_CHAIN_DOMU_FORWARD, from, to);
		add_way(lo, ACL_CHAIN_DOMU_REPLY, from, to);
	}
}

/* Is item i of the end in the rule of an earlier one? Addresses of a list
 * share one; behind '!' so do tables. */
static int is_shared(const struct acl_end *end, const struct acl_item *items,
		     size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (end->negated ||
		    (items[k].kind == ACL_PREFIX && items[i].kind == ACL_PREFIX))
			return 1;
	return 0;
}

static void lower_line(struct lowering *lo)
{
	const struct acl_end *from = &lo->l->from, *to = &lo->l->to;
	const struct acl_item *f = acl_policy_items(lo->p, &from->who);
	const struct acl_item *t = acl_policy_items(lo->p, &to->who);

	lo->n_windows = 0;
	if (lo->l->hours.line)
		lo->n_windows = acl_hours_windows(
			&lo->l->hours, lo->f->utc_offset_sec, lo->windows);
	lo->domus = acl_lower_domus(lo);
	lo->rate = acl_lower_rate(lo);
	for (size_t i = 0; i < from->who.n; i++)
		for (size_t k = 0; k < to->who.n; k++)
			if (!is_shared(from, f, i) && !is_shared(to, t, k))
				add_pair(lo, &f[i], &t[k]);
}

void acl_lower_lines(struct acl_rules *r, const struct acl_policy *p,
		     const struct acl_facts *f)
{
	struct lowering lo = { .r = r, .p = p, .f = f };

	for (size_t i = 0; i < p->n_lines; i++) {
		lo.l = &p->lines[i];
		if (acl_line_applies(p, lo.l, f->segment))
			lower_line(&lo);
	}
}
