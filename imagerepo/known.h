/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known - the chunks that a repository has already, by what is in them.
 *
 * The digest in an index is that of the bytes as stored. What they decode to
 * is remembered in cache/HEX64 (the index's digest); where that is missing or
 * damaged it is made anew by decoding the disk.
 *
 *	0   8	"NSKNOWN1"
 *	8   4	ZSTD_versionNumber()
 *	12  4	n
 *	16  -	n * { u8 level (0: not known), u8 sha256[32] of the raw bytes }
 *	-   32	SHA-256 of all before
 */
#ifndef KNOWN_H
#define KNOWN_H

#include "repo-private.h"

struct imagerepo_known; /* a map */

struct imagerepo_place {
	uint8_t raw[HASH_LEN];    /* of what is in it: the key */
	uint8_t sha256[HASH_LEN]; /* as stored */
	uint32_t pack;            /* imagerepo_known_pack() */
	uint32_t offset, stored;
	uint8_t kind, level;
};

struct imagerepo_known *imagerepo_known_new(void);
void imagerepo_known_free(struct imagerepo_known *k);
/* What is there already under that key stays. -ENOMEM. */
int imagerepo_known_add(struct imagerepo_known *k,
			const struct imagerepo_place *p);
/* NULL: not known. Valid until the next addition. */
const struct imagerepo_place *imagerepo_known_find(const struct imagerepo_known *k,
						   const uint8_t raw[HASH_LEN]);
/* Packs by number. */
int imagerepo_known_add_pack(struct imagerepo_known *k,
			     const struct index_pack *p, uint32_t *number);
/* Of a pack that was added before it was whole. */
void imagerepo_known_set_pack(struct imagerepo_known *k, uint32_t number,
			      const struct index_pack *p);
struct index_pack imagerepo_known_pack(const struct imagerepo_known *k,
				       uint32_t number);

/* All chunks of an image whose packs are there. */
int imagerepo_known_load(struct imagerepo_known *k, struct imagerepo_repo *r,
			 const struct image_blob *index, int threads,
			 struct errinfo *err);

/* One of the rows of cache/. */
#define KNOWN_ROW 33u
/* rows: n * KNOWN_ROW bytes. Failure is no harm. */
void imagerepo_known_save(struct imagerepo_repo *r,
			  const struct image_blob *index, const uint8_t *rows,
			  uint32_t n);
/* The rows of an index, from cache/ or anew; caller frees. */
int imagerepo_known_rows(struct imagerepo_repo *r, const struct image_blob *b,
			 const struct index *ix, int threads, uint8_t **rows,
			 struct errinfo *err);

#endif
