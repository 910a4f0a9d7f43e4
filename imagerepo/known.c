/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from what is in a chunk to where it is stored.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "known.h"

#define START 4096u

struct pack {
	uint8_t sha256[HASH_LEN];
	uint32_t size;
};

struct imagerepo_known {
	struct imagerepo_place *place;
	uint32_t n, room;
	uint32_t *slot; /* numbers of places + 1, open addressing */
	uint32_t slots; /* power of two */
	struct pack *pack;
	uint32_t n_packs, pack_room;
};

struct imagerepo_known *imagerepo_known_new(void)
{
	return calloc(1, sizeof(struct imagerepo_known));
}

void imagerepo_known_free(struct imagerepo_known *k)
{
	if (!k)
		return;
	free(k->place);
	free(k->slot);
	free(k->pack);
	free(k);
}

static uint32_t *find_slot(const struct imagerepo_known *k,
			   const uint8_t raw[HASH_LEN])
{
	for (uint32_t i = get32(raw);; i++) {
		uint32_t *s = &k->slot[i & (k->slots - 1)];

		if (!*s || !memcmp(k->place[*s - 1].raw, raw, HASH_LEN))
			return s;
	}
}

const struct imagerepo_place *imagerepo_known_find(const struct imagerepo_known *k,
						   const uint8_t raw[HASH_LEN])
{
	uint32_t *s = k->slots ? find_slot(k, raw) : NULL;

	return s && *s ? &k->place[*s - 1] : NULL;
}

static int grow(struct imagerepo_known *k)
{
	struct imagerepo_place *more;

	if (k->n < k->room)
		return 0;
	k->room = k->room ? k->room * 2 : START;
	more = reallocarray(k->place, k->room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	k->place = more;
	free(k->slot);
	k->slots = k->room * 2;
	k->slot = calloc(k->slots, sizeof(*k->slot));
	if (!k->slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->n; i++)
		*find_slot(k, k->place[i].raw) = i + 1;
	return 0;
}

int imagerepo_known_add(struct imagerepo_known *k,
			const struct imagerepo_place *p)
{
	uint32_t *s;
	int rc = grow(k);

	if (rc)
		return rc;
	s = find_slot(k, p->raw);
	if (*s)
		return 0;
	k->place[k->n] = *p;
	*s = ++k->n;
	return 0;
}

int imagerepo_known_add_pack(struct imagerepo_known *k,
			     const struct index_pack *p, uint32_t *number)
{
	struct pack *more;

	if (k->n_packs == k->pack_room) {
		k->pack_room = k->pack_room ? k->pack_room * 2 : START;
		more = reallocarray(k->pack, k->pack_room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		k->pack = more;
	}
	*number = k->n_packs++;
	imagerepo_known_set_pack(k, *number, p);
	return 0;
}

void imagerepo_known_set_pack(struct imagerepo_known *k, uint32_t number,
			      const struct index_pack *p)
{
	memcpy(k->pack[number].sha256, p->sha256, HASH_LEN);
	k->pack[number].size = p->size;
}

struct index_pack imagerepo_known_pack(const struct imagerepo_known *k,
				       uint32_t number)
{
	return (struct index_pack){ k->pack[number].sha256, k->pack[number].size };
}

/* Numbers of the packs that are there; UINT32_MAX for the others. */
static int add_packs(struct imagerepo_known *k, struct imagerepo_repo *r,
		     const struct index *ix, uint32_t *number)
{
	for (uint32_t i = 0; i < imagerepo_index_n_packs(ix); i++) {
		struct image_blob b;
		struct index_pack p;
		int rc;

		imagerepo_index_pack(ix, i, &p);
		format_hex(p.sha256, HASH_LEN, b.sha256);
		b.size = p.size;
		number[i] = UINT32_MAX;
		if (!imagerepo_repo_has(r, &b))
			continue;
		rc = imagerepo_known_add_pack(k, &p, &number[i]);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_chunks(struct imagerepo_known *k, const struct index *ix,
		      const uint32_t *number, const uint8_t *rows)
{
	for (uint32_t i = 0; i < imagerepo_index_n_chunks(ix); i++) {
		struct imagerepo_place p;
		struct index_chunk c;
		int rc;

		imagerepo_index_chunk(ix, i, &c);
		if (c.kind == INDEX_HOLE)
			continue;
		p.level = rows[0];
		memcpy(p.raw, rows + 1, HASH_LEN);
		rows += KNOWN_ROW;
		if (number[c.pack] == UINT32_MAX)
			continue;
		memcpy(p.sha256, c.sha256, HASH_LEN);
		p.pack = number[c.pack];
		p.offset = c.pack_offset;
		p.stored = c.stored;
		p.kind = (uint8_t)c.kind;
		rc = imagerepo_known_add(k, &p);
		if (rc)
			return rc;
	}
	return 0;
}

int imagerepo_known_load(struct imagerepo_known *k, struct imagerepo_repo *r,
			 const struct image_blob *index, int threads,
			 struct errinfo *err)
{
	auto_free uint8_t *rows = NULL;
	auto_free uint32_t *number = NULL;
	struct index *ix;
	int rc = imagerepo_repo_index(r, index, &ix, err);

	if (rc)
		return rc;
	rc = imagerepo_known_rows(r, index, ix, threads, &rows, err);
	if (rc)
		goto out;
	number = calloc(imagerepo_index_n_packs(ix) + 1UL, sizeof(*number));
	rc = number ? add_packs(k, r, ix, number) : -ENOMEM;
	if (!rc)
		rc = add_chunks(k, ix, number, rows);
	if (rc)
		errinfo_set(err, rc, "out of memory");
out:
	imagerepo_index_free(ix);
	return rc;
}
