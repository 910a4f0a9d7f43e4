/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule - the statements of one rule: matches, then what becomes of the packet.
 * A verdict map becomes one rule per entry, which differ in one match.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "model.h"

struct draft {
	struct match_env env;
	struct nftmodel_rule rule;
	size_t cap;
};

/* What a statement does to the packet, as far as filtering goes. */
enum effect {
	EFFECT_NONE,
	EFFECT_MAYBE, /* a match that a packet does not decide */
	EFFECT_ACCEPT,
	EFFECT_DROP,
	EFFECT_RETURN,
	EFFECT_CONTINUE
};

static const struct {
	const char *name;
	enum effect effect;
} statements[] = {
	{ "counter", EFFECT_NONE },      { "log", EFFECT_NONE },
	{ "limit", EFFECT_MAYBE },       { "quota", EFFECT_MAYBE },
	{ "ct count", EFFECT_MAYBE },    { "set", EFFECT_MAYBE },
	{ "accept", EFFECT_ACCEPT },     { "drop", EFFECT_DROP },
	{ "reject", EFFECT_DROP },       { "return", EFFECT_RETURN },
	{ "continue", EFFECT_CONTINUE }, { "masquerade", EFFECT_ACCEPT },
	{ "snat", EFFECT_ACCEPT },
};

static int add_match(struct draft *d, const struct nftmodel_match *match)
{
	struct nftmodel_rule *r = &d->rule;
	struct nftmodel_match *new;

	if (r->n_match == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 4;
		new = space_pool_alloc(d->env.m->pool, d->cap * sizeof(*new));
		if (!new)
			return -ENOMEM;
		if (r->n_match)
			memcpy(new, r->match, r->n_match * sizeof(*new));
		r->match = new;
	}
	r->match[r->n_match++] = *match;
	r->maybe |= match->maybe.n > 0;
	return 0;
}

static int add_maybe(struct draft *d, json_t *stmt)
{
	struct nftmodel_match m = { .yes = SPACE_EMPTY };

	nftmodel_text(stmt, m.text, sizeof(m.text));
	m.maybe = space_any(d->env.m->pool);
	return add_match(d, &m);
}

/* Marks, priorities, segment sizes are nothing that a match here depends on. */
static int check_mangle(json_t *o, struct errinfo *err)
{
	json_t *key = json_object_get(o, "key");
	json_t *meta = json_object_get(json_object_get(key, "meta"), "key");
	json_t *ct = json_object_get(json_object_get(key, "ct"), "key");
	json_t *option =
		json_object_get(json_object_get(key, "tcp option"), "name");
	const char *word = json_string_value(meta ? meta : ct);
	char text[NFTMODEL_PHRASE_MAX];

	if (word && (!strcmp(word, "mark") || !strcmp(word, "priority") ||
		     !strcmp(word, "nftrace")))
		return 0;
	word = json_string_value(option);
	if (word && strcmp(word, "maxseg") == 0)
		return 0;
	nftmodel_quote(o, text, sizeof(text));
	return errinfo_set(err, -EINVAL, "not understood: mangle %s", text);
}

static int append(struct nftmodel *m, struct nftmodel_chain *c,
		  const struct nftmodel_rule *r, struct errinfo *err)
{
	size_t cap = c->n_rules;
	struct nftmodel_rule *new;

	if (++m->n_rules > NFTMODEL_RULES_MAX)
		return errinfo_set(err, -E2BIG, "more than %d rules",
				   NFTMODEL_RULES_MAX);
	/* Grows at powers of two. */
	if ((cap & (cap - 1)) == 0) {
		cap = cap ? 2 * cap : 1;
		new = space_pool_alloc(m->pool, cap * sizeof(*new));
		if (!new)
			return -ENOMEM;
		if (c->n_rules)
			memcpy(new, c->rules, c->n_rules * sizeof(*new));
		c->rules = new;
	}
	c->rules[c->n_rules++] = *r;
	return 0;
}

static int set_target(struct draft *d, json_t *o, enum nftmodel_verdict v,
		      const char *word, struct errinfo *err)
{
	const char *name = json_string_value(json_object_get(o, "target"));
	const struct nftmodel_chain *c = d->env.chain;

	d->rule.verdict = v;
	d->rule.word = word;
	d->rule.target = name ? nftmodel_find_chain(d->env.m, c->family_word,
						    c->table, name)
			      : NULL;
	if (!d->rule.target)
		return errinfo_set(err, -EINVAL, "%s to no chain '%s'", word,
				   name ? name : "?");
	return 0;
}

static int set_effect(struct draft *d, json_t *stmt, const char *name,
		      enum effect effect)
{
	static const enum nftmodel_verdict verdicts[] = {
		[EFFECT_ACCEPT] = NFTMODEL_ACCEPT,
		[EFFECT_DROP] = NFTMODEL_DROP,
		[EFFECT_RETURN] = NFTMODEL_RETURN,
		[EFFECT_CONTINUE] = NFTMODEL_CONTINUE,
	};

