/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mersenne - is 2^p - 1 prime?
 *
 * Numbers are arrays of 64-bit limbs, the least significant first.
 */
#ifndef MERSENNE_H
#define MERSENNE_H

#include <stddef.h>
#include <stdint.h>

#define MERSENNE_P_MAX 1000000U

/* Returns 1 if p is a prime number. */
int mersenne_is_prime(uint32_t p);

/* A factor 2kp+1 of 2^p - 1 for a prime p, found by a short search; 0: none
 * was found. */
uint32_t mersenne_small_factor(uint32_t p);

/* The Lucas-Lehmer test for a prime p <= MERSENNE_P_MAX: 1 if 2^p - 1 is
 * prime, 0 if not, -ENOMEM. */
int mersenne_lucas_lehmer(uint32_t p);

/* r[0..2n) = a[0..n)^2. scratch holds mersenne_scratch(n) limbs. */
void mersenne_square(uint64_t *r, const uint64_t *a, size_t n, uint64_t *scratch);
size_t mersenne_scratch(size_t n);

#endif
