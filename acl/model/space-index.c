/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "space-index.h"

#define SMALL  16 /* cubes: no index pays */
#define SAMPLE 64

static const struct space_vset *values(const struct space_index *x, size_t cube)
{
	return x->s->cubes[cube]->f[x->field];
}

static int has_one(const struct space_vset *v)
{
	return v && v->n == 1 && v->r[0].lo == v->r[0].hi;
}

/* How many values a sample of the cubes has in that field. */
static size_t variety(const struct space *s, int f)
{
	space_value seen[SAMPLE];
	size_t n = 0, k;

	for (size_t i = 0; i < s->n; i += s->n / SAMPLE + 1) {
		if (!has_one(s->cubes[i]->f[f]))
			continue;
		seen[n] = s->cubes[i]->f[f]->r[0].lo;
		for (k = 0; seen[k] != seen[n]; k++)
			;
		n += k == n;
	}
	return n;
}

static int by_value(const void *a, const void *b, void *arg)
{
	const struct space_index *x = arg;
	const struct space_vset *v = values(x, *(const size_t *)a);
	const struct space_vset *w = values(x, *(const size_t *)b);

	return (v->r[0].lo > w->r[0].lo) - (v->r[0].lo < w->r[0].lo);
}

static int by_number(const void *a, const void *b)
{
	const size_t *i = a, *j = b;

	return (*i > *j) - (*i < *j);
}

void space_index_init(struct space_index *x, struct space_pool *p,
		      const struct space *s)
{
	size_t best = 0, others = s->n;

	*x = (struct space_index){ .s = s };
	if (s->n <= SMALL)
		return;
	for (int f = 0; f < SPACE_FIELDS; f++) {
		size_t n = variety(s, f);

		if (n > best) {
			best = n;
			x->field = f;
		}
	}
	x->order = space_pool_alloc(p, s->n * sizeof(*x->order));
	x->found = space_pool_alloc(p, s->n * sizeof(*x->found));
	x->near = space_pool_alloc(p, s->n * sizeof(*x->near));
	if (!x->order || !x->found || !x->near)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (has_one(values(x, i)))
			x->order[x->n_values++] = i;
		else
			x->order[--others] = i;
	}
	qsort_r(x->order, x->n_values, sizeof(*x->order), by_value, x);
}

/* Where in the order values of v or above begin. */
static size_t first_at(const struct space_index *x, space_value v)
{
	size_t lo = 0, hi = x->n_values;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (values(x, x->order[mid])->r[0].lo < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t space_index_near(struct space_index *x, const struct space_cube *c,
			const struct space_cube *const **near_out)
{
	const struct space_vset *v = c->f[x->field];
	size_t n = 0;

	*near_out = x->s->cubes;
	if (!x->near || !v)
		return x->s->n;
	for (size_t i = 0; i < v->n; i++)
		for (size_t k = first_at(x, v->r[i].lo);
		     k < x->n_values &&
		     values(x, x->order[k])->r[0].lo <= v->r[i].hi;
		     k++)
			x->found[n++] = x->order[k];
	for (size_t k = x->n_values; k < x->s->n; k++)
		x->found[n++] = x->order[k];
	qsort(x->found, n, sizeof(*x->found), by_number);
	for (size_t i = 0; i < n; i++)
		x->near[i] = x->s->cubes[x->found[i]];
	*near_out = x->near;
	return n;
}
