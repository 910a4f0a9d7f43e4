/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic against a slow second way, the test against what is known:
 * the Mersenne exponents, OEIS A000043, and factors of Mersenne numbers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mersenne.h"

#define LEN 200

/* OEIS A000043 up to 4423: all of them, so that all others must fail. */
static const uint32_t exponents[] = { 2,    3,    5,    7,    13,   17,  19,
				      31,   61,   89,   107,  127,  521, 607,
				      1279, 2203, 2281, 3217, 4253, 4423 };
#define BOUND 2300 /* of the complete check */

static int failures;

#define CHECK(cond, ...)                                       \
	do {                                                   \
		if (!(cond)) {                                 \
			failures++;                            \
			printf("%s:%d: ", __FILE__, __LINE__); \
			printf(__VA_ARGS__);                   \
			putchar('\n');                         \
		}                                              \
	} while (0)

static uint64_t state = 88172645463325252ULL;

/* Marsaglia's xorshift64, with runs of zeros and ones: carries live there. */
static uint64_t random_limb(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	if (state % 5 == 0)
		return 0;
	return state % 5 == 1 ? ~0ULL : state;
}

static void square_slowly(uint64_t *r, const uint64_t *a, size_t n)
{
	memset(r, 0, 2 * n * sizeof(*r));
	for (size_t i = 0; i < n; i++) {
		uint64_t carry = 0;

		for (size_t k = 0; k < n; k++) {
			unsigned __int128 t = (unsigned __int128)a[i] * a[k] +
					      r[i + k] + carry;

			r[i + k] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		r[i + n] = carry;
	}
}

static void check_squares(void)
{
	static uint64_t a[LEN], fast[2 * LEN + 1], slow[2 * LEN];
	uint64_t *scratch = calloc(mersenne_scratch(LEN) + 1, sizeof(*scratch));

	for (size_t n = 1; n <= LEN; n++) {
		for (int round = 0; round < 20; round++) {
			for (size_t i = 0; i < n; i++)
				a[i] = round ? random_limb() : ~0ULL;
			fast[2 * n] = 42;
			scratch[mersenne_scratch(n)] = 43;
			mersenne_square(fast, a, n, scratch);
			square_slowly(slow, a, n);
			CHECK(!memcmp(fast, slow, 2 * n * sizeof(*slow)),
			      "square of %zu limbs", n);
			CHECK(fast[2 * n] == 42, "%zu limbs: overrun", n);
			CHECK(scratch[mersenne_scratch(n)] == 43,
			      "%zu limbs: scratch overrun", n);
		}
	}
	free(scratch);
}

static void check_primes(void)
{
	unsigned int n = 0;

	for (uint32_t p = 0; p < 10000; p++)
		n += (unsigned int)mersenne_is_prime(p);
	CHECK(n == 1229, "%u primes below 10,000", n);
	CHECK(!mersenne_is_prime(0) && !mersenne_is_prime(1), "0 and 1");
	CHECK(mersenne_is_prime(999983), "999983 is prime");
	CHECK(!mersenne_is_prime(997 * 997), "997 * 997 is not");
}

static int is_known(uint32_t p)
{
	for (size_t i = 0; i < sizeof(exponents) / sizeof(*exponents); i++)
		if (exponents[i] == p)
			return 1;
	return 0;
}

static void check_exponents(void)
{
	for (uint32_t p = 2; p < BOUND; p++)
		if (mersenne_is_prime(p))
			CHECK(mersenne_lucas_lehmer(p) == is_known(p), "M%u", p);
}

static void check_large(void)
{
	static const struct {
		uint32_t p;
		int prime;
	} cases[] = {
		{ 3217, 1 }, { 3221, 0 }, { 4253, 1 }, { 4423, 1 },
		{ 4441, 0 }, { 6143, 0 }, { 9689, 1 }, { 9941, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(mersenne_lucas_lehmer(cases[i].p) == cases[i].prime,
		      "M%u", cases[i].p);
}

static void check_factors(void)
{
	/* 2^1061 - 1 has no small factor; these have (all well known:
	 * Euler's 2^83 - 1, and 2kp+1 for the others). */
	static const struct {
		uint32_t p, factor;
	} cases[] = {
		{ 83, 167 }, { 131, 263 }, { 179, 359 }, { 239, 479 },
		{ 1061, 0 }, { 61, 0 },    { 127, 0 },   { 19937, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(mersenne_small_factor(cases[i].p) == cases[i].factor,
		      "factor of M%u: %u", cases[i].p,
		      mersenne_small_factor(cases[i].p));
	for (size_t i = 0; i < sizeof(exponents) / sizeof(*exponents); i++)
		CHECK(!mersenne_small_factor(exponents[i]), "M%u is prime",
		      exponents[i]);
}

int main(void)
{
	check_squares();
	check_primes();
	check_exponents();
	check_factors();
	check_large();
	if (!failures)
		puts("lucas-lehmer: ok");
	return failures != 0;
}
