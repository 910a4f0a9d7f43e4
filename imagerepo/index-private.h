/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the makers of indexes and deltas need to know of an index.
 */
#ifndef INDEX_PRIVATE_H
#define INDEX_PRIVATE_H

#include "image.h"
#include "index.h"

#define INDEX_MAGIC "NSINDEX1"
#define INDEX_HEAD  32u

struct index_head {
	uint32_t n_packs, n_chunks, n_data;
	uint64_t disk_size;
};

uint64_t imagerepo_index_body_len(const struct index_head *h);
int imagerepo_index_head(const void *doc, size_t len, struct index_head *h,
			 struct errinfo *err);
/* The columns; caller frees. Checks counts and lengths, not what they say. */
int imagerepo_index_body(const void *doc, size_t len, struct index_head *h,
			 uint8_t **body, struct errinfo *err);
/* The document of these columns: the same bytes each time, with one version
 * of zstd. Caller frees. */
int imagerepo_index_wrap(const struct index_head *h, const void *body,
			 void **doc, size_t *len, struct errinfo *err);

uint32_t imagerepo_index_n_data(const struct index *ix);
/* Number among the stored chunks (of a hole: of the next one). */
uint32_t imagerepo_index_row(const struct index *ix, uint32_t i);

/* One zstd frame of exactly these lengths, or -EBADMSG. */
int imagerepo_frame_decode(void *dctx, const void *stored, size_t len,
			   void *raw, size_t raw_len);

#endif
