/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deflate - what a compressed stream (RFC 1951) holds, and the way back to the
 * very same bytes.
 *
 * A small change of a text changes all of its .gz behind it: differences are
 * found in texts, not in streams. gzip and zlib parse a text into the same
 * literals and matches at the same level, but end their blocks elsewhere. So a
 * stream can be made again from its text, the level, and a recipe:
 *
 *	u8 level; u32 n_blocks (0: as zlib makes them)
 *	blocks	{ u32 symbols; u16 bits; u8 header[(bits + 7) / 8] }
 *
 * `header` is that of the block (RFC 1951 3.2.3 to 3.2.7: its first three bits
 * and, of a dynamic one, the code lengths), from the lowest bit of each byte.
 *
 * No state; any thread. Every input may be hostile: bounds hold, and what does
 * not come out right is -EBADMSG. -ENOMEM.
 */
#ifndef DEFLATE_H
#define DEFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Bytes of the gzip head (RFC 1952) that p starts with; 0: there is none. */
size_t imagerepo_gzip_head(const uint8_t *p, size_t len);
/* The text of the stream that p starts with; *used: bytes of the stream.
 * -EFBIG: the text is longer than max; -EPIPE: p ends too early. */
int imagerepo_inflate(const uint8_t *p, size_t len, uint8_t *text, size_t max,
		      size_t *text_len, size_t *used);
/* The recipe, appended to `recipe`; -ENOENT: no level gives this stream. */
int imagerepo_deflate_learn(const uint8_t *stream, size_t len,
			    const uint8_t *text, size_t text_len,
			    struct buf *recipe);
/* Makes exactly the len bytes of a stream. */
int imagerepo_deflate_remake(const uint8_t *recipe, size_t recipe_len,
			     const uint8_t *text, size_t text_len, uint8_t *out,
			     size_t len);

#endif
