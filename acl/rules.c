/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

#define GROW_MIN 16

static void *grow(struct acl_rules *r, void *array, size_t n, size_t size)
{
	void *more = array;

	if (n == 0 || (n >= GROW_MIN && (n & (n - 1)) == 0))
		more = reallocarray(array, n < GROW_MIN ? GROW_MIN : 2 * n, size);
	if (!more)
		r->oom = 1;
	return more;
}

const char *acl_rules_string(struct acl_rules *r, const char *text)
{
	char **more = grow(r, r->strings, r->n_strings, sizeof(*more));

	if (!more)
		return "";
	r->strings = more;
	more[r->n_strings] = strdup(text);
	if (!more[r->n_strings]) {
		r->oom = 1;
		return "";
	}
	return more[r->n_strings++];
}

static int copy_nodes(struct acl_rules *r, const struct acl_facts *f)
{
	r->nodes = calloc(f->n_nodes + 1, sizeof(*r->nodes));
	r->domus = calloc(f->n_domus + 1, sizeof(*r->domus));
	if (!r->nodes || !r->domus)
		return -1;
	for (size_t i = 0; i < f->n_nodes; i++) {
		r->nodes[i] = f->nodes[i];
		r->nodes[i].name = acl_rules_string(r, f->nodes[i].name);
	}
	r->n_nodes = f->n_nodes;
	for (size_t i = 0; i < f->n_domus; i++) {
		const char *image = f->domus[i].image;

		r->domus[i] = f->domus[i];
		r->domus[i].node = acl_rules_string(r, f->domus[i].node);
		r->domus[i].image = acl_rules_string(r, image ? image : "");
	}
	r->n_domus = f->n_domus;
	return 0;
}

struct acl_rules *acl_rules_new(const struct acl_policy *p,
				const struct acl_facts *f)
{
	struct acl_rules *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->policy_file = acl_rules_string(r, p->base);
	r->facts_file = acl_rules_string(r, f->file);
	r->segment = acl_rules_string(r, f->segment);
	r->interface = acl_rules_string(r, f->interface);
	if (f->tunnel_interface && *f->tunnel_interface)
		r->tunnel = acl_rules_string(r, f->tunnel_interface);
	if (copy_nodes(r, f))
		r->oom = 1;
	return r;
}

static void free_patterns(char **patterns)
{
	for (size_t i = 0; patterns && patterns[i]; i++)
		free(patterns[i]);
	free(patterns);
}

void acl_rules_free(struct acl_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_sets; i++) {
		free_patterns(r->sets[i].images);
		free_patterns(r->sets[i].nodes);
	}
	for (size_t i = 0; i < r->n_strings; i++)
		free(r->strings[i]);
	free(r->strings);
	free(r->sets);
	free(r->rules);
	free(r->values);
	free(r->nodes);
	free(r->domus);
	free(r);
}

void acl_rules_add(struct acl_rules *r, const struct acl_rule *rule)
{
	struct acl_rule *more = grow(r, r->rules, r->n_rules, sizeof(*more));

	if (!more)
		return;
	r->rules = more;
	more[r->n_rules++] = *rule;
}

struct acl_set *acl_rules_add_set(struct acl_rules *r, const struct acl_set *set)
{
	struct acl_set *more = grow(r, r->sets, r->n_sets, sizeof(*more));

	if (!more)
		return NULL;
	r->sets = more;
	more[r->n_sets] = *set;
	return &more[r->n_sets++];
}

const struct acl_set *acl_rules_find_set(const struct acl_rules *r,
					 const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return &r->sets[i];
	return NULL;
}

size_t acl_rules_value(struct acl_rules *r, uint32_t a, uint32_t b)
{
	uint32_t(*more)[2] = grow(r, r->values, r->n_values, sizeof(*more));

	if (!more)
		return 0;
	r->values = more;
	more[r->n_values][0] = a;
	more[r->n_values][1] = b;
	return r->n_values++;
}

/* Matches. Their number is bounded by what lower and floor ask for. */

static struct acl_match *add_match(struct acl_rule *rule, enum acl_match_kind kind)
{
	struct acl_match *m = &rule->m[rule->n];

	if (rule->n == ACL_MATCHES_MAX)
		abort();
	rule->n++;
	*m = (struct acl_match){ .kind = kind };
	return m;
}

void acl_match_if(struct acl_rule *rule, int out, int negated, const char *name)
{
	struct acl_match *m = add_match(rule, ACL_MATCH_IF);

	m->dst = out;
	m->negated = negated;
	m->text = name;
}

void acl_match_state(struct acl_rule *rule, unsigned int bits)
{
	add_match(rule, ACL_MATCH_STATE)->bits = bits;
}

void acl_match_node(struct acl_rule *rule, int negated)
{
	add_match(rule, ACL_MATCH_NODE)->negated = negated;
}

void acl_match_enrolled(struct acl_rule *rule)
{
	add_match(rule, ACL_MATCH_NODE)->text = "enrolled";
}

void acl_match_set(struct acl_rule *rule, int dst, int negated, const char *name)
{
	struct acl_match *m = add_match(rule, ACL_MATCH_SET);

	m->dst = dst;
	m->negated = negated;
	m->text = name;
}

void acl_match_host(struct acl_rules *r, struct acl_rule *rule, int dst,
		    int negated, uint32_t address, unsigned int len)
{
	struct acl_match *m = add_match(rule, ACL_MATCH_HOSTS);

	m->dst = dst;
	m->negated = negated;
	m->first = acl_rules_value(r, address, len);
	m->n = 1;
}

void acl_match_port(struct acl_rules *r, struct acl_rule *rule, int dst,
		    unsigned int proto, int port)
{
	struct acl_match *m = add_match(rule, ACL_MATCH_PORTS);

	m->dst = dst;
	m->bits = proto;
	m->first = acl_rules_value(r, (uint32_t)port, (uint32_t)port);
	m->n = 1;
}

void acl_match_bits(struct acl_rule *rule, enum acl_match_kind kind,
		    unsigned int bits)
{
	add_match(rule, kind)->bits = bits;
}

static int fits(char *const *patterns, const char *text)
{
	if (!patterns)
		return 1;
	for (; *patterns; patterns++)
		if (text && *text && fnmatch(*patterns, text, 0) == 0)
			return 1;
	return 0;
}

int acl_set_has(const struct acl_set *set, const struct acl_domu *domu)
{
	return set->kind == ACL_SET_DOMUS && fits(set->images, domu->image) &&
	       fits(set->nodes, domu->node);
}
