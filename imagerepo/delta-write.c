/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a delta whose units and gaps are made: head, index, table, payload.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "bytes.h"
#include "cleanup.h"
#include "compress.h"
#include "delta-make.h"
#include "index-private.h"

struct frame {
	uint8_t *data;
	uint32_t raw, stored;
};

static int make_frame(struct frame *f, const void *prefix, size_t prefix_len,
		      const void *raw, size_t len)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	int64_t n = -ENOMEM;

	f->data = malloc(COMPRESS_ROOM(len));
	if (c && f->data)
		n = imagerepo_compress_after(c, 19, prefix, prefix_len, raw,
					     len, f->data);
	ZSTD_freeCCtx(c);
	f->raw = (uint32_t)len;
	f->stored = (uint32_t)n;
	return n < 0 ? (int)n : 0;
}

static void put_unit(const struct delta_unit *u, uint8_t *p)
{
	put32(p, u->first);
	put16(p + 4, u->chunks);
	put16(p + 6, u->streams);
	p[8] = u->level;
	p[9] = u->extents;
	put32(p + 10, u->stored);
}

static int make_table(const struct delta_making *mk, struct frame *f)
{
	const struct delta_plan *plan = &mk->plan;
	size_t len = DELTA_TABLE_HEAD + (size_t)plan->n_units * DELTA_UNIT_ROW +
		     (size_t)mk->n_extents * DELTA_EXTENT_ROW +
		     (size_t)mk->n_streams * DELTA_STREAM_ROW +
		     (size_t)plan->n_gaps * DELTA_GAP_ROW;
	auto_free uint8_t *raw = calloc(1, len);
	uint8_t *p = raw;

	if (!raw || len > DELTA_TABLE_MAX)
		return -ENOMEM;
	put32(p, plan->n_units);
	put32(p + 4, mk->n_extents);
	put32(p + 8, mk->n_streams);
	put32(p + 12, plan->n_gaps);
	p += DELTA_TABLE_HEAD;
	for (uint32_t i = 0; i < plan->n_units; i++, p += DELTA_UNIT_ROW)
		put_unit(&plan->unit[i], p);
	for (uint32_t i = 0; i < mk->n_extents; i++, p += DELTA_EXTENT_ROW) {
		put32(p, mk->extent[i].block);
		put32(p + 4, mk->extent[i].blocks);
	}
	for (uint32_t i = 0; i < mk->n_streams; i++, p += DELTA_STREAM_ROW) {
		put32(p, mk->stream[i].at);
		put32(p + 4, mk->stream[i].length);
		put32(p + 8, mk->stream[i].text);
		put32(p + 12, mk->stream[i].recipe);
	}
	for (uint32_t i = 0; i < plan->n_gaps; i++, p += DELTA_GAP_ROW) {
		put32(p, plan->gap[i].pack);
		put32(p + 4, plan->gap[i].offset);
		put32(p + 8, plan->gap[i].length);
	}
	return make_frame(f, NULL, 0, raw, len);
}

/* The new index's head and columns, after the old one's columns. */
static int make_index(struct delta_making *mk, const struct image_blob *new_blob,
		      struct frame *f, struct errinfo *err)
{
	auto_free char *old_doc = NULL, *new_doc = NULL;
	auto_free uint8_t *old = NULL, *new = NULL, *raw = NULL;
	struct index_head oh, nh;
	size_t len;
	int rc = imagerepo_repo_get(mk->r, mk->old_blob, &old_doc, err);

	if (!rc)
		rc = imagerepo_repo_get(mk->r, new_blob, &new_doc, err);
	if (!rc)
		rc = imagerepo_index_body(old_doc, mk->old_blob->size, &oh,
					  &old, err);
	if (!rc)
		rc = imagerepo_index_body(new_doc, new_blob->size, &nh, &new,
					  err);
	if (rc)
		return rc;
	len = INDEX_HEAD + imagerepo_index_body_len(&nh);
	raw = malloc(len);
	if (raw) {
		memcpy(raw, new_doc, INDEX_HEAD);
		memcpy(raw + INDEX_HEAD, new, len - INDEX_HEAD);
	}
	rc = raw ? make_frame(f, old, imagerepo_index_body_len(&oh), raw, len)
		 : -ENOMEM;
	return rc ? errinfo_set(err, rc, "out of memory") : 0;
}

static int copy_payload(const struct delta_making *mk, int out, uint64_t at)
{
	auto_free uint8_t *buf = malloc(1u << 20);
	int rc = buf ? 0 : -ENOMEM;

	for (uint64_t done = 0; !rc && done < mk->payload_len;) {
		uint64_t left = mk->payload_len - done;
		size_t n = left < 1u << 20 ? left : 1u << 20;

		rc = imagerepo_pread_all(mk->payload, buf, n, done);
		if (!rc)
			rc = imagerepo_pwrite_all(out, buf, n, at + done);
		done += n;
	}
	return rc;
}

static int write_file(const struct delta_making *mk,
		      const struct image_blob *new_blob,
		      const struct frame *index, const struct frame *table,
		      int out)
{
	uint8_t head[DELTA_HEAD] = DELTA_MAGIC;
	uint64_t at = DELTA_HEAD;
	int rc;

	put32(head + 12, ZSTD_versionNumber());
	parse_hex(mk->old_blob->sha256, head + 16, HASH_LEN);
	parse_hex(new_blob->sha256, head + 48, HASH_LEN);
	put32(head + 80, index->raw);
	put32(head + 84, index->stored);
	put32(head + 88, table->raw);
	put32(head + 92, table->stored);
	rc = imagerepo_pwrite_all(out, head, DELTA_HEAD, 0);
	if (!rc)
		rc = imagerepo_pwrite_all(out, index->data, index->stored, at);
	at += index->stored;
	if (!rc)
		rc = imagerepo_pwrite_all(out, table->data, table->stored, at);
	return rc ? rc : copy_payload(mk, out, at + table->stored);
}

int imagerepo_delta_store(struct delta_making *mk,
			  const struct image_blob *new_blob,
			  struct image_blob *out, struct errinfo *err)
{
	struct frame index = { 0 }, table = { 0 };
	char tmp[IMAGE_PATH];
	auto_close int fd = -1;
	int rc = make_index(mk, new_blob, &index, err);

	if (!rc && make_table(mk, &table))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (!rc) {
		fd = imagerepo_repo_tmp(mk->r, tmp);
		rc = fd < 0 ? fd : write_file(mk, new_blob, &index, &table, fd);
		if (rc)
			errinfo_set_errno(err, rc, "cannot write the delta");
		if (rc && fd >= 0)
			unlinkat(mk->r->dir, tmp, 0);
	}
	free(index.data);
	free(table.data);
	return rc ? rc : imagerepo_repo_settle(mk->r, fd, tmp, out, err);
}
