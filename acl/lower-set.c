/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower-set - the sets that lines need, and values that may lie in one: nft
 * takes no intervals that overlap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lower.h"

#define SET_NAME_MAX 96

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Sorts values from first on and leaves out prefixes within others. */
size_t acl_lower_merge_hosts(struct acl_rules *r, size_t first)
{
	uint32_t(*v)[2] = r->values + first;
	size_t n = r->n_values - first, out = 0;

	if (r->oom || n == 0)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < n; i++) {
		const uint32_t *last = out ? v[out - 1] : NULL;

		if (last && v[i][1] >= last[1] &&
		    (v[i][0] ^ last[0]) >> (32 - last[1]) == 0)
			continue;
		memmove(v[out++], v[i], sizeof(*v));
	}
	r->n_values = first + out;
	return out;
}

/* The same of ranges; what touches becomes one. */
size_t acl_lower_merge_ports(struct acl_rules *r, size_t first)
{
	uint32_t(*v)[2] = r->values + first;
	size_t n = r->n_values - first, out = 0;

	if (r->oom || n == 0)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < n; i++) {
		if (out && v[i][0] <= v[out - 1][1] + 1) {
			if (v[i][1] > v[out - 1][1])
				v[out - 1][1] = v[i][1];
			continue;
		}
		memmove(v[out++], v[i], sizeof(*v));
	}
	r->n_values = first + out;
	return out;
}

void acl_lower_add_hosts(struct lowering *lo, const struct acl_list *list)
{
	const struct acl_item *item = acl_policy_items(lo->p, list);

	for (size_t i = 0; i < list->n; i++)
		if (item[i].kind == ACL_PREFIX)
			acl_rules_value(lo->r, item[i].a, item[i].b);
		else if (item[i].kind == ACL_TABLE_REF)
			acl_lower_add_hosts(lo, &lo->p->tables[item[i].a].hosts);
}

/* Sets */

/* PREFIX_LINE, or with another number behind it where that is taken. */
static const char *set_name(struct lowering *lo, const char *prefix)
{
	char name[SET_NAME_MAX];

	snprintf(name, sizeof(name), "%s_%d", prefix, lo->l->line);
	for (int i = 2; acl_rules_find_set(lo->r, name); i++)
		snprintf(name, sizeof(name), "%s_%d_%d", prefix, lo->l->line, i);
	return acl_rules_string(lo->r, name);
}

const char *acl_lower_table(struct lowering *lo, const struct acl_table *t)
{
	char name[SET_NAME_MAX];
	struct acl_set set = {
		.kind = ACL_SET_HOSTS,
		.of_policy = 1,
		.line = t->line,
	};

	snprintf(name, sizeof(name), "table_%s", t->name);
	if (!acl_rules_find_set(lo->r, name)) {
		set.name = acl_rules_string(lo->r, name);
		set.first = lo->r->n_values;
		acl_lower_add_hosts(lo, &t->hosts);
		set.n = acl_lower_merge_hosts(lo->r, set.first);
		acl_rules_add_set(lo->r, &set);
	}
	return acl_rules_string(lo->r, name);
}

/* Where no host of the Internet is: RFC 6890 without the blocks of
 * documentation, multicast and what was never given out; and the segment. */
static const uint32_t special[][2] = {
	{ 0x00000000, 8 },  /* 0.0.0.0 */
	{ 0x0a000000, 8 },  /* 10.0.0.0 */
	{ 0x64400000, 10 }, /* 100.64.0.0 */
	{ 0x7f000000, 8 },  /* 127.0.0.0 */
	{ 0xa9fe0000, 16 }, /* 169.254.0.0 */
	{ 0xac100000, 12 }, /* 172.16.0.0 */
	{ 0xc0000000, 24 }, /* 192.0.0.0 */
	{ 0xc0a80000, 16 }, /* 192.168.0.0 */
	{ 0xc6120000, 15 }, /* 198.18.0.0 */
	{ 0xe0000000, 3 },  /* 224.0.0.0 and 240.0.0.0 */
};

const char *acl_lower_internet(struct lowering *lo)
{
	struct acl_set set = {
		.name = "not_internet",
		.kind = ACL_SET_HOSTS,
		.line = lo->f->address_line,
		.first = lo->r->n_values,
	};

	if (acl_rules_find_set(lo->r, set.name))
		return set.name;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		acl_rules_value(lo->r, special[i][0], special[i][1]);
	acl_rules_value(lo->r, lo->f->address & (~0U << (32 - lo->f->prefix)),
			lo->f->prefix);
	set.n = acl_lower_merge_hosts(lo->r, set.first);
	acl_rules_add_set(lo->r, &set);
	return set.name;
}

static char **copy_patterns(struct lowering *lo, const struct acl_list *list)
{
	const struct acl_item *item = acl_policy_items(lo->p, list);
	char **out;

	if (!list->n)
		return NULL;
	out = calloc(list->n + 1, sizeof(*out));
	for (size_t i = 0; out && i < list->n; i++) {
		out[i] = strdup(item[i].text);
		if (!out[i])
			lo->r->oom = 1;
	}
	if (!out)
		lo->r->oom = 1;
	return out;
}

const char *acl_lower_domus(struct lowering *lo)
{
	struct acl_set set = {
		.kind = ACL_SET_DOMUS,
		.of_policy = 1,
		.line = lo->l->line,
	}, *s;

	if (!lo->l->from.images.n && !lo->l->from.nodes.n)
		return NULL;
	set.name = set_name(lo, "domus");
	s = acl_rules_add_set(lo->r, &set);
	if (!s)
		return "";
	s->images = copy_patterns(lo, &lo->l->from.images);
	s->nodes = copy_patterns(lo, &lo->l->from.nodes);
	return set.name;
}

const char *acl_lower_rate(struct lowering *lo)
{
	const struct acl_rate *rate = &lo->l->rate;
	struct acl_set set = {
		.kind = rate->each ? ACL_SET_RATE : ACL_SET_LIMIT,
		.of_policy = 1,
		.line = lo->l->line,
		.limit = {
			.unit = rate->unit,
			.over = 1,
			.value = rate->value,
			.per = rate->per,
			.burst = rate->burst,
		},
	};

	if (!rate->unit)
		return NULL;
	set.name = set_name(lo, "rate");
	acl_rules_add_set(lo->r, &set);
	return set.name;
}
