/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Lucas-Lehmer test: for an odd prime p, M = 2^p - 1 is prime if and only
 * if s(p-2) = 0 mod M, where s(0) = 4 and s(i+1) = s(i)^2 - 2.
 * (D. H. Lehmer, An extended theory of Lucas' functions, Annals of
 * Mathematics 31, 1930.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mersenne.h"

/* Candidates for a small factor are tried as long as that costs little beside
 * the test itself, which takes p squarings of p/64 limbs. */
#define SEARCH_SHARE 8
#define SEARCH_P_MIN 64 /* below, 2kp+1 may be 2^p - 1 itself */

int mersenne_is_prime(uint32_t p)
{
	if (p < 4)
		return p >= 2;
	if (p % 2 == 0 || p % 3 == 0)
		return 0;
	for (uint32_t d = 5; (uint64_t)d * d <= p; d += 6)
		if (p % d == 0 || p % (d + 2) == 0)
			return 0;
	return 1;
}

/* 2^p mod q */
static uint32_t power_of_2(uint32_t p, uint32_t q)
{
	uint64_t r = 1;

	for (int bit = 31 - __builtin_clz(p); bit >= 0; bit--) {
		r = r * r % q;
		if (p >> bit & 1)
			r = r * 2 % q;
	}
	return (uint32_t)r;
}

/* All factors are of the form 2kp+1, and 1 or 7 modulo 8. */
uint32_t mersenne_small_factor(uint32_t p)
{
	if (p < SEARCH_P_MIN)
		return 0;
	for (uint64_t k = 1; k <= p / SEARCH_SHARE; k++) {
		uint64_t q = 2 * k * p + 1;

		if (q > UINT32_MAX)
			break;
		if ((q % 8 == 1 || q % 8 == 7) && q % 3 && q % 5 && q % 7 &&
		    power_of_2(p, (uint32_t)q) == 1)
			return (uint32_t)q;
	}
	return 0;
}

struct residue {
	uint32_t p;
	size_t n;         /* limbs */
	uint64_t top;     /* mask of the highest limb */
	uint64_t *s;      /* n limbs: 0 <= s <= M; both ends mean 0 */
	uint64_t *square; /* 2n limbs */
	uint64_t *scratch;
};

/* s = square mod M: 2^p = 1, so the upper p bits are added to the lower. */
static void fold(struct residue *x)
{
	const unsigned int shift = x->p % 64;
	const uint64_t *hi = x->square + x->p / 64;
	unsigned __int128 t = 0;
	uint64_t carry;

	for (size_t i = 0; i < x->n; i++) {
		/* the square has 2p bits: 2n limbs reach far enough */
		uint64_t above = i + 1 < 2 * x->n - x->p / 64 ? hi[i + 1] : 0;
		uint64_t h = hi[i] >> shift | above << (64 - shift);
		uint64_t l = x->square[i];

		if (i == x->n - 1) {
			h &= x->top;
			l &= x->top;
		}
		t += (unsigned __int128)l + h;
		x->s[i] = (uint64_t)t;
		t >>= 64;
	}
	/* What went over bit p goes round to bit 0; at most once. */
	carry = x->s[x->n - 1] >> shift;
	x->s[x->n - 1] &= x->top;
	for (size_t i = 0; carry && i < x->n; i++)
		carry = !(x->s[i] += carry);
}

/* s = s - 2 mod M */
static void take_2(struct residue *x)
{
	uint64_t borrow = 2;

	for (size_t i = 0; borrow && i < x->n; i++) {
		uint64_t was = x->s[i];

		x->s[i] -= borrow;
		borrow = was < borrow;
	}
	if (!borrow)
		return;
	/* Below zero, by one or two: 2^64n - 1 less is M less. */
	x->s[x->n - 1] &= x->top;
	for (size_t i = 0; borrow && i < x->n; i++) {
		uint64_t was = x->s[i];

		x->s[i] -= borrow;
		borrow = was < borrow;
	}
}

static int is_zero(const struct residue *x)
{
	uint64_t all = x->s[0], any = 0;

	for (size_t i = 0; i < x->n; i++) {
		uint64_t v = x->s[i];

		any |= v;
		if (i == x->n - 1)
			v |= ~x->top;
		all &= v;
	}
	return !any || all == ~0ULL;
}

int mersenne_lucas_lehmer(uint32_t p)
{
	struct residue x = { .p = p, .n = (p + 63) / 64 };
	size_t limbs = 3 * x.n + mersenne_scratch(x.n);
	int prime;

	if (p == 2)
		return 1;
	x.top = ~0ULL >> (64 - p % 64);
	x.s = calloc(limbs, sizeof(*x.s));
	if (!x.s)
		return -ENOMEM;
	x.square = x.s + x.n;
	x.scratch = x.square + 2 * x.n;
	x.s[0] = 4;
	for (uint32_t i = 0; i < p - 2; i++) {
		mersenne_square(x.square, x.s, x.n, x.scratch);
		fold(&x);
		take_2(&x);
	}
	prime = is_zero(&x);
	free(x.s);
	return prime;
}
