/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match - one condition of a rule as two spaces: packets that meet it, and
 * packets that may.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "model.h"

struct key {
	struct key_part part[KEY_PARTS_MAX];
	size_t n;
	const struct space_cube *needs; /* of all parts; NULL: never */
	int maybe;
};

enum op {
	OP_EQ,
	OP_NE,
	OP_IN, /* has one of those bits */
	OP_LT,
	OP_GT,
	OP_LE,
	OP_GE
};

static int read_key(struct nftmodel *m, json_t *left, struct key *k,
		    struct errinfo *err)
{
	json_t *concat = json_object_get(left, "concat");
	size_t n = concat ? json_array_size(concat) : 1;
	int rc;

	memset(k, 0, sizeof(*k));
	if (n == 0 || n > KEY_PARTS_MAX)
		return errinfo_set(err, -EINVAL, "a key of %zu parts", n);
	k->needs = space_cube_any(m->pool);
	for (; k->n < n; k->n++) {
		struct key_part *p = &k->part[k->n];

		rc = nftmodel_key(
			m, concat ? json_array_get(concat, k->n) : left, p, err);
		if (rc)
			return rc;
		if (k->needs)
			k->needs = space_cube_and(m->pool, k->needs, p->needs);
		k->maybe |= p->kind == KEY_MAYBE;
		if (n > 1 && (p->ether_type || p->has_mask))
			return errinfo_set(err, -EINVAL,
					   "not understood: "
					   "this in a concatenation");
	}
	return 0;
}

#define SCATTER_MAX 65536 /* ranges that a mask may leave */

/* Values whose masked bits are these (or, OP_IN, have one of them). The bits
 * below the mask's lowest one are free and make each range long; those above
 * are counted through. */
static const struct space_vset *chosen(struct space_pool *p,
				       const struct key_part *k, enum op op,
				       space_value value)
{
	space_value max = space_field_max(k->field), step = 1, n_steps;
	space_value mask = k->has_mask ? k->mask : max;
	auto_free struct space_range *r = NULL;
	size_t n = 0;

	if (op == OP_IN)
		mask &= value;
	while (mask && !(mask & step))
		step <<= 1;
	n_steps = max / step + 1;
	if (n_steps > SCATTER_MAX)
		return NULL;
	r = calloc((size_t)n_steps, sizeof(*r));
	if (!r)
		return space_vset_of(p, NULL, 0);
	for (space_value v = 0; v < n_steps * step; v += step) {
		int hit = op == OP_IN ? (v & mask) != 0 : (v & mask) == value;

		if (hit)
			r[n++] = (struct space_range){ v, v + step - 1 };
	}
	return space_vset_of(p, r, n);
}

/* One part's values for one right-hand side. */
static int part_values(struct nftmodel *m, const struct key_part *k, enum op op,
		       json_t *v, const struct space_vset **out,
		       struct errinfo *err)
{
	space_value x;
	int rc;

	if (k->kind == KEY_MAYBE)
		return 0;
	rc = nftmodel_value(m, k, v, out, err);
	if (rc)
		return rc;
	x = (*out)->r[0].lo;
	if (op == OP_LT || op == OP_GE)
		*out = x ? space_vset_one(m->pool, 0, x - 1)
			 : space_vset_of(m->pool, NULL, 0);
	if (op == OP_GT || op == OP_LE)
		*out = space_vset_one(m->pool, 0, x);
	if (op == OP_GT || op == OP_GE)
		*out = space_vset_not(m->pool, k->field, *out);
	if (!k->has_mask && !(op == OP_IN && k->field == SPACE_TCP_FLAGS))
		return 0;
	if ((*out)->n == 1 && x == (*out)->r[0].hi)
		*out = chosen(m->pool, k, op, x);
	else
		*out = NULL;
	return *out ? 0
		    : errinfo_set(err, -EINVAL, "not understood: such a mask");
}

/* EtherType as it is on the wire: a tag hides the type behind it. */
static void add_ether_type(struct space_pool *p, const struct space_vset *v,
			   struct space *out)
{
	struct space_cube *plain = space_cube_any(p);
	struct space_cube *tagged = space_cube_any(p);

