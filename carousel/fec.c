/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The erasure code: parity r = sum over j of data j / (r ^ j) in GF(2^8). Every
 * square part of that (Cauchy) matrix can be inverted, so any k symbols do.
 *
 * Decoding inverts only the part between what is missing and the parity that
 * stands in for it: 8 by 8, where the block is 192 by 192.
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

/* One missing symbol from all that is there: row i of the inverse times
 * [what parity holds of the known data | parity]. */
static void recover(uint8_t *const *from, unsigned int k, const uint8_t *lost,
		    const uint8_t *symbol, const uint8_t *inverse,
		    unsigned int n, uint8_t *to)
{
	uint8_t row[CAROUSEL_K], tables[32 * CAROUSEL_K];

	for (unsigned int j = 0; j < k; j++) {
		row[j] = 0;
		if (lost[j] != CAROUSEL_NONE) {
			row[j] = inverse[lost[j]];
			continue;
		}
		for (unsigned int p = 0; p < n; p++)
			row[j] ^= gf_mul(inverse[p], coefficient(symbol[p], j));
	}
	ec_init_tables((int)k, 1, row, tables);
	ec_encode_data(CAROUSEL_SYMBOL, (int)k, 1, tables, (uint8_t **)from, &to);
}

int carousel_fec_decode(uint8_t *data, unsigned int k, const uint8_t *missing,
			const uint8_t *symbol, uint8_t *const *parity,
			unsigned int n)
{
	uint8_t square[CAROUSEL_PARITY * CAROUSEL_PARITY];
	uint8_t inverse[CAROUSEL_PARITY * CAROUSEL_PARITY];
	uint8_t lost[CAROUSEL_K]; /* which of the missing, or NONE */
	uint8_t *from[CAROUSEL_K];

	if (n > CAROUSEL_PARITY)
		return -EINVAL;
	memset(lost, CAROUSEL_NONE, sizeof(lost));
	for (unsigned int p = 0; p < n; p++) {
		for (unsigned int i = 0; i < n; i++)
			square[p * n + i] = coefficient(symbol[p], missing[i]);
		lost[missing[p]] = (uint8_t)p;
	}
	if (n && gf_invert_matrix(square, inverse, (int)n))
		return -EBADMSG;
	for (unsigned int j = 0; j < k; j++)
		from[j] = lost[j] == CAROUSEL_NONE
				  ? data + (size_t)j * CAROUSEL_SYMBOL
				  : parity[lost[j]];
	for (unsigned int i = 0; i < n; i++)
		recover(from, k, lost, symbol, inverse + i * n, n,
			data + (size_t)missing[i] * CAROUSEL_SYMBOL);
	return 0;
}
