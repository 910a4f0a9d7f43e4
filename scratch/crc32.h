/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCRATCH_CRC32_H
#define SCRATCH_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of ISO 3309 (reflected 0x04c11db7), as GPT uses it. Tables are of some
 * 16 KiB: bit by bit is fast enough. */
static inline uint32_t scratch_crc32(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t c = ~0u;

	while (len--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (0xedb88320u & -(c & 1));
	}
	return ~c;
}

#endif
