/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - SHA-256 (FIPS 180-4) by OpenSSL, which uses the CPU's instructions.
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"

#define HASH_LEN 32
#define HASH_HEX 65 /* with the final NUL */

struct hash; /* a running hash */

struct hash *hash_new(void); /* NULL if out of memory */
void hash_update(struct hash *h, const void *data, size_t len);
void hash_final(struct hash *h, uint8_t out[HASH_LEN]); /* and starts anew */
void hash_free(struct hash *h);                         /* NULL is fine */

void hash_bytes(const void *data, size_t len, uint8_t out[HASH_LEN]);
void hash_bytes_hex(const void *data, size_t len, char out[HASH_HEX]);
/* From the descriptor's start, by pread; size of what was read in *size. */
int hash_fd(int fd, uint8_t out[HASH_LEN], uint64_t *size);
int hash_file_hex(const char *path, char out[HASH_HEX], uint64_t *size,
		  struct errinfo *err);
/* 64 lower-case hex digits and nothing else: returns 1. */
int hash_is_hex(const char *s);

#endif
