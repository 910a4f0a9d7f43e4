/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Squares of long numbers: by the school's method with each product of two
 * different limbs taken once, by Karatsuba's where that is less work.
 */
#include <string.h>

#include "mersenne.h"

/* Limbs from which splitting pays (measured on x86-64; flat around it). */
#define SPLIT_MIN 48

typedef unsigned __int128 wide;

/* r[0..n) += a[0..n) * f; returns the carry. */
static uint64_t add_product(uint64_t *r, const uint64_t *a, size_t n, uint64_t f)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < n; i++) {
		wide t = (wide)a[i] * f + r[i] + carry;

		r[i] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
	return carry;
}

static void square_school(uint64_t *r, const uint64_t *a, size_t n)
{
	uint64_t carry = 0, top = 0;

	/* products of different limbs, once each */
	memset(r, 0, 2 * n * sizeof(*r));
	for (size_t i = 0; i + 1 < n; i++)
		r[n + i] = add_product(r + 2 * i + 1, a + i + 1, n - i - 1, a[i]);
	/* twice those, and the squares on the diagonal */
	for (size_t i = 0; i < n; i++) {
		uint64_t lo = r[2 * i], hi = r[2 * i + 1];
		wide sq = (wide)a[i] * a[i];
		wide t;

		t = (wide)(lo << 1 | top) + (uint64_t)sq + carry;
		r[2 * i] = (uint64_t)t;
		t = (wide)(hi << 1 | lo >> 63) + (uint64_t)(sq >> 64) +
		    (uint64_t)(t >> 64);
		r[2 * i + 1] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
		top = hi >> 63;
	}
}

/* r[0..n) += a[0..m), m <= n; the sum fits. */
static void add(uint64_t *r, size_t n, const uint64_t *a, size_t m)
{
	unsigned int carry = 0;

	for (size_t i = 0; i < n && (i < m || carry); i++) {
		wide t = (wide)r[i] + (i < m ? a[i] : 0) + carry;

		r[i] = (uint64_t)t;
		carry = (unsigned int)(t >> 64);
	}
}

/* r[0..n) -= a[0..m), m <= n; the difference is not negative. */
static void sub(uint64_t *r, size_t n, const uint64_t *a, size_t m)
{
	unsigned int borrow = 0;

	for (size_t i = 0; i < n && (i < m || borrow); i++) {
		wide t = (wide)r[i] - (i < m ? a[i] : 0) - borrow;

		r[i] = (uint64_t)t;
		borrow = (unsigned int)(t >> 64) & 1;
	}
}

/* d[0..h) = |lo[0..h) - hi[0..m)|, m <= h */
static void difference(uint64_t *d, const uint64_t *lo, size_t h,
		       const uint64_t *hi, size_t m)
{
	size_t i = h;

	while (i > m && !lo[i - 1])
		i--;
	if (i == m)
		while (i && lo[i - 1] == hi[i - 1])
			i--;
	/* i is now behind the highest limb that differs */
	if (i > m || (i && lo[i - 1] > hi[i - 1])) {
		memcpy(d, lo, h * sizeof(*d));
		sub(d, h, hi, m);
	} else {
		memset(d, 0, h * sizeof(*d));
		memcpy(d, hi, m * sizeof(*d));
		sub(d, h, lo, m);
	}
}

size_t mersenne_scratch(size_t n)
{
	size_t limbs = 0;

	/* |lo - hi|, its square, and lo^2 + hi^2 on each level */
	for (; n >= SPLIT_MIN; n = (n + 1) / 2)
		limbs += 5 * ((n + 1) / 2) + 1;
	return limbs;
}

/*
 * a = hi B + lo: a^2 = hi^2 B^2 + (hi^2 + lo^2 - (lo - hi)^2) B + lo^2,
 * three squares of half the length instead of four products.
 */
void mersenne_square(uint64_t *r, const uint64_t *a, size_t n, uint64_t *scratch)
{
	size_t h = (n + 1) / 2, m = n - h;
	uint64_t *d = scratch, *dd = d + h, *mid = dd + 2 * h;
	uint64_t *rest = mid + 2 * h + 1;

	if (n < SPLIT_MIN) {
		square_school(r, a, n);
		return;
	}
	difference(d, a, h, a + h, m);
	mersenne_square(r, a, h, rest);
	mersenne_square(r + 2 * h, a + h, m, rest);
	mersenne_square(dd, d, h, rest);
	memcpy(mid, r, 2 * h * sizeof(*mid));
	mid[2 * h] = 0;
	add(mid, 2 * h + 1, r + 2 * h, 2 * m);
	sub(mid, 2 * h + 1, dd, 2 * h);
	/* mid = 2 lo hi has h + m limbs and a bit; what is above is zero */
	add(r + h, 2 * n - h, mid, 2 * h + 1 < 2 * n - h ? 2 * h + 1 : 2 * n - h);
}
