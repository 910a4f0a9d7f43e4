/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse - the listing's objects into the model. First the chains and sets, then
 * the rules, which name them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "model.h"

static const struct {
	const char *word;
	enum nftmodel_hook hook;
} hooks[] = {
	{ "ingress", NFTMODEL_INGRESS },
	{ "prerouting", NFTMODEL_PREROUTING },
	{ "input", NFTMODEL_INPUT },
	{ "forward", NFTMODEL_FORWARD },
	{ "output", NFTMODEL_OUTPUT },
	{ "postrouting", NFTMODEL_POSTROUTING },
	{ "egress", NFTMODEL_EGRESS },
};

static const struct {
	const char *word;
	enum nftmodel_family family;
} families[] = {
	{ "inet", NFTMODEL_INET },     { "ip", NFTMODEL_INET },
	{ "ip6", NFTMODEL_INET },      { "bridge", NFTMODEL_BRIDGE },
	{ "netdev", NFTMODEL_NETDEV }, { "arp", NFTMODEL_ARP },
};

const char *nftmodel_hook_name(enum nftmodel_hook h)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].hook == h)
			return hooks[i].word;
	return "none";
}

static const char *text_of(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

const struct model_set *nftmodel_find_set(const struct nftmodel *m,
					  const char *family, const char *table,
					  const char *name)
{
	for (size_t i = 0; i < m->n_sets; i++)
		if (!strcmp(m->sets[i].name, name) &&
		    !strcmp(m->sets[i].table, table) &&
		    !strcmp(m->sets[i].family, family))
			return &m->sets[i];
	return NULL;
}

struct nftmodel_chain *nftmodel_find_chain(const struct nftmodel *m,
					   const char *family,
					   const char *table, const char *name)
{
	for (size_t i = 0; i < m->n_chains; i++)
		if (!strcmp(m->chains[i]->name, name) &&
		    !strcmp(m->chains[i]->table, table) &&
		    !strcmp(m->chains[i]->family_word, family))
			return m->chains[i];
	return NULL;
}

static int read_devices(struct nftmodel_chain *c, json_t *dev)
{
	size_t n = json_is_array(dev) ? json_array_size(dev) : dev != NULL;

	if (n > ARRAY_SIZE(c->dev))
		return -E2BIG;
	for (; c->n_dev < n; c->n_dev++) {
		json_t *v = json_is_array(dev) ? json_array_get(dev, c->n_dev)
					       : dev;

		c->dev[c->n_dev] = json_string_value(v);
		if (!c->dev[c->n_dev])
			return -EINVAL;
	}
	return 0;
}

static int read_base(struct nftmodel_chain *c, json_t *o, struct errinfo *err)
{
	const char *hook = text_of(o, "hook"), *policy = text_of(o, "policy");
	const char *type = text_of(o, "type");

	if (!*hook)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (strcmp(hooks[i].word, hook) == 0)
			c->hook = hooks[i].hook;
	c->priority = (int)json_integer_value(json_object_get(o, "prio"));
	c->is_nat = !strcmp(type, "nat");
	c->accepts = strcmp(policy, "drop") != 0;
	if (c->hook == NFTMODEL_NONE || !json_object_get(o, "prio") ||
	    (*policy && strcmp(policy, "accept") && strcmp(policy, "drop")) ||
	    (!c->is_nat && strcmp(type, "filter") && strcmp(type, "route")) ||
	    read_devices(c, json_object_get(o, "dev")))
		return errinfo_set(err, -EINVAL,
				   "not understood: its hook, type or policy");
	/* An ingress chain of table inet sees frames as one of netdev does. */
	if (c->hook == NFTMODEL_INGRESS || c->hook == NFTMODEL_EGRESS)
		c->family = NFTMODEL_NETDEV;
	return 0;
}

static int add_chain(struct nftmodel *m, json_t *o, struct errinfo *err)
{
	struct nftmodel_chain *c, **new;
	size_t i;

	c = space_pool_alloc(m->pool, sizeof(*c));
	new = reallocarray(m->chains, m->n_chains + 1,
			   sizeof(struct nftmodel_chain *));
	if (new)
		m->chains = new;
	if (!c || !new)
		return -ENOMEM;
	c->family_word = text_of(o, "family");
	c->table = text_of(o, "table");
	c->name = text_of(o, "name");
	for (i = 0; i < ARRAY_SIZE(families); i++)
		if (strcmp(families[i].word, c->family_word) == 0)
			break;
	if (i == ARRAY_SIZE(families) || !*c->name || !*c->table ||
	    nftmodel_find_chain(m, c->family_word, c->table, c->name))
		return errinfo_set(err, -EINVAL,
				   "not understood: its family or name");
	c->family = families[i].family;
	m->chains[m->n_chains++] = c;
	return read_base(c, o, err);
}

static int add_set(struct nftmodel *m, json_t *o, struct errinfo *err)
{
	struct model_set *new, *s;
	json_t *flag;
	size_t i;

	new = reallocarray(m->sets, m->n_sets + 1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	m->sets = new;
	s = &m->sets[m->n_sets++];
	*s = (struct model_set){
		.family = text_of(o, "family"),
		.table = text_of(o, "table"),
		.name = text_of(o, "name"),
		.elem = json_object_get(o, "elem"),
	};
	json_array_foreach(json_object_get(o, "flags"), i,
			   flag) if (json_is_string(flag) &&
				     !strcmp(json_string_value(flag), "dynamic"))
		s->changes = 1;
	if (s->elem && !json_is_array(s->elem))
		return errinfo_set(err, -EINVAL, "not understood: its elements");
	return 0;
}

/* Sets that a rule itself adds to or takes from. */
static void mark_changing(struct nftmodel *m, json_t *rule)
{
	json_t *stmt;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, stmt)
	{
		const char *name = text_of(json_object_get(stmt, "set"), "set");

		for (size_t k = 0; *name && k < m->n_sets; k++)
			if (!strcmp(m->sets[k].name, name + 1) &&
			    !strcmp(m->sets[k].table, text_of(rule, "table")) &&
			    !strcmp(m->sets[k].family, text_of(rule, "family")))
				m->sets[k].changes = 1;
	}
}

static int add_rule(struct nftmodel *m, json_t *o, struct errinfo *err)
{
	struct nftmodel_chain *c;
	int rc;

	c = nftmodel_find_chain(m, text_of(o, "family"), text_of(o, "table"),
				text_of(o, "chain"));
	if (!c)
		return errinfo_set(err, -EINVAL, "a rule of no chain '%s'",
				   text_of(o, "chain"));
	rc = nftmodel_add_rule(m, c, o, err);
	if (!rc)
		return 0;
	return errinfo_wrap(err, rc, "%s %s %s, rule %d%s%s", c->family_word,
			    c->table, c->name, c->n_listed,
			    *text_of(o, "comment") ? " of " : "",
			    text_of(o, "comment"));
}

/* Objects that rules refer to, and whose say is a "maybe" anyway. */
static int is_quiet(const char *name)
{
	static const char *const names[] = { "metainfo", "table", "counter",
					     "quota",    "limit", "rule" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

static int add_object(struct nftmodel *m, json_t *entry, struct errinfo *err)
{
	const char *name = json_object_iter_key(json_object_iter(entry));
	json_t *o = json_object_iter_value(json_object_iter(entry));
	char text[NFTMODEL_PHRASE_MAX];
	int rc;

	if (!name || json_object_size(entry) != 1 || !json_is_object(o))
		return errinfo_set(err, -EINVAL, "an entry that is no object");
	if (strcmp(name, "chain") == 0) {
		rc = add_chain(m, o, err);
	} else if (!strcmp(name, "set") || !strcmp(name, "map")) {
		rc = add_set(m, o, err);
	} else if (!is_quiet(name)) {
		nftmodel_quote(entry, text, sizeof(text));
		return errinfo_set(err, -EINVAL, "not understood: %s", text);
	} else {
		rc = 0;
	}
	return rc ? errinfo_wrap(err, rc, "%s '%s'", name, text_of(o, "name"))
		  : 0;
}

/* A table that its owner put to sleep filters nothing: its rules prove nothing. */
static int check_table(json_t *table, struct errinfo *err)
{
	if (!json_object_get(table, "flags"))
		return 0;
	return errinfo_set(err, -EINVAL, "table '%s': not understood: flags",
			   text_of(table, "name"));
}

/* The kernel loads no loop of jumps, and none deeper than this. */
static int check_jumps(const struct nftmodel_chain *c, int depth,
		       struct errinfo *err)
{
	int rc = 0;

	if (depth > NFTMODEL_JUMPS_MAX)
		return errinfo_set(err, -ELOOP, "chain '%s': jumps too deep",
				   c->name);
	for (size_t i = 0; !rc && i < c->n_rules; i++)
		if (c->rules[i].target)
			rc = check_jumps(c->rules[i].target, depth + 1, err);
	return rc;
}

static int read_all(struct nftmodel *m, struct errinfo *err)
{
	json_t *list = json_object_get(m->root, "nftables"), *entry;
	size_t i;
	int rc;

	if (!json_is_array(list))
		return errinfo_set(err, -EINVAL, "no list 'nftables' in it");
	json_array_foreach(list, i, entry)
	{
		rc = add_object(m, entry, err);
		if (!rc && json_object_get(entry, "table"))
			rc = check_table(json_object_get(entry, "table"), err);
		if (rc)
			return rc;
	}
	json_array_foreach(list, i, entry)
		mark_changing(m, json_object_get(entry, "rule"));
	json_array_foreach(list, i, entry)
	{
		json_t *rule = json_object_get(entry, "rule");

		rc = rule ? add_rule(m, rule, err) : 0;
		if (rc)
			return rc;
	}
	for (i = 0; i < m->n_chains; i++) {
		rc = check_jumps(m->chains[i], 0, err);
		if (rc)
			return rc;
	}
	return space_pool_failed(m->pool);
}

int nftmodel_parse(const char *json, size_t len, struct nftmodel **out,
		   struct errinfo *err)
{
	struct nftmodel *m = calloc(1, sizeof(*m));
	json_error_t why;
	int rc;

	if (m)
		m->pool = space_pool_new();
	if (!m || !m->pool) {
		free(m);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	m->root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
	if (m->root)
		rc = read_all(m, err);
	else
		rc = errinfo_set(err, -EINVAL, "line %d: %s", why.line, why.text);
	if (rc) {
		nftmodel_free(m);
		return errinfo_wrap(err, rc, "ruleset");
	}
	*out = m;
	return 0;
}

void nftmodel_free(struct nftmodel *m)
{
	if (!m)
		return;
	free(m->chains);
	free(m->sets);
	json_decref(m->root);
	space_pool_free(m->pool);
	free(m);
}

struct space_pool *nftmodel_pool(struct nftmodel *m)
{
	return m->pool;
}

size_t nftmodel_rules(const struct nftmodel *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_chains; i++)
		n += (size_t)m->chains[i]->n_listed;
	return n;
}
