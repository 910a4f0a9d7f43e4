/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blobset.h"
#include "cleanup.h"

int blobset_add(struct blobset *s, const struct image_blob *b)
{
	if (!b->size)
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 16;
		struct image_blob *more;

		more = reallocarray(s->blob, room, sizeof(*b));
		if (!more)
			return -ENOMEM;
		s->blob = more;
		s->room = room;
	}
	s->blob[s->n++] = *b;
	s->bytes += b->size;
	return 0;
}

int blobset_add_each(const struct image_blob *b, void *arg)
{
	return blobset_add(arg, b);
}

static int by_digest(const void *a, const void *b)
{
	const struct image_blob *const *x = a, *const *y = b;
	int c = strcmp((*x)->sha256, (*y)->sha256);

	return c ? c : (*x > *y) - (*x < *y);
}

int blobset_unique(struct blobset *s)
{
	auto_free const struct image_blob **order = NULL;
	size_t kept = 0;

	order = calloc(s->n + 1, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		order[i] = &s->blob[i];
	qsort(order, s->n, sizeof(*order), by_digest);
	for (size_t i = s->n; i-- > 1;)
		if (!strcmp(order[i]->sha256, order[i - 1]->sha256))
			s->blob[order[i] - s->blob].size = 0;
	s->bytes = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (!s->blob[i].size)
			continue;
		s->blob[kept++] = s->blob[i];
		s->bytes += s->blob[i].size;
	}
	s->n = kept;
	return 0;
}

void blobset_dispose(struct blobset *s)
{
	free(s->blob);
	*s = (struct blobset){ 0 };
}

int blobset_index(struct fetch *f, const struct image_blob *b,
		  struct index **out, struct errinfo *err)
{
	auto_free char *doc = NULL;
	char path[IMAGE_PATH], hex[HASH_HEX];
	size_t len;
	int rc;

	imagerepo_blob_file(b->sha256, path);
	rc = fetch_doc(f, path, b->size, &doc, &len, err);
	if (rc)
		return rc;
	hash_bytes_hex(doc, len, hex);
	if (len != b->size)
		return errinfo_set(err, -EBADMSG, "has %zu bytes instead of %llu",
				   len, (unsigned long long)b->size);
	if (strcmp(hex, b->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "its SHA-256 is %.12s..., not %.12s...", hex,
				   b->sha256);
	return imagerepo_index_parse(doc, len, out, err);
}

int blobset_add_fixed(struct blobset *s, const struct image_manifest *m)
{
	const struct image_blob *const fixed[] = { &m->kernel, &m->initrd,
						   &m->index, &m->bundle };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (blobset_add(s, fixed[i]))
			return -ENOMEM;
	return 0;
}

int blobset_add_packs(struct blobset *s, const struct index *ix)
{
	for (uint32_t i = 0; i < imagerepo_index_n_packs(ix); i++) {
		struct index_pack p;
		struct image_blob b;

		imagerepo_index_pack(ix, i, &p);
		format_hex(p.sha256, HASH_LEN, b.sha256);
		b.size = p.size;
		if (blobset_add(s, &b))
			return -ENOMEM;
	}
	return 0;
}

int blobset_add_deltas(struct blobset *s, const struct image_manifest *m)
{
	for (int i = 0; i < m->n_deltas; i++)
		if (blobset_add(s, &m->delta[i].blob))
			return -ENOMEM;
	return 0;
}
