/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compress - one chunk as one zstd frame: the same bytes each time with one
 * version of zstd and one level, which a delta's receiver depends on.
 */
#ifndef COMPRESS_H
#define COMPRESS_H

#include <stddef.h>
#include <stdint.h>

#define COMPRESS_ROOM(len) ((len) + (len) / 128 + 512)

/* Returns the length (out has COMPRESS_ROOM(len) bytes), or -ENOMEM. */
int64_t imagerepo_compress(void *cctx, int level, const void *raw, size_t len,
			   void *out);
/* With `prefix` before it, which the decoder must have too. */
int64_t imagerepo_compress_after(void *cctx, int level, const void *prefix,
				 size_t prefix_len, const void *raw, size_t len,
				 void *out);

#endif
