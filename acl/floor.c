/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor - the rules that come from the facts of the segment alone, before and
 * behind the policy's lines. They are the walls: nothing here reads a policy.
 *
 * Interfaces other than the segment's and the tunnel's are the owner's own
 * firewall's; but nothing is forwarded that does not stand here.
 */
#include "rules.h"

struct floor {
	struct acl_rules *r;
	const struct acl_facts *f;
	struct acl_rule rule; /* the one being made */
};

static struct acl_rule *begin(struct floor *fl, enum acl_chain chain, int line)
{
	fl->rule = (struct acl_rule){ .chain = chain, .line = line };
	return &fl->rule;
}

static void end(struct floor *fl, enum acl_verdict verdict)
{
	fl->rule.verdict = verdict;
	acl_rules_add(fl->r, &fl->rule);
}

static void end_goto(struct floor *fl, enum acl_chain target)
{
	fl->rule.target = target;
	end(fl, ACL_VERDICT_GOTO);
}

/* No IPv6; nothing that belongs to no connection. */
static void add_sane(struct floor *fl, enum acl_chain chain)
{
	int line = fl->f->interface_line;

	acl_match_bits(begin(fl, chain, line), ACL_MATCH_IPV6, 0);
	end(fl, ACL_VERDICT_DROP);
	acl_match_state(begin(fl, chain, line), ACL_STATE_INVALID);
	end(fl, ACL_VERDICT_DROP);
}

static void add_udp(struct floor *fl, enum acl_chain chain, int from, int to)
{
	struct acl_rule *rule = begin(fl, chain, fl->f->interface_line);

	acl_match_port(fl->r, rule, 0, ACL_UDP, from);
	acl_match_port(fl->r, rule, 1, ACL_UDP, to);
	end(fl, ACL_VERDICT_ACCEPT);
}

/* Where only nodes and domUs come, so that nobody can fill the set with
 * addresses that he makes up. */
static void count_source(struct floor *fl, enum acl_chain chain, int of_nodes)
{
	struct acl_rule *rule = begin(fl, chain, fl->f->interface_line);

	if (of_nodes)
		acl_match_node(rule, 0);
	rule->count_source = 1;
	end(fl, ACL_VERDICT_NONE);
}

static void drop_rest(struct floor *fl, enum acl_chain chain)
{
	begin(fl, chain, fl->f->interface_line);
	end(fl, ACL_VERDICT_DROP);
}

/* Chains that hooks lead to */

static uint32_t segment_of(const struct acl_facts *f)
{
	return f->address & (~0U << (32 - f->prefix));
}

/* Answers to what somebody beyond says in their names would be let through to
 * them: nodes and domUs speak from where they are, and nobody else for them. */
static void drop_claimed(struct floor *fl, int line, uint32_t address,
			 unsigned int prefix)
{
	struct acl_rule *rule = begin(fl, ACL_CHAIN_INPUT, line);

	acl_match_if(rule, 0, 1, "lo");
	acl_match_host(fl->r, rule, 0, 0, address, prefix);
	end(fl, ACL_VERDICT_DROP);
}

static void add_input(struct floor *fl)
{
	const struct acl_facts *f = fl->f;
	uint32_t segment = segment_of(f);
	struct acl_rule *rule;

	acl_match_if(begin(fl, ACL_CHAIN_INPUT, f->interface_line), 0, 0,
		     fl->r->interface);
	end_goto(fl, ACL_CHAIN_SEGMENT_INPUT);
	add_sane(fl, ACL_CHAIN_SEGMENT_INPUT);
	add_udp(fl, ACL_CHAIN_SEGMENT_INPUT, 68, 67);
	rule = begin(fl, ACL_CHAIN_SEGMENT_INPUT, f->address_line);
	acl_match_host(fl->r, rule, 1, 1, f->address, 32);
	end(fl, ACL_VERDICT_DROP);
	if (!fl->r->tunnel) {
		drop_claimed(fl, f->address_line, segment, f->prefix);
		return;
	}
	/* A domU's address is nobody's on the segment. */
	rule = begin(fl, ACL_CHAIN_SEGMENT_INPUT, f->domu_line);
	acl_match_host(fl->r, rule, 0, 0, f->domu_base, f->domu_prefix);
	end(fl, ACL_VERDICT_DROP);
	acl_match_if(begin(fl, ACL_CHAIN_INPUT, f->tunnel.line), 0, 0,
		     fl->r->tunnel);
	end_goto(fl, ACL_CHAIN_DOMU_INPUT);
	add_sane(fl, ACL_CHAIN_DOMU_INPUT);
	acl_match_set(begin(fl, ACL_CHAIN_DOMU_INPUT, f->domu_line), 0, 1,
		      "domus");
	end(fl, ACL_VERDICT_DROP);
	rule = begin(fl, ACL_CHAIN_DOMU_INPUT, f->address_line);
	acl_match_host(fl->r, rule, 1, 1, f->address, 32);
	end(fl, ACL_VERDICT_DROP);
	drop_claimed(fl, f->address_line, segment, f->prefix);
	drop_claimed(fl, f->domu_line, f->domu_base, f->domu_prefix);
}