	if (effect == EFFECT_NONE)
		return 0;
	if (effect == EFFECT_MAYBE)
		return add_maybe(d, stmt);
	d->rule.verdict = verdicts[effect];
	d->rule.word = name;
	return 0;
}

static int read_simple(struct draft *d, json_t *stmt, struct errinfo *err)
{
	const char *name = json_object_iter_key(json_object_iter(stmt));
	json_t *o = json_object_iter_value(json_object_iter(stmt));
	struct nftmodel_match match = { .yes = SPACE_EMPTY };
	char text[NFTMODEL_PHRASE_MAX];
	int rc;

	if (!name || json_object_size(stmt) != 1)
		name = "?";
	if (strcmp(name, "match") == 0) {
		rc = nftmodel_match(&d->env, o, &match, err);
		return rc ? rc : add_match(d, &match);
	}
	if (strcmp(name, "jump") == 0)
		return set_target(d, o, NFTMODEL_JUMP, "jump", err);
	if (strcmp(name, "goto") == 0)
		return set_target(d, o, NFTMODEL_GOTO, "goto", err);
	if (strcmp(name, "mangle") == 0)
		return check_mangle(o, err);
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (strcmp(statements[i].name, name) == 0)
			return set_effect(d, stmt, statements[i].name,
					  statements[i].effect);
	nftmodel_quote(stmt, text, sizeof(text));
	return errinfo_set(err, -EINVAL, "not understood: %s", text);
}

/* The entry's own rule: all that the rule asks, and this key. */
static int add_entry(struct nftmodel *m, struct nftmodel_chain *c,
		     const struct draft *all, json_t *key, json_t *entry,
		     struct errinfo *err)
{
	struct nftmodel_match match = { .yes = SPACE_EMPTY };
	json_t *value = json_array_get(entry, 0);
	struct draft d = *all;
	char k[NFTMODEL_PHRASE_MAX / 2 - 8], v[NFTMODEL_PHRASE_MAX / 2 - 8];
	int rc;

	if (json_array_size(entry) != 2)
		return errinfo_set(err, -EINVAL, "a verdict map without pairs");
	d.cap = d.rule.n_match; /* its own copy of the list when it grows */
	if (!d.cap)
		d.rule.match = NULL;
	nftmodel_text(key, k, sizeof(k));
	nftmodel_text(value, v, sizeof(v));
	snprintf(match.text, sizeof(match.text), "%s %s", k, v);
	rc = nftmodel_match_key(&d.env, key, value, &match, err);
	if (!rc)
		rc = add_match(&d, &match);
	if (!rc)
		rc = read_simple(&d, json_array_get(entry, 1), err);
	if (rc)
		return rc;
	return append(m, c, &d.rule, err);
}

static int add_vmap(struct nftmodel *m, struct nftmodel_chain *c,
		    const struct draft *d, json_t *vmap, struct errinfo *err)
{
	json_t *key = json_object_get(vmap, "key");
	json_t *data = json_object_get(vmap, "data");
	const char *name = json_string_value(data);
	json_t *list = json_object_get(data, "set");
	const struct model_set *set;
	int rc = 0;

	if (name && name[0] == '@') {
		set = nftmodel_find_set(m, c->family_word, c->table, name + 1);
		if (!set || set->changes)
			return errinfo_set(err, -EINVAL,
					   "not understood: map '%s'", name);
		list = set->elem;
	} else if (!json_is_array(list)) {
		return errinfo_set(err, -EINVAL, "a verdict map without pairs");
	}
	for (size_t i = 0; !rc && i < json_array_size(list); i++)
		rc = add_entry(m, c, d, key, json_array_get(list, i), err);
	return rc;
}

int nftmodel_add_rule(struct nftmodel *m, struct nftmodel_chain *c,
		      json_t *rule, struct errinfo *err)
{
	json_t *expr = json_object_get(rule, "expr"), *stmt, *vmap = NULL;
	const char *comment = json_string_value(json_object_get(rule, "comment"));
	struct draft d = {
		.env = { m, c },
		.rule = { .chain = c, .word = "continue" },
	};
	size_t i;
	int rc;

	d.rule.comment = comment ? comment : "";
	d.rule.handle = (int)json_integer_value(json_object_get(rule, "handle"));
	d.rule.index = c->n_listed + 1;
	c->n_listed++;
	json_array_foreach(expr, i, stmt)
	{
		if (vmap || d.rule.verdict != NFTMODEL_CONTINUE)
			return errinfo_set(err, -EINVAL,
					   "a statement behind the verdict");
		vmap = json_object_get(stmt, "vmap");
		if (vmap)
			continue;
		rc = read_simple(&d, stmt, err);
		if (rc)
			return rc;
	}
	return vmap ? add_vmap(m, c, &d, vmap, err) : append(m, c, &d.rule, err);
}
