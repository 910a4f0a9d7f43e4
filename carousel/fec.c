/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The erasure code: parity r = sum over j of data j / (r ^ j) in GF(2^8). Every
 * square part of that (Cauchy) matrix can be inverted, so any k symbols do.
 *
 * Decoding takes what is known out of as many parity symbols as are missing, and
 * inverts only the part between these: 8 by 8, where the block is 192 by 192.
 */
#include <errno.h>
#include <string.h>

#include <isa-l/erasure_code.h>

#include "private.h"

#define ROWS 8u /* parity symbols at once: a table of 48 KiB */

static uint8_t coefficient(unsigned int row, unsigned int column)
{
	return gf_inv((unsigned char)(row ^ column));
}

void carousel_fec_encode(const uint8_t *data, unsigned int k,
			 unsigned int first, unsigned int n, uint8_t *out)
{
	uint8_t rows[ROWS * CAROUSEL_K], tables[32 * ROWS * CAROUSEL_K];
	uint8_t *from[CAROUSEL_K], *to[ROWS];

	for (unsigned int j = 0; j < k; j++)
		from[j] = (uint8_t *)data + (size_t)j * CAROUSEL_SYMBOL;
	while (n) {
		unsigned int m = n < ROWS ? n : ROWS;

		for (unsigned int i = 0; i < m; i++) {
			for (unsigned int j = 0; j < k; j++)
				rows[i * k + j] = coefficient(first + i, j);
			to[i] = out + (size_t)i * CAROUSEL_SYMBOL;
		}
		ec_init_tables((int)k, (int)m, rows, tables);
		ec_encode_data(CAROUSEL_SYMBOL, (int)k, (int)m, tables, from, to);
		out += (size_t)m * CAROUSEL_SYMBOL;
		first += m;
		n -= m;
	}
}

/* to[0..n) = rows (n by k) times from[0..k), some rows at a time. */
static void multiply(const uint8_t *rows, unsigned int n, uint8_t **from,
		     unsigned int k, uint8_t **to)
{
	uint8_t tables[32 * ROWS * CAROUSEL_K];

	for (unsigned int i = 0, m; i < n; i += m) {
		m = n - i < ROWS ? n - i : ROWS;
		ec_init_tables((int)k, (int)m, (unsigned char *)rows + i * k,
			       tables);
		ec_encode_data(CAROUSEL_SYMBOL, (int)k, (int)m, tables, from,
			       to + i);
	}
}

/* What each parity symbol holds of the known data, taken from it: what it holds
 * of the missing remains. */
static void remainders(uint8_t *data, unsigned int k, const uint8_t *is_lost,
		       const uint8_t *symbol, uint8_t *const *parity,
		       unsigned int n, uint8_t **out)
{
	uint8_t rows[CAROUSEL_PARITY * CAROUSEL_K];
	uint8_t *known[CAROUSEL_K];
	unsigned int m = 0, at = 0;

	for (unsigned int j = 0; j < k; j++)
		if (!is_lost[j])
			known[m++] = data + (size_t)j * CAROUSEL_SYMBOL;
	for (unsigned int p = 0; p < n; p++)
		for (unsigned int j = 0; j < k; j++)
			if (!is_lost[j])
				rows[at++] = coefficient(symbol[p], j);
	if (m)
		multiply(rows, n, known, m, out);
	for (unsigned int p = 0; p < n; p++)
		for (unsigned int i = 0; i < CAROUSEL_SYMBOL; i++)
			out[p][i] = parity[p][i] ^ (m ? out[p][i] : 0);
}

int carousel_fec_decode(uint8_t *data, unsigned int k, const uint8_t *missing,
			const uint8_t *symbol, uint8_t *const *parity,
			unsigned int n)
{
	uint8_t square[CAROUSEL_PARITY * CAROUSEL_PARITY];
	uint8_t inverse[CAROUSEL_PARITY * CAROUSEL_PARITY];
	uint8_t is_lost[CAROUSEL_K] = { 0 };
	uint8_t rest[CAROUSEL_PARITY][CAROUSEL_SYMBOL];
	uint8_t *from[CAROUSEL_PARITY], *to[CAROUSEL_PARITY];

	if (n > CAROUSEL_PARITY)
		return -EINVAL;
	if (!n)
		return 0;
	for (unsigned int p = 0; p < n; p++) {
		for (unsigned int i = 0; i < n; i++)
			square[p * n + i] = coefficient(symbol[p], missing[i]);
		is_lost[missing[p]] = 1;
		from[p] = rest[p];
		to[p] = data + (size_t)missing[p] * CAROUSEL_SYMBOL;
	}
	if (gf_invert_matrix(square, inverse, (int)n))
		return -EBADMSG;
	remainders(data, k, is_lost, symbol, parity, n, from);
	multiply(inverse, n, from, n, to);
	return 0;
}