static void drop_forward_if(struct floor *fl, int out, const char *name)
{
	acl_match_if(begin(fl, ACL_CHAIN_FORWARD, fl->f->interface_line), out,
		     0, name);
	end(fl, ACL_VERDICT_DROP);
}

static void add_forward(struct floor *fl)
{
	const struct acl_facts *f = fl->f;
	const char *domus = fl->r->tunnel ? fl->r->tunnel : fl->r->interface;
	struct acl_rule *rule;

	add_sane(fl, ACL_CHAIN_FORWARD);
	/* dom0s end here; a counter of their own shows that one tried. */
	count_source(fl, ACL_CHAIN_FORWARD, 1);
	acl_match_node(begin(fl, ACL_CHAIN_FORWARD, f->interface_line), 0);
	end(fl, ACL_VERDICT_DROP);
	if (fl->r->tunnel) {
		drop_forward_if(fl, 0, fl->r->interface);
		drop_forward_if(fl, 1, fl->r->interface);
	}
	rule = begin(fl, ACL_CHAIN_FORWARD, f->domu_line);
	acl_match_if(rule, 0, 0, domus);
	acl_match_if(rule, 1, 0, domus);
	end(fl, ACL_VERDICT_DROP);
	rule = begin(fl, ACL_CHAIN_FORWARD, f->domu_line);
	acl_match_if(rule, 0, 0, domus);
	acl_match_set(rule, 0, 0, "domus");
	end_goto(fl, ACL_CHAIN_DOMU_FORWARD);
	rule = begin(fl, ACL_CHAIN_FORWARD, f->domu_line);
	acl_match_if(rule, 1, 0, domus);
	acl_match_set(rule, 1, 0, "domus");
	end_goto(fl, ACL_CHAIN_DOMU_REPLY);
	drop_rest(fl, ACL_CHAIN_FORWARD);

	/* Not by way of another router either. */
	rule = begin(fl, ACL_CHAIN_DOMU_FORWARD, f->address_line);
	acl_match_host(fl->r, rule, 1, 0, segment_of(f), f->prefix);
	end(fl, ACL_VERDICT_DROP);
}

/* What the gateway itself says to the segment: other hosts there are its
 * owner's affair, nodes and domUs hear answers, DHCP and the tunnel. */
static void add_segment_output(struct floor *fl)
{
	const enum acl_chain chain = ACL_CHAIN_SEGMENT_OUTPUT;
	const struct acl_facts *f = fl->f;
	struct acl_rule *rule;

	acl_match_if(begin(fl, ACL_CHAIN_OUTPUT, f->interface_line), 1, 0,
		     fl->r->interface);
	end_goto(fl, chain);
	acl_match_bits(begin(fl, chain, f->interface_line), ACL_MATCH_IPV6, 0);
	end(fl, ACL_VERDICT_DROP);
	add_udp(fl, chain, 67, 68);
	acl_match_state(begin(fl, chain, f->interface_line),
			ACL_STATE_ESTABLISHED | ACL_STATE_RELATED);
	end(fl, ACL_VERDICT_ACCEPT);
	if (fl->r->tunnel) {
		rule = begin(fl, chain, f->tunnel.line);
		acl_match_set(rule, 1, 0, "node_addresses");
		acl_match_port(fl->r, rule, 0, ACL_UDP, f->tunnel.port);
		end(fl, ACL_VERDICT_ACCEPT);
	}
	acl_match_set(begin(fl, chain, f->interface_line), 1, 0,
		      "node_addresses");
	end(fl, ACL_VERDICT_DROP);
	rule = begin(fl, chain, f->domu_line);
	acl_match_host(fl->r, rule, 1, 0, f->domu_base, f->domu_prefix);
	end(fl, ACL_VERDICT_DROP);
	begin(fl, chain, f->interface_line);
	end(fl, ACL_VERDICT_ACCEPT);
}

