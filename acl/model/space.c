/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space - cubes and their unions. Subtracting a cube from another leaves at
 * most one piece per field that it constrains:
 *
 *	A \ B = { A, f1 not in B } + { A, f1 in B, f2 not in B } + ...
 */
#include <errno.h>
#include <string.h>

#include "space-index.h"

struct space_cube *space_cube_any(struct space_pool *p)
{
	return space_pool_alloc(p, sizeof(struct space_cube));
}

/* c with that set instead of its own; NULL if it is empty. */
static const struct space_cube *put(struct space_pool *p,
				    const struct space_cube *c,
				    enum space_field f,
				    const struct space_vset *s)
{
	struct space_cube *new;

	if (s && s->n == 0)
		return NULL;
	if (s == c->f[f])
		return c;
	new = space_cube_any(p);
	if (!new)
		return NULL;
	*new = *c;
	new->f[f] = s;
	return new;
}

const struct space_cube *space_cube_with(struct space_pool *p,
					 const struct space_cube *c,
					 enum space_field f,
					 const struct space_vset *s)
{
	return put(p, c, f, space_vset_and(p, c->f[f], s));
}

static int apart(const struct space_vset *a, const struct space_vset *b)
{
	return !a->n || !b->n || a->r[0].lo > b->r[b->n - 1].hi ||
	       b->r[0].lo > a->r[a->n - 1].hi;
}

static int disjoint(const struct space_cube *a, const struct space_cube *b)
{
	/* Bounds first: they tell most pairs apart. */
	for (int f = 0; f < SPACE_FIELDS; f++)
		if (a->f[f] && b->f[f] && a->f[f] != b->f[f] &&
		    apart(a->f[f], b->f[f]))
			return 1;
	for (int f = 0; f < SPACE_FIELDS; f++)
		if (a->f[f] && b->f[f] && a->f[f] != b->f[f] &&
		    !space_vset_meet(a->f[f], b->f[f]))
			return 1;
	return 0;
}

const struct space_cube *space_cube_and(struct space_pool *p,
					const struct space_cube *a,
					const struct space_cube *b)
{
	const struct space_vset *both[SPACE_FIELDS];
	struct space_cube *new;

	/* Most pairs have nothing in common: see that before memory is used. */
	if (disjoint(a, b))
		return NULL;
	for (int f = 0; f < SPACE_FIELDS; f++)
		both[f] = space_vset_and(p, a->f[f], b->f[f]);
	new = space_cube_any(p);
	if (new)
		memcpy(new->f, both, sizeof(both));
	return new;
}

void space_add(struct space_pool *p, struct space *s, const struct space_cube *c)
{
	size_t cap = s->cap ? 2 * s->cap : 8;
	const struct space_cube **new;

	if (!c)
		return;
	if (s->n == s->cap) {
		new = space_pool_alloc(p, cap * sizeof(*new));
		if (!new)
			return;
		if (s->n)
			memcpy(new, s->cubes, s->n * sizeof(*new));
		s->cubes = new;
		s->cap = cap;
	}
	s->cubes[s->n++] = c;
}

void space_add_all(struct space_pool *p, struct space *s, const struct space *from)
{
	for (size_t i = 0; i < from->n; i++)
		space_add(p, s, from->cubes[i]);
}

struct space space_any(struct space_pool *p)
{
	struct space s = SPACE_EMPTY;

	space_add(p, &s, space_cube_any(p));
	return s;
}

struct space space_and(struct space_pool *p, const struct space *a,
		       const struct space *b)
{
	struct space s = SPACE_EMPTY;
	struct space_index x;

	space_index_init(&x, p, b);
	for (size_t i = 0; i < a->n; i++) {
		const struct space_cube *const *near;
		size_t n = space_index_near(&x, a->cubes[i], &near);

		for (size_t j = 0; j < n; j++)
			space_add(p, &s, space_cube_and(p, a->cubes[i], near[j]));
	}
	return s;
}

/* a without b as far as fields from..to-1 tell, in pieces that are added to
 * out; returns what agrees with b in those fields, or NULL. */
static const struct space_cube *cut(struct space_pool *p,
				    const struct space_cube *a,
				    const struct space_cube *b, int from,
				    int to, struct space *out)
{
	for (int f = from; f < to && a; f++) {
		if (!b->f[f] || b->f[f] == a->f[f])
			continue;
		space_add(p, out,
			  put(p, a, f, space_vset_minus(p, f, a->f[f], b->f[f])));
		a = space_cube_with(p, a, f, b->f[f]);
	}
	return a;
}

/* Takes b out of s, whose array is nobody else's. */
static void carve(struct space_pool *p, struct space *s,
		  const struct space_cube *b)
{
	size_t n = s->n, kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct space_cube *c = s->cubes[i];

		if (disjoint(c, b))
			continue;
		/* Its pieces go behind the others, and have nothing of b. */
		s->cubes[i] = NULL;
		cut(p, c, b, 0, SPACE_FIELDS, s);
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->cubes[i])
			s->cubes[kept++] = s->cubes[i];
	s->n = kept;
}