	if (!plain || !tagged)
		return;
	plain->f[SPACE_ETYPE] = v;
	plain->f[SPACE_TAG] = space_vset_one(p, 0, 0);
	tagged->f[SPACE_TAG] = space_vset_one(p, 1, 4096);
	space_add(p, out, plain);
	if (space_vset_has(v, 0x8100))
		space_add(p, out, tagged);
}

static int add_element(struct nftmodel *m, const struct key *k, enum op op,
		       json_t *v, struct space *out, struct errinfo *err)
{
	json_t *inner = json_object_get(json_object_get(v, "elem"), "val");
	const struct space_vset *values[KEY_PARTS_MAX] = { NULL };
	struct space_cube *c;
	json_t *concat;
	int rc;

	if (inner)
		v = inner;
	concat = json_object_get(v, "concat");
	if (concat ? json_array_size(concat) != k->n : k->n != 1)
		return errinfo_set(err, -EINVAL, "%zu values for %zu fields",
				   concat ? json_array_size(concat) : 1, k->n);
	c = space_cube_any(m->pool);
	for (size_t i = 0; i < k->n; i++) {
		rc = part_values(m, &k->part[i], op,
				 concat ? json_array_get(concat, i) : v,
				 &values[i], err);
		if (rc)
			return rc;
		if (!c || k->part[i].kind == KEY_MAYBE)
			continue;
		c->f[k->part[i].field] = space_vset_and(
			m->pool, c->f[k->part[i].field], values[i]);
	}
	if (k->part[0].ether_type)
		add_ether_type(m->pool, values[0], out);
	else
		space_add(m->pool, out, c);
	return 0;
}

/* Values of one field are one cube: that is what makes large sets cheap. */
static void fold(struct space_pool *p, enum space_field f, struct space *s)
{
	auto_free struct space_range *r = NULL;
	struct space_cube *c;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->cubes[i]->f[f] ? s->cubes[i]->f[f]->n : 0;
	r = calloc(n + 1, sizeof(*r));
	c = r ? space_cube_any(p) : NULL;
	if (!c)
		return;
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0;
		     s->cubes[i]->f[f] && j < s->cubes[i]->f[f]->n; j++)
			r[k++] = s->cubes[i]->f[f]->r[j];
	c->f[f] = space_vset_of(p, r, n);
	s->n = 0;
	space_add(p, s, c);
}

static int add_list(struct nftmodel *m, const struct key *k, enum op op,
		    json_t *list, int pairs, struct space *out,
		    struct errinfo *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *v = json_array_get(list, i);
		int rc;

		/* Of a map: key and what it leads to. */
		if (pairs && json_is_array(v))
			v = json_array_get(v, 0);
		rc = add_element(m, k, op, v, out, err);
		if (rc)
			return rc;
	}
	if (k->n == 1 && !k->maybe && !k->part[0].ether_type && out->n > 1)
		fold(m->pool, k->part[0].field, out);
	return 0;
}

/* Everything that the right-hand side names. *unsure: what it names changes. */
static int add_right(const struct match_env *e, const struct key *k, enum op op,
		     json_t *right, struct space *out, int *unsure,
		     struct errinfo *err)
{
	const char *name = json_string_value(right);
	const struct nftmodel_chain *c = e->chain;
	json_t *list = json_object_get(right, "set");
	const struct model_set *set;

	if (name && name[0] == '@') {
		set = nftmodel_find_set(e->m, c->family_word, c->table, name + 1);
		if (!set)
			return errinfo_set(err, -EINVAL, "no set '%s'", name);
		*unsure = set->changes;
		return add_list(e->m, k, op, set->elem, 1, out, err);
	}
	if (json_is_array(list))
		return add_list(e->m, k, op, list, 1, out, err);
	if (list)
		return add_element(e->m, k, op, list, out, err);
	/* ct state new,established: any of them. Flags: their sum. */
	if (json_is_array(right) && k->part[0].field != SPACE_TCP_FLAGS)
		return add_list(e->m, k, op, right, 0, out, err);
	return add_element(e->m, k, op, right, out, err);
}

static void add_unsure(struct space_pool *p, const struct key *k,
		       enum space_field f, const struct space_vset *v,
		       struct space *out)
{
	if (k->needs)
		space_add(p, out, space_cube_with(p, k->needs, f, v));
}

