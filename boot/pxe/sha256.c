/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, written after FIPS 180-4; the section numbers are its own. */

#include <string.h>

#include "sha256.h"

/* §4.2.2 */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t x)
{
	p[0] = x >> 24;
	p[1] = x >> 16;
	p[2] = x >> 8;
	p[3] = x;
}

/* §6.2.2, steps 2 and 3. */
static void one_round(uint32_t s[8], uint32_t kw)
{
	uint32_t sum1 = rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25);
	uint32_t ch = (s[4] & s[5]) ^ (~s[4] & s[6]);
	uint32_t t1 = s[7] + sum1 + ch + kw;
	uint32_t sum0 = rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22);
	uint32_t maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);

	s[7] = s[6];
	s[6] = s[5];
	s[5] = s[4];
	s[4] = s[3] + t1;
	s[3] = s[2];
	s[2] = s[1];
	s[1] = s[0];
	s[0] = t1 + sum0 + maj;
}

static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], s[8];
	unsigned int t;

	for (t = 0; t < 16; t++)
		w[t] = load_be32(block + 4 * t);
	for (; t < 64; t++) {
		uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^
			      w[t - 15] >> 3;
		uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^
			      w[t - 2] >> 10;

		w[t] = s1 + w[t - 7] + s0 + w[t - 16];
	}

	memcpy(s, state, sizeof(s));
	for (t = 0; t < 64; t++)
		one_round(s, k[t] + w[t]);
	for (t = 0; t < 8; t++)
		state[t] += s[t];
}

void sha256_init(struct sha256 *sha)
{
	/* §5.3.3 */
	static const uint32_t initial[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(sha->state, initial, sizeof(initial));
	sha->len = 0;
}

void sha256_update(struct sha256 *sha, const void *data, size_t len)
{
	size_t have = sha->len % SHA256_BLOCK;
	const uint8_t *p = data;

	sha->len += len;
	if (have > 0 && len >= SHA256_BLOCK - have) {
		memcpy(sha->block + have, p, SHA256_BLOCK - have);
		compress(sha->state, sha->block);
		p += SHA256_BLOCK - have;
		len -= SHA256_BLOCK - have;
		have = 0;
	}
	for (; have == 0 && len >= SHA256_BLOCK; len -= SHA256_BLOCK) {
		compress(sha->state, p);
		p += SHA256_BLOCK;
	}
	if (len > 0)
		memcpy(sha->block + have, p, len);
}

void sha256_final(struct sha256 *sha, uint8_t digest_out[SHA256_SIZE])
{
	static const uint8_t padding[SHA256_BLOCK] = { 0x80 };
	uint64_t bits = sha->len * 8;
	size_t have = sha->len % SHA256_BLOCK;
	uint8_t length[8];
	unsigned int i;

	store_be32(length, bits >> 32);
	store_be32(length + 4, bits);
	/* §5.1.1: one bit, then zeros until 8 bytes are left for the length. */
	sha256_update(sha, padding, (have < 56 ? 56 : SHA256_BLOCK + 56) - have);
	sha256_update(sha, length, sizeof(length));
	for (i = 0; i < 8; i++)
		store_be32(digest_out + 4 * i, sha->state[i]);
}
