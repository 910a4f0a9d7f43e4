/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - does a line ask for what no policy can have?
 *
 * The floors of acl.h, each as one function over one line; the facts, where
 * given, tell numbers that a floor is about. Only a `pass` can contradict a
 * floor; a `block` of what is shut anyway is a warning.
 */
#include <fnmatch.h>
#include <stdlib.h>

#include "policy.h"
#include "rules.h"

struct checker {
	struct acl_policy *p;
	const struct acl_facts *f; /* or NULL */
	const struct acl_line *l;
};

int acl_line_applies(const struct acl_policy *p, const struct acl_line *l,
		     const char *segment)
{
	const struct acl_item *pattern = acl_policy_items(p, &l->segments);

	for (size_t i = 0; i < l->segments.n; i++)
		if (fnmatch(pattern[i].text, segment, 0) == 0)
			return 1;
	return l->segments.n == 0;
}

static uint32_t mask(unsigned int len)
{
	return len ? ~0U << (32 - len) : 0;
}

static int within(uint32_t a, unsigned int a_len, uint32_t b, unsigned int b_len)
{
	return a_len >= b_len && (a & mask(b_len)) == (b & mask(b_len));
}

static void error_at(struct checker *c, const struct acl_item *at,
		     const char *text)
{
	acl_policy_error(c->p, at->line, at->col, "%s", text);
}

/* Ports */

/* The service that a node uses at this number, or -1. */
static int service_at(const struct checker *c, unsigned int protos,
		      uint32_t from, uint32_t to)
{
	static const struct acl_facts none;

	for (int i = 0; i <= ACL_PORT_TUNNEL; i++) {
		int n = acl_port_number((enum acl_port)i, c->f ? c->f : &none);

		if (n && acl_port_proto((enum acl_port)i) & protos &&
		    (uint32_t)n >= from && (uint32_t)n <= to)
			return i;
	}
	return -1;
}

/* A node may ask for its services alone, by name or by number. */
static void check_node_services(struct checker *c)
{
	const struct acl_line *l = c->l;
	const struct acl_item *port = acl_policy_items(c->p, &l->ports);

	if (!l->protos || (l->protos != ACL_ICMP && !l->ports.n)) {
		acl_policy_error(c->p, l->to.line, l->to.col,
				 "nodes reach the named services of their "
				 "gateway and nothing else: say which port");
		return;
	}
	for (size_t i = 0; i < l->ports.n; i++) {
		if (port[i].kind == ACL_PORT_NAME
			    ? port[i].a <= ACL_PORT_TUNNEL
			    : port[i].a == port[i].b &&
				      service_at(c, l->protos, port[i].a,
						 port[i].b) >= 0)
			continue;
		error_at(c, &port[i],
			 "nodes reach the named services of their gateway "
			 "(tftp, http, control, repo, carousel, tunnel) and "
			 "nothing else");
	}
}

/* A domU may have any other port of the gateway, but say which. */
static void check_domu_services(struct checker *c)
{
	const struct acl_line *l = c->l;
	const struct acl_item *port = acl_policy_items(c->p, &l->ports);

	if (!l->protos || (l->protos != ACL_ICMP && !l->ports.n)) {
		acl_policy_error(c->p, l->to.line, l->to.col,
				 "the gateway's own services are not for "
				 "domUs: say which other port");
		return;
	}
	for (size_t i = 0; i < l->ports.n; i++) {
		int service =
			port[i].kind == ACL_PORT_NAME
				? (port[i].a <= ACL_PORT_TUNNEL ? (int)port[i].a
								: -1)
				: service_at(c, l->protos, port[i].a, port[i].b);

		if (service >= 0)
			acl_policy_error(c->p, port[i].line, port[i].col,
					 "the gateway's own services are not "
					 "for domUs: this is %s",
					 acl_port_name((enum acl_port)service));
	}
}

/* Addresses */

static void check_to_prefix(struct checker *c, const struct acl_item *at,
			    const struct acl_item *host)
{
	const struct acl_facts *f = c->f;
	char text[PARSE_IPV4_STR];

	if (!f || c->l->to.negated)
		return;
	format_ipv4(f->address & mask(f->prefix), text);
	if (within(host->a, host->b, f->address, f->prefix) ||
	    within(host->a, host->b, f->domu_base, f->domu_prefix))
		acl_policy_error(c->p, at->line, at->col,
				 "a domU never reaches the segment (%s/%u), "
				 "whatever a policy says",
				 text, f->prefix);
	else if (within(f->address, f->prefix, host->a, host->b))
		acl_policy_warn(c->p, at->line, at->col,
				"the segment (%s/%u) is a part of this; it "
				"stays shut",
				text, f->prefix);
}

static void check_from_prefix(struct checker *c, const struct acl_item *at,
			      const struct acl_item *host)
{
	const struct acl_facts *f = c->f;
	char text[PARSE_IPV4_STR];

	if (!f || c->l->from.negated)
		return;
	if (within(host->a, host->b, f->domu_base, f->domu_prefix))
		error_at(c, at, "these are domUs': say domus on node \"...\"");
	for (size_t i = 0; i < f->n_nodes; i++)
		if (host->b == 32 && f->nodes[i].address == host->a)
			acl_policy_error(c->p, at->line, at->col,
					 "this is node '%s': say nodes",
					 f->nodes[i].name);
	format_ipv4(f->address & mask(f->prefix), text);
	if (!within(host->a, host->b, f->address, f->prefix) &&
	    !within(f->address, f->prefix, host->a, host->b))
		acl_policy_warn(c->p, at->line, at->col,
				"never matches: only hosts of the segment "
				"(%s/%u) are judged here",
				text, f->prefix);
}