/* Packets of which one cannot say what the key reads. */
static struct space unsure_of(const struct match_env *e, const struct key *k)
{
	struct space_range r[] = {
		{ 6, 6 }, { 17, 17 }, { 33, 33 }, { 132, 132 }, { 136, 136 },
	};
	struct space_pool *p = e->m->pool;
	struct space s = SPACE_EMPTY;
	const struct space_vset *with;

	for (size_t i = 0; i < k->n; i++) {
		/* No port, though it is meant to be one. */
		with = k->part[i].ports ? space_vset_of(p, r, ARRAY_SIZE(r))
					: NULL;
		if (with)
			add_unsure(p, k, SPACE_PROTO,
				   space_vset_not(p, SPACE_PROTO, with), &s);
		/* The listing leaves out how the rule made sure that the
		 * header is there: by looking behind a tag, or at it. */
		if (k->part[i].inner && e->chain->family != NFTMODEL_INET)
			add_unsure(p, k, SPACE_TAG, space_vset_one(p, 1, 4096),
				   &s);
	}
	return s;
}

static void settle(const struct match_env *e, const struct key *k, enum op op,
		   int unsure, const struct space *named,
		   struct nftmodel_match *out)
{
	struct space all = SPACE_EMPTY, none = SPACE_EMPTY;
	struct space_pool *p = e->m->pool;

	space_add(p, &all, k->needs);
	out->yes = none;
	out->maybe = all;
	if (k->maybe || unsure)
		return;
	out->maybe = unsure_of(e, k);
	all = space_minus(p, &all, &out->maybe);
	out->yes = op == OP_NE ? space_minus(p, &all, named)
			       : space_and(p, &all, named);
}

static int match_values(const struct match_env *e, json_t *left, enum op op,
			json_t *right, struct nftmodel_match *out,
			struct errinfo *err)
{
	struct space named = SPACE_EMPTY;
	struct key k;
	int unsure = 0, rc;

	rc = read_key(e->m, left, &k, err);
	if (rc)
		return rc;
	/* What cannot be known is not compared with anything either. */
	if (!k.maybe)
		rc = add_right(e, &k, op, right, &named, &unsure, err);
	if (rc)
		return rc;
	settle(e, &k, op, unsure, &named, out);
	return 0;
}

static int read_op(const char *s, enum op *op)
{
	static const char *const ops[] = {
		[OP_EQ] = "==", [OP_NE] = "!=", [OP_IN] = "in", [OP_LT] = "<",
		[OP_GT] = ">",  [OP_LE] = "<=", [OP_GE] = ">=",
	};

	for (size_t i = 0; s && i < ARRAY_SIZE(ops); i++)
		if (strcmp(ops[i], s) == 0) {
			*op = i;
			return 0;
		}
	return -EINVAL;
}

int nftmodel_match(const struct match_env *e, json_t *match,
		   struct nftmodel_match *out, struct errinfo *err)
{
	json_t *left = json_object_get(match, "left");
	json_t *right = json_object_get(match, "right");
	const char *word = json_string_value(json_object_get(match, "op"));
	char text[NFTMODEL_PHRASE_MAX];
	enum op op;
	int rc;

	nftmodel_text(match, out->text, sizeof(out->text));
	if (!left || !right || read_op(word, &op)) {
		nftmodel_quote(match, text, sizeof(text));
		return errinfo_set(err, -EINVAL, "not understood: %s", text);
	}
	rc = match_values(e, left, op, right, out, err);
	return rc ? errinfo_wrap(err, rc, "%s", out->text) : 0;
}

int nftmodel_match_key(const struct match_env *e, json_t *key, json_t *value,
		       struct nftmodel_match *out, struct errinfo *err)
{
	struct space named = SPACE_EMPTY;
	struct key k;
	int rc;

	rc = read_key(e->m, key, &k, err);
	if (!rc && !k.maybe)
		rc = add_element(e->m, &k, OP_EQ, value, &named, err);
	if (rc)
		return rc;
	settle(e, &k, OP_EQ, 0, &named, out);
	return 0;
}
