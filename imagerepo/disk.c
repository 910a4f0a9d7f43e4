/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a disk that lies in the repository as index and packs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "cleanup.h"
#include "parallel.h"
#include "repo-private.h"

#define KEPT   32 /* decoded chunks: two windows of a delta */
#define NOBODY UINT32_MAX

struct kept {
	uint32_t chunk, used;
	uint8_t *raw;
};

struct imagerepo_disk {
	struct imagerepo_repo *r;
	struct index *ix;
	ZSTD_DCtx *dctx;
	uint8_t *stored;
	struct kept kept[KEPT];
	uint32_t clock;
	uint32_t pack; /* whose descriptor is open */
	int fd;
};

int imagerepo_disk_open(struct imagerepo_repo *r, const struct image_blob *index,
			struct imagerepo_disk **out, struct errinfo *err)
{
	struct imagerepo_disk *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return errinfo_set(err, -ENOMEM, "out of memory");
	d->r = r;
	d->fd = -1;
	d->pack = NOBODY;
	for (int i = 0; i < KEPT; i++)
		d->kept[i].chunk = NOBODY;
	d->stored = malloc(INDEX_STORED_MAX);
	d->dctx = ZSTD_createDCtx();
	rc = d->stored && d->dctx ? imagerepo_repo_index(r, index, &d->ix, err)
				  : errinfo_set(err, -ENOMEM, "out of memory");
	if (rc) {
		imagerepo_disk_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void imagerepo_disk_close(struct imagerepo_disk *d)
{
	if (!d)
		return;
	for (int i = 0; i < KEPT; i++)
		free(d->kept[i].raw);
	cleanup_close(&d->fd);
	ZSTD_freeDCtx(d->dctx);
	imagerepo_index_free(d->ix);
	free(d->stored);
	free(d);
}

uint64_t imagerepo_disk_size(const struct imagerepo_disk *d)
{
	return imagerepo_index_disk_size(d->ix);
}

static int open_pack(struct imagerepo_disk *d, uint32_t pack, struct errinfo *err)
{
	struct image_blob b;
	struct index_pack p;

	if (d->pack == pack && d->fd >= 0)
		return 0;
	cleanup_close(&d->fd);
	imagerepo_index_pack(d->ix, pack, &p);
	format_hex(p.sha256, HASH_LEN, b.sha256);
	b.size = p.size;
	d->fd = imagerepo_repo_open_blob(d->r, &b, err);
	d->pack = pack;
	return d->fd < 0 ? d->fd : 0;
}

static int decode(struct imagerepo_disk *d, const struct index_chunk *c,
		  uint8_t *raw, struct errinfo *err)
{
	int rc = open_pack(d, c->pack, err);

	if (rc)
		return rc;
	rc = imagerepo_pread_all(d->fd, d->stored, c->stored, c->pack_offset);
	if (rc)
		return errinfo_set_errno(err, rc, "a pack of the disk");
	return imagerepo_chunk_decode(d->dctx, c, d->stored, c->stored, raw, err);
}

/* The decoded chunk, from what is kept or anew. */
static int get_chunk(struct imagerepo_disk *d, uint32_t i,
		     const struct index_chunk *c, const uint8_t **raw,
		     struct errinfo *err)
{
	struct kept *oldest = &d->kept[0];
	int rc;

	d->clock++;
	for (int k = 0; k < KEPT; k++) {
		if (d->kept[k].chunk == i) {
			d->kept[k].used = d->clock;
			*raw = d->kept[k].raw;
			return 0;
		}
		if (d->kept[k].used < oldest->used)
			oldest = &d->kept[k];
	}
	if (!oldest->raw)
		oldest->raw = malloc(INDEX_CHUNK_MAX);
	if (!oldest->raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	oldest->chunk = NOBODY;
	rc = decode(d, c, oldest->raw, err);
	if (rc)
		return rc;
	oldest->chunk = i;
	oldest->used = d->clock;
	*raw = oldest->raw;
	return 0;
}

int imagerepo_disk_read(struct imagerepo_disk *d, uint64_t offset, void *buf,
			size_t len, struct errinfo *err)
{
	uint64_t size = imagerepo_disk_size(d);
	struct index_chunk c;
	const uint8_t *raw = NULL;
	uint8_t *p = buf;
	uint32_t i;
	int rc;

	if (offset > size || len > size - offset)
		return errinfo_set(err, -EINVAL, "beyond the disk's end");
	if (!len)
		return 0;
	for (i = imagerepo_index_find(d->ix, offset); len; i++) {
		size_t skip, step;

		imagerepo_index_chunk(d->ix, i, &c);
		skip = (size_t)(offset - c.offset);
		step = c.size - skip < len ? c.size - skip : len;
		if (c.kind == INDEX_HOLE) {
			memset(p, 0, step);
		} else {
			rc = get_chunk(d, i, &c, &raw, err);
			if (rc)
				return rc;
			memcpy(p, raw + skip, step);
		}
		p += step;
		len -= step;
		offset += step;
	}
	return 0;
}

int imagerepo_chunk_load(struct imagerepo_repo *r, const struct index *ix,
			 const struct index_chunk *c, struct imagerepo_tools *t,
			 void *raw, struct errinfo *err)
{
	void *stored = imagerepo_tools_buffer(t, 3, INDEX_STORED_MAX);
	void *dctx = imagerepo_tools_dctx(t);
	auto_close int fd = -1;
	struct image_blob b;
	struct index_pack p;
	int rc;

	if (!stored || !dctx)
		return errinfo_set(err, -ENOMEM, "out of memory");
	imagerepo_index_pack(ix, c->pack, &p);
	format_hex(p.sha256, HASH_LEN, b.sha256);
	b.size = p.size;
	fd = imagerepo_repo_open_blob(r, &b, err);
	if (fd < 0)
		return fd;
	rc = imagerepo_pread_all(fd, stored, c->stored, c->pack_offset);
	if (rc)
		return errinfo_set_errno(err, rc, "pack %.12s...", b.sha256);
	rc = imagerepo_chunk_decode(dctx, c, stored, c->stored, raw, err);
	return rc ? errinfo_wrap(err, rc, "pack %.12s... at %u", b.sha256,
				 c->pack_offset)
		  : 0;
}
