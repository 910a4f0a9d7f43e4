/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes a bundle: its head, then each frame.
 */
#include <stdint.h>
#include <stdlib.h>

#include <zstd.h>

#include "bundle.h"
#include "bytes.h"
#include "cleanup.h"
#include "parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t raw[BUNDLE_FRAME_BLOCKS * 4096];
	char index[HASH_HEX];
	ZSTD_DCtx *dctx;
	struct bundle *b;
	size_t head;

	if (len < 64)
		return 0;
	/* the disk and the index that it says it is of */
	format_hex(data + 32, HASH_LEN, index);
	head = 64 + 40 * (size_t)(get32(data + 12) & 0xfffff) +
	       4 * (size_t)(get32(data + 16) & 0xffffff);
	if (head > len || imagerepo_bundle_parse(data, head, get64(data + 24),
						 index, &b, NULL))
		return 0;
	dctx = ZSTD_createDCtx();
	for (uint32_t i = 0; i < imagerepo_bundle_n_frames(b); i++) {
		struct bundle_frame f;

		imagerepo_bundle_frame(b, i, &f);
		if ((uint64_t)f.first + f.blocks > imagerepo_bundle_n_blocks(b) ||
		    f.blocks > BUNDLE_FRAME_BLOCKS)
			abort();
		if (f.offset + f.stored <= len)
			imagerepo_bundle_decode(dctx, &f, data + f.offset,
						f.stored, raw, NULL);
	}
	for (uint32_t i = 0; i < imagerepo_bundle_n_blocks(b); i++)
		if (imagerepo_bundle_find(b, imagerepo_bundle_block(b, i)) != i)
			abort();
	ZSTD_freeDCtx(dctx);
	imagerepo_bundle_free(b);
	return 0;
}
