/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces against what they are: sets of points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "space.h"

/* Points that are looked at: fields less than these, the rest 0. */
#define SADDRS 40
#define DPORTS 16
#define PROTOS 16

static unsigned int seed = 1;

static unsigned int dice(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static struct space random_space(struct space_pool *p)
{
	static const enum space_field some[] = { SPACE_SADDR, SPACE_DPORT,
						 SPACE_PROTO };
	struct space s = SPACE_EMPTY;

	for (unsigned int n = dice(4); n; n--) {
		struct space_cube *c = space_cube_any(p);

		for (size_t f = 0; f < ARRAY_SIZE(some); f++) {
			struct space_range r[3];
			unsigned int k = dice(4);

			if (k == 3)
				continue;
			for (unsigned int i = 0; i <= k; i++) {
				r[i].lo = dice(12);
				r[i].hi = r[i].lo + dice(4);
			}
			c->f[some[f]] = space_vset_of(p, r, k + 1);
		}
		space_add(p, &s, c);
	}
	return s;
}

/* As a set in the kernel: pairs, of a field's values one each; sometimes one
 * of them twice. */
static struct space random_pairs(struct space_pool *p)
{
	const struct space_vset *proto = space_vset_one(p, 3, 3 + dice(9));
	unsigned int first = dice(4), step = 1 + dice(2);
	struct space s = SPACE_EMPTY;

	for (unsigned int v = first; v < SADDRS; v += step) {
		struct space_cube *c = space_cube_any(p);
		unsigned int port = dice(DPORTS);
		unsigned int saddr = dice(60) ? v : first;

		c->f[SPACE_SADDR] = space_vset_one(p, saddr, saddr);
		c->f[SPACE_DPORT] = space_vset_one(p, port, port);
		c->f[SPACE_ETYPE] = proto;
		c->f[SPACE_PROTO] = proto;
		space_add(p, &s, c);
	}
	return s;
}

static void check_points(const struct space *a, const struct space *b,
			 const struct space *both, const struct space *less,
			 int first)
{
	struct space_point x = { 0 };

	x.v[SPACE_ETYPE] = 3;
	for (int i = first; i < SADDRS * DPORTS * PROTOS; i += 7) {
		x.v[SPACE_SADDR] = i % SADDRS;
		x.v[SPACE_DPORT] = i / SADDRS % DPORTS;
		x.v[SPACE_PROTO] = i / (SADDRS * DPORTS);
		assert_int_equal(space_has(both, &x),
				 space_has(a, &x) && space_has(b, &x));
		assert_int_equal(space_has(less, &x),
				 space_has(a, &x) && !space_has(b, &x));
	}
	if (space_sample(less, NULL, &x) == 0)
		assert_true(space_has(less, &x));
}

static void test_spaces_are_sets(void **state)
{
	static struct space (*const make[])(struct space_pool *
					    p) = { random_space, random_pairs };

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct space_pool *p = space_pool_new();
		struct space a = make[round & 1](p), b = make[round >> 1 & 1](p);
		struct space both = space_and(p, &a, &b);
		struct space less = space_minus(p, &a, &b);
		struct space again, none;

		check_points(&a, &b, &both, &less, round % 7);
		/* Once more, with what is left: long lists of ranges. */
		again = space_minus(p, &less, &a);
		assert_int_equal(again.n, 0);
		again = space_any(p);
		again = space_minus(p, &again, &b);
		none = space_and(p, &again, &b);
		assert_int_equal(none.n, 0);
		none = space_minus(p, &less, &again);
		assert_int_equal(none.n, 0);
		assert_int_equal(space_pool_failed(p), 0);
		space_pool_free(p);
	}
}

/* What is in a set, of the first so many values, as bits. */
static uint64_t bits(const struct space_vset *s)
{
	uint64_t n = 0;

	for (unsigned int v = 0; v < 64; v++)
		n |= (uint64_t)(!s || space_vset_has(s, v)) << v;
	return n;
}

static const struct space_vset *random_vset(struct space_pool *p)
{
	struct space_range r[16];
	unsigned int n = dice(ARRAY_SIZE(r) + 2);

	if (n > ARRAY_SIZE(r))
		return NULL;
	for (unsigned int i = 0; i < n; i++) {
		r[i].lo = dice(63);
		r[i].hi = r[i].lo + dice(dice(2) ? 2 : 9);
	}
	return space_vset_of(p, r, n);
}

static void test_sets_of_values(void **state)
{
	struct space_pool *p = space_pool_new();

	(void)state;
	for (int round = 0; round < 5000; round++) {
		const struct space_vset *v[] = { random_vset(p), random_vset(p) };
		uint64_t a = bits(v[0]), b = bits(v[1]);
		const struct space_vset *sum;

		/* Twice: what is remembered is the same. */
		for (int i = 0; i < 2; i++) {
			assert_true(bits(space_vset_and(p, v[0], v[1])) ==
				    (a & b));
			assert_true(bits(space_vset_minus(p, SPACE_DPORT, v[0],
							  v[1])) == (a & ~b));
		}
		if (!v[0] || !v[1])
			continue;
		assert_true(bits(space_vset_not(p, SPACE_DPORT, v[0])) == ~a);
		assert_int_equal(space_vset_meet(v[0], v[1]) != 0,
				 space_vset_and(p, v[0], v[1])->n != 0);
		sum = space_vset_sum(p, v, 2);
		if (v[0]->n || v[1]->n)
			assert_int_equal(sum == NULL,
					 space_vset_meet(v[0], v[1]));
		if (sum)
			assert_true(bits(sum) == (a | b));
	}
	assert_int_equal(space_pool_failed(p), 0);
	space_pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_of_values),
		cmocka_unit_test(test_spaces_are_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