/* The first field that not all of them constrain alike. */
static int first_unlike(const struct space_cube *const *b, size_t n)
{
	int f;

	for (f = 0; f < SPACE_FIELDS; f++)
		for (size_t i = 1; i < n; i++)
			if (b[i]->f[f] != b[0]->f[f])
				return f;
	return f;
}

/* The elements of a large set share no value of one field: that field is cut
 * once for all of them, instead of once for each. The pieces, and their order,
 * are those of carve. 0: these are no such cubes. */
static int sweep(struct space_pool *p, const struct space_cube *c,
		 const struct space_cube *const *b, size_t n, struct space *out)
{
	int f = first_unlike(b, n);
	const struct space_vset **sets, *all;

	sets = f < SPACE_FIELDS ? space_pool_alloc(p, n * sizeof(*sets)) : NULL;
	if (!sets)
		return 0;
	for (size_t i = 0; i < n; i++) {
		sets[i] = b[i]->f[f];
		if (!sets[i])
			return 0;
	}
	all = space_vset_sum(p, sets, n);
	if (!all)
		return 0;
	c = cut(p, c, b[0], 0, f, out);
	for (size_t i = 0; i < n && c; i++) {
		const struct space_cube *one;

		if (i == n - 1)
			space_add(p, out,
				  put(p, c, f,
				      space_vset_minus(p, f, c->f[f], all)));
		one = space_cube_with(p, c, f, sets[i]);
		cut(p, one, b[i], f + 1, SPACE_FIELDS, out);
	}
	return 1;
}

struct space space_minus(struct space_pool *p, const struct space *a,
			 const struct space *b)
{
	const struct space_cube **hit;
	struct space s = SPACE_EMPTY;
	struct space_index x;

	space_index_init(&x, p, b);
	hit = space_pool_alloc(p, b->n * sizeof(*hit));
	for (size_t i = 0; hit && i < a->n; i++) {
		const struct space_cube *c = a->cubes[i];
		const struct space_cube *const *near;
		struct space left = SPACE_EMPTY;
		size_t n = 0, n_near = space_index_near(&x, c, &near);

		for (size_t j = 0; j < n_near; j++)
			if (!disjoint(c, near[j]))
				hit[n++] = near[j];
		if (n > 1 && sweep(p, c, hit, n, &s))
			continue;
		space_add(p, &left, c);
		for (size_t j = 0; j < n && left.n; j++)
			carve(p, &left, hit[j]);
		space_add_all(p, &s, &left);
	}
	return s;
}

struct space space_only(struct space_pool *p, const struct space *a,
			enum space_field f, const struct space_vset *v)
{
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < a->n; i++)
		space_add(p, &s, space_cube_with(p, a->cubes[i], f, v));
	return s;
}

struct space space_assign(struct space_pool *p, const struct space *a,
			  enum space_field f, const struct space_vset *v)
{
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < a->n; i++) {
		struct space_cube *c = space_cube_any(p);

		if (!c)
			break;
		*c = *a->cubes[i];
		c->f[f] = v;
		space_add(p, &s, c);
	}
	return s;
}

struct space space_of_point(struct space_pool *p, const struct space_point *x)
{
	struct space_cube *c = space_cube_any(p);
	struct space s = SPACE_EMPTY;

	for (int f = 0; c && f < SPACE_FIELDS; f++)
		c->f[f] = space_vset_one(p, x->v[f], x->v[f]);
	space_add(p, &s, c);
	return s;
}

static int cube_has(const struct space_cube *c, const struct space_point *x)
{
	for (int f = 0; f < SPACE_FIELDS; f++)
		if (c->f[f] && !space_vset_has(c->f[f], x->v[f]))
			return 0;
	return 1;
}

int space_has(const struct space *s, const struct space_point *x)
{
	for (size_t i = 0; i < s->n; i++)
		if (cube_has(s->cubes[i], x))
			return 1;
	return 0;
}

/* In how many fields a packet of the cube may be as x is. */
static int likeness(const struct space_cube *c, const struct space_point *x)
{
	int n = 0;

	for (int f = 0; f < SPACE_FIELDS; f++)
		n += !c->f[f] || space_vset_has(c->f[f], x->v[f]);
	return n;
}

int space_sample(const struct space *s, const struct space_point *like,
		 struct space_point *out)
{
	static const struct space_point lowest = { { 0 } };
	const struct space_cube *c = s->n ? s->cubes[0] : NULL;

	if (!c)
		return -ENOENT;
	if (!like)
		like = &lowest;
	for (size_t i = 1; i < s->n; i++)
		if (likeness(s->cubes[i], like) > likeness(c, like))
			c = s->cubes[i];
	for (int f = 0; f < SPACE_FIELDS; f++)
		out->v[f] = !c->f[f] || space_vset_has(c->f[f], like->v[f])
				    ? like->v[f]
				    : c->f[f]->r[0].lo;
	return 0;
}
