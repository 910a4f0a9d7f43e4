/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) for the EFI loader, which has no library to ask: the
 * firmware's hash protocol is optional and missing in most PCs.
 */
#ifndef BOOT_PXE_SHA256_H
#define BOOT_PXE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum {
	SHA256_SIZE = 32,
	SHA256_BLOCK = 64,
};

struct sha256 {
	uint32_t state[8];
	uint64_t len;                /* bytes taken so far */
	uint8_t block[SHA256_BLOCK]; /* the last, incomplete one */
};

void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *data, size_t len);

/* Writes the digest. @sha must be initialised anew before it is used again. */
void sha256_final(struct sha256 *sha, uint8_t digest_out[SHA256_SIZE]);

#endif
