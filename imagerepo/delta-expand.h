/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta-expand - the gzip files among the bytes of a disk: their texts instead
 * of them, and back.
 *
 * A file system begins each file with a block, so that is where they are looked
 * for; one that is not in one piece does not inflate, and stays as it is.
 */
#ifndef DELTA_EXPAND_H
#define DELTA_EXPAND_H

#include "delta-private.h"

#define DELTA_STREAMS_MAX (DELTA_UNIT_MAX / INDEX_BLOCK)

/* raw: len bytes from the start of a block; plain: DELTA_PLAIN_MAX bytes, out:
 * DELTA_STREAMS_MAX. Each stream that can be made again is replaced by its text
 * and its recipe (deflate.h). Returns how many, or -ENOMEM. */
int imagerepo_delta_expand(const uint8_t *raw, size_t len, uint8_t *plain,
			   size_t *plain_len, struct delta_stream *out);
/* Length of the expanded form of len bytes; 0: there can be no such streams. */
size_t imagerepo_delta_plain_len(const struct delta_stream *s, uint32_t n,
				 size_t len);
/* Back, of an expanded form that has its length. A stream that does not come
 * out is left undone: digests tell. 0, -ENOMEM. */
int imagerepo_delta_shrink(const struct delta_stream *s, uint32_t n,
			   const uint8_t *plain, uint8_t *raw, size_t len);

/* The text of the gzip file at the start of p; as imagerepo_inflate(), with
 * the head counted in *used, -EBADMSG where there is none. */
int imagerepo_delta_text(const uint8_t *p, size_t len, uint8_t *text,
			 size_t max, size_t *text_len, size_t *used);

/* Which of an index's rows go on with a gzip file that began in the row before:
 * joined[row]. Only rows that `take` names are looked at. */
int imagerepo_delta_join(struct imagerepo_repo *r,
			 const struct image_blob *index, const struct index *ix,
			 const uint32_t *row, const uint8_t *take,
			 uint8_t *joined, struct errinfo *err);

#endif