static void add_domu_output(struct floor *fl)
{
	const struct acl_facts *f = fl->f;

	if (!fl->r->tunnel)
		return;
	acl_match_if(begin(fl, ACL_CHAIN_OUTPUT, f->tunnel.line), 1, 0,
		     fl->r->tunnel);
	end_goto(fl, ACL_CHAIN_DOMU_OUTPUT);
	acl_match_state(begin(fl, ACL_CHAIN_DOMU_OUTPUT, f->tunnel.line),
			ACL_STATE_ESTABLISHED | ACL_STATE_RELATED);
	end(fl, ACL_VERDICT_ACCEPT);
	drop_rest(fl, ACL_CHAIN_DOMU_OUTPUT);
}

void acl_floor_before(struct acl_rules *r, const struct acl_facts *f)
{
	struct floor fl = { .r = r, .f = f };

	add_input(&fl);
	add_forward(&fl);
	add_segment_output(&fl);
	add_domu_output(&fl);
}

/* Behind the lines: what a node needs to be one */

static void add_service(struct floor *fl, enum acl_port port, int line)
{
	int number = acl_port_number(port, fl->f);
	struct acl_rule *rule;

	if (!number)
		return;
	rule = begin(fl, ACL_CHAIN_SEGMENT_INPUT,
		     line ? line : fl->f->interface_line);
	/* What one needs to boot and to enrol is open to every PC on the list. */
	if (port == ACL_PORT_REPO || port == ACL_PORT_CAROUSEL ||
	    port == ACL_PORT_TUNNEL)
		acl_match_enrolled(rule);
	else
		acl_match_node(rule, 0);
	acl_match_port(fl->r, rule, 1, acl_port_proto(port), number);
	/* What a node says to the carousel; it is answered in the open. */
	if (port == ACL_PORT_CAROUSEL)
		rule->limit = (struct acl_limit){ .unit = ACL_RATE_PACKETS,
						  .value = 20000,
						  .per = "second" };
	end(fl, ACL_VERDICT_ACCEPT);
}

static void add_services(struct floor *fl)
{
	const struct acl_facts *f = fl->f;
	struct acl_rule *rule;

	add_service(fl, ACL_PORT_TFTP, 0);
	add_service(fl, ACL_PORT_HTTP, 0);
	add_service(fl, ACL_PORT_CONTROL, 0);
	add_service(fl, ACL_PORT_REPO, f->repo.line);
	add_service(fl, ACL_PORT_CAROUSEL, f->carousel.line);
	if (fl->r->tunnel)
		add_service(fl, ACL_PORT_TUNNEL, f->tunnel.line);
	rule = begin(fl, ACL_CHAIN_SEGMENT_INPUT, f->interface_line);
	acl_match_node(rule, 0);
	acl_match_bits(rule, ACL_MATCH_ICMP, ACL_ICMP_ECHO_REQUEST);
	rule->limit = (struct acl_limit){ .unit = ACL_RATE_PACKETS,
					  .value = 50,
					  .per = "second" };
	end(fl, ACL_VERDICT_ACCEPT);
	rule = begin(fl, ACL_CHAIN_SEGMENT_INPUT, f->interface_line);
	acl_match_node(rule, 0);
	acl_match_state(rule, ACL_STATE_RELATED);
	acl_match_bits(rule, ACL_MATCH_ICMP,
		       ACL_ICMP_UNREACHABLE | ACL_ICMP_TIME);
	end(fl, ACL_VERDICT_ACCEPT);
}

void acl_floor_after(struct acl_rules *r, const struct acl_facts *f)
{
	struct floor fl = { .r = r, .f = f };
	struct acl_rule *rule;

	add_services(&fl);
	count_source(&fl, ACL_CHAIN_SEGMENT_INPUT, 1);
	drop_rest(&fl, ACL_CHAIN_SEGMENT_INPUT);
	if (r->tunnel) {
		count_source(&fl, ACL_CHAIN_DOMU_INPUT, 0);
		drop_rest(&fl, ACL_CHAIN_DOMU_INPUT);
	}
	count_source(&fl, ACL_CHAIN_DOMU_FORWARD, 0);
	drop_rest(&fl, ACL_CHAIN_DOMU_FORWARD);
	rule = begin(&fl, ACL_CHAIN_DOMU_REPLY, f->domu_line);
	acl_match_state(rule, ACL_STATE_RELATED);
	acl_match_bits(rule, ACL_MATCH_ICMP,
		       ACL_ICMP_UNREACHABLE | ACL_ICMP_TIME);
	end(&fl, ACL_VERDICT_ACCEPT);
	drop_rest(&fl, ACL_CHAIN_DOMU_REPLY);
	/* What leaves for the world leaves as the gateway. */
	rule = begin(&fl, ACL_CHAIN_POSTROUTING, f->domu_line);
	acl_match_if(rule, 1, 1, r->tunnel ? r->tunnel : r->interface);
	acl_match_set(rule, 0, 0, "domus");
	end(&fl, ACL_VERDICT_MASQUERADE);
}
