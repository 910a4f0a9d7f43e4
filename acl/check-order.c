/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check-order - lines that never decide because an earlier one decides about
 * all they match. Told where it is plain; that nothing is told proves nothing
 * (`aclc explain` does).
 */
#include <string.h>

#include "rules.h"

/* Beyond it the comparison of all with all would take its time. */
#define LINES_MAX 4096

static int covers_prefix(const struct acl_item *a, const struct acl_item *b)
{
	return a->b <= b->b && (a->a ^ b->a) >> (32 - a->b) == 0;
}

/* May be any but the gateway, unless a block says any. */
static int covers_any(const struct acl_line *l, const struct acl_item *b, int to)
{
	return !to || !l->pass || b->kind != ACL_GATEWAY;
}

static int covers_who(const struct acl_line *l, const struct acl_item *a,
		      const struct acl_item *b, int to)
{
	if (a->kind == ACL_ANY)
		return covers_any(l, b, to);
	if (a->kind != b->kind)
		return 0;
	if (a->kind == ACL_PREFIX)
		return covers_prefix(a, b);
	return a->kind != ACL_TABLE_REF || a->a == b->a;
}

static int same_patterns(const struct acl_policy *p, const struct acl_list *a,
			 const struct acl_list *b)
{
	const struct acl_item *x = acl_policy_items(p, a);
	const struct acl_item *y = acl_policy_items(p, b);

	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (strcmp(x[i].text, y[i].text) != 0)
			return 0;
	return a->n == b->n;
}

/* Without patterns it is about all. */
static int covers_patterns(const struct acl_policy *p, const struct acl_list *a,
			   const struct acl_list *b)
{
	return a->n == 0 || same_patterns(p, a, b);
}

static int covers_end(const struct acl_policy *p, const struct acl_line *l,
		      const struct acl_end *a, const struct acl_end *b, int to)
{
	const struct acl_item *x = acl_policy_items(p, &a->who);
	const struct acl_item *y = acl_policy_items(p, &b->who);

	if (a->negated || b->negated)
		return 0;
	for (size_t i = 0; i < b->who.n; i++) {
		int found = 0;

		for (size_t k = 0; k < a->who.n && !found; k++)
			found = covers_who(l, &x[k], &y[i], to);
		if (!found)
			return 0;
	}
	return covers_patterns(p, &a->images, &b->images) &&
	       covers_patterns(p, &a->nodes, &b->nodes);
}

static int covers_port(const struct acl_item *a, const struct acl_item *b)
{
	if (a->kind != b->kind)
		return 0;
	if (a->kind == ACL_PORT_NAME)
		return a->a == b->a;
	return a->a <= b->a && a->b >= b->b;
}

static int covers_ports(const struct acl_policy *p, const struct acl_line *a,
			const struct acl_line *b)
{
	const struct acl_item *x = acl_policy_items(p, &a->ports);
	const struct acl_item *y = acl_policy_items(p, &b->ports);

	if (a->protos && (!b->protos || b->protos & ~a->protos))
		return 0;
	if (a->ports.n && !b->ports.n)
		return 0;
	for (size_t i = 0; a->ports.n && i < b->ports.n; i++) {
		int found = 0;

		for (size_t k = 0; k < a->ports.n && !found; k++)
			found = covers_port(&x[k], &y[i]);
		if (!found)
			return 0;
	}
	return 1;
}

static int covers_hours(const struct acl_hours *a, const struct acl_hours *b)
{
	return !a->line || (b->line && a->days == b->days &&
			    a->from_min == b->from_min && a->to_min == b->to_min);
}

static int covers(const struct acl_policy *p, const struct acl_line *a,
		  const struct acl_line *b)
{
	return covers_end(p, a, &a->from, &b->from, 0) &&
	       covers_end(p, a, &a->to, &b->to, 1) && covers_ports(p, a, b) &&
	       covers_hours(&a->hours, &b->hours) &&
	       covers_patterns(p, &a->segments, &b->segments);
}

void acl_check_order(struct acl_policy *p)
{
	if (p->n_lines > LINES_MAX)
		return;
	for (size_t i = 1; i < p->n_lines; i++)
		for (size_t k = 0; k < i; k++) {
			if (!covers(p, &p->lines[k], &p->lines[i]))
				continue;
			acl_policy_warn(p, p->lines[i].line, p->lines[i].col,
					"this line never decides: line %d does "
					"about all of it",
					p->lines[k].line);
			break;
		}
}