static void check_hosts(struct checker *c, const struct acl_item *item,
			void (*fn)(struct checker *c, const struct acl_item *at,
				   const struct acl_item *host))
{
	const struct acl_table *t;

	if (item->kind == ACL_PREFIX) {
		fn(c, item, item);
		return;
	}
	t = &c->p->tables[item->a];
	for (size_t i = 0; i < t->hosts.n; i++)
		fn(c, item, &acl_policy_items(c->p, &t->hosts)[i]);
}

/* Who to whom */

static void pass_node(struct checker *c, const struct acl_item *to)
{
	if (to->kind != ACL_GATEWAY)
		error_at(c, to,
			 "nodes reach the named services of their gateway and "
			 "nothing else");
	else
		check_node_services(c);
}

static void pass_office(struct checker *c, const struct acl_item *to)
{
	if (to->kind != ACL_GATEWAY)
		error_at(c, to,
			 "the gateway carries nothing for hosts of the office; "
			 "they reach itself alone");
}

static void pass_domu(struct checker *c, const struct acl_item *to)
{
	switch (to->kind) {
	case ACL_NODES:
	case ACL_OFFICE:
		error_at(c, to,
			 "a domU never reaches the segment, whatever a policy "
			 "says");
		break;
	case ACL_DOMUS:
		error_at(c, to, "nobody opens a connection to a domU");
		break;
	case ACL_GATEWAY:
		check_domu_services(c);
		break;
	case ACL_PREFIX:
	case ACL_TABLE_REF:
		check_hosts(c, to, check_to_prefix);
		break;
	default:
		break;
	}
}

static void check_pass(struct checker *c, const struct acl_item *from,
		       const struct acl_item *to)
{
	int errors = c->p->errors;

	switch (from->kind) {
	case ACL_ANY: /* nodes and domUs are among them */
		pass_node(c, to);
		if (c->p->errors == errors)
			pass_domu(c, to);
		break;
	case ACL_NODES:
		pass_node(c, to);
		break;
	case ACL_DOMUS:
		pass_domu(c, to);
		break;
	default:
		pass_office(c, to);
		break;
	}
}

/* What no line needs to say. */
static void check_block(struct checker *c, const struct acl_item *from,
			const struct acl_item *to)
{
	if (to->kind == ACL_NODES || to->kind == ACL_OFFICE ||
	    to->kind == ACL_DOMUS)
		acl_policy_warn(c->p, to->line, to->col,
				"nobody reaches %s anyway; this line never "
				"decides",
				acl_who_name(to->kind));
	else if (to->kind != ACL_ANY && to->kind != ACL_GATEWAY &&
		 from->kind != ACL_ANY && from->kind != ACL_DOMUS)
		acl_policy_warn(c->p, from->line, from->col,
				"only domUs get beyond the gateway; this line "
				"never decides");
}

static void check_from(struct checker *c, const struct acl_item *from)
{
	switch (from->kind) {
	case ACL_GATEWAY:
	case ACL_CENTRAL:
	case ACL_INTERNET:
		acl_policy_error(c->p, from->line, from->col,
				 "nobody opens a connection from %s into the "
				 "segment; behind from stand domus, nodes, "
				 "office, addresses of the segment, any",
				 acl_who_name(from->kind));
		break;
	case ACL_PREFIX:
	case ACL_TABLE_REF:
		check_hosts(c, from, check_from_prefix);
		break;
	default:
		break;
	}
}

static void check_ports(struct checker *c)
{
	const struct acl_item *port = acl_policy_items(c->p, &c->l->ports);

	for (size_t i = 0; c->f && i < c->l->ports.n; i++)
		if (port[i].kind == ACL_PORT_NAME &&
		    !acl_port_number((enum acl_port)port[i].a, c->f))
			acl_policy_error(c->p, port[i].line, port[i].col,
					 "this segment has no %s",
					 acl_port_name((enum acl_port)port[i].a));
}

static void check_line(struct checker *c)
{
	const struct acl_line *l = c->l;
	const struct acl_item *from = acl_policy_items(c->p, &l->from.who);
	const struct acl_item *to = acl_policy_items(c->p, &l->to.who);
	int errors = c->p->errors;

	check_ports(c);
	for (size_t i = 0; i < l->from.who.n; i++)
		check_from(c, &from[i]);
	for (size_t i = 0; i < l->from.who.n; i++)
		for (size_t k = 0; k < l->to.who.n; k++) {
			if (c->p->errors > errors)
				return;
			if (l->pass)
				check_pass(c, &from[i], &to[k]);
			else
				check_block(c, &from[i], &to[k]);
		}
}

static int by_place(const void *a, const void *b)
{
	const struct acl_problem *x = a, *y = b;

	return x->line != y->line ? x->line - y->line : x->col - y->col;
}

int acl_check(struct acl_policy *p, const struct acl_facts *facts)
{
	acl_policy_forget(p);
	/* Half a policy means nothing. */
	if (p->errors)
		return p->errors;
	for (size_t i = 0; i < p->n_lines; i++) {
		struct checker c = { p, facts, &p->lines[i] };

		if (facts && !acl_line_applies(p, c.l, facts->segment))
			c.f = NULL;
		check_line(&c);
	}
	if (!p->errors)
		acl_check_order(p);
	for (size_t i = 0; i < p->n_tables; i++)
		if (!p->tables[i].used)
			acl_policy_warn(p, p->tables[i].line, p->tables[i].col,
					"no line uses this table");
	if (p->n_problems)
		qsort(p->problems, p->n_problems, sizeof(*p->problems), by_place);
	return p->errors;
}
