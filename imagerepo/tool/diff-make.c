/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: two sorted lists side by side, and which chunks both disks share.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "diff.h"
#include "log.h"

void diff_side_dispose(struct diff_side *s)
{
	imagerepo_contents_free(s->contents);
	imagerepo_index_free(s->index);
	s->contents = NULL;
	s->index = NULL;
}

static json_t *side_json(const struct diff_side *s)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", s->name,
			 "version", s->version, "manifest", s->manifest, "disk",
			 (json_int_t)s->m.disk_size, "stored",
			 (json_int_t)s->m.disk_stored);
}

static const char *change(int c)
{
	return c < 0 ? "removed" : c > 0 ? "added" : "changed";
}

/* Which list the next entry is of: <0 a, >0 b, 0 both. */
static int order(const char *a, const char *b)
{
	if (!a || !b)
		return a ? -1 : 1;
	return strcmp(a, b);
}

static void add_package(json_t *out, int c, const struct contents_package *a,
			const struct contents_package *b)
{
	if (!c && !strcmp(a->version, b->version))
		return;
	json_array_append_new(out, json_pack("{s:s, s:s, s:s*, s:s*, s:s}",
					     "change", change(c), "name",
					     (c <= 0 ? a : b)->name, "from",
					     c <= 0 ? a->version : NULL, "to",
					     c >= 0 ? b->version : NULL, "arch",
					     (c <= 0 ? a : b)->arch));
}

static json_t *diff_packages(const struct contents *a, const struct contents *b)
{
	json_t *out = json_array();
	size_t i = 0, j = 0;

	while (i < a->n_packages || j < b->n_packages) {
		const struct contents_package *x = &a->packages[i];
		const struct contents_package *y = &b->packages[j];
		int c = order(i < a->n_packages ? x->name : NULL,
			      j < b->n_packages ? y->name : NULL);

		if (!c)
			c = strcmp(x->arch, y->arch);
		add_package(out, c, x, y);
		i += c <= 0;
		j += c >= 0;
	}
	return out;
}

/* File names are bytes; those that are no UTF-8 are shown escaped. */
static json_t *text(const char *s)
{
	char quoted[4 * CONTENTS_PATH_MAX];
	json_t *j = json_string(s);

	if (j)
		return j;
	return json_string(log_quote(quoted, sizeof(quoted), s, strlen(s)));
}

static json_t *file_json(const struct contents_file *f)
{
	return json_pack("{s:i, s:I, s:I, s:I, s:o}", "mode", (int)f->mode,
			 "uid", (json_int_t)f->uid, "gid", (json_int_t)f->gid,
			 "size", (json_int_t)f->size, "what", text(f->what));
}

static void add_file(json_t *out, int c, const struct contents_file *a,
		     const struct contents_file *b)
{
	json_t *o;

	if (!c && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	    a->size == b->size && !strcmp(a->what, b->what))
		return;
	o = json_pack("{s:s, s:o}", "change", change(c), "path",
		      text((c <= 0 ? a : b)->path));
	if (c <= 0)
		json_object_set_new(o, "from", file_json(a));
	if (c >= 0)
		json_object_set_new(o, "to", file_json(b));
	json_array_append_new(out, o);
}

static json_t *diff_files(const struct contents *a, const struct contents *b)
{
	json_t *out = json_array();
	size_t i = 0, j = 0;

	while (i < a->n_files || j < b->n_files) {
		const struct contents_file *x = &a->files[i];
		const struct contents_file *y = &b->files[j];
		int c = order(i < a->n_files ? x->path : NULL,
			      j < b->n_files ? y->path : NULL);

		add_file(out, c, x, y);
		i += c <= 0;
		j += c >= 0;
	}
	return out;
}

/* ---- bytes --------------------------------------------------------------- */

static int by_digest(const void *a, const void *b)
{
	return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b,
		      HASH_LEN);
}

/* Digests of an image's stored chunks, sorted; caller frees the list. */
static const uint8_t **chunk_list(const struct index *ix, size_t *n)
{
	const uint8_t **list;
	struct index_chunk c;

	*n = 0;
	list = calloc((size_t)imagerepo_index_n_chunks(ix) + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < imagerepo_index_n_chunks(ix); i++) {
		imagerepo_index_chunk(ix, i, &c);
		if (c.kind != INDEX_HOLE)
			list[(*n)++] = c.sha256;
	}
	qsort(list, *n, sizeof(*list), by_digest);
	return list;
}

static void add_chunks(json_t *bytes, const struct index *a,
		       const struct index *b)
{
	auto_free const uint8_t **old = NULL;
	uint64_t shared = 0, fresh = 0, shared_n = 0, fresh_n = 0;
	struct index_chunk c;
	size_t n;

	old = chunk_list(a, &n);
	if (!old)
		return;
	for (uint32_t i = 0; i < imagerepo_index_n_chunks(b); i++) {
		imagerepo_index_chunk(b, i, &c);
		if (c.kind == INDEX_HOLE)
			continue;
		if (bsearch(&c.sha256, old, n, sizeof(*old), by_digest)) {
			shared += c.stored;
			shared_n++;
		} else {
			fresh += c.stored;
			fresh_n++;
		}
	}
	json_object_set_new(bytes, "chunks_shared",
			    json_integer((json_int_t)shared_n));
	json_object_set_new(bytes, "chunks_new",
			    json_integer((json_int_t)fresh_n));
	json_object_set_new(bytes, "shared", json_integer((json_int_t)shared));
	json_object_set_new(bytes, "new", json_integer((json_int_t)fresh));
}

static json_t *diff_bytes(const struct diff_side *a, const struct diff_side *b)
{
	json_t *out =
		json_pack("{s:b, s:b}", "kernel_changed",
			  strcmp(a->m.kernel.sha256, b->m.kernel.sha256) != 0,
			  "initrd_changed",
			  strcmp(a->m.initrd.sha256, b->m.initrd.sha256) != 0);

	if (a->index && b->index)
		add_chunks(out, a->index, b->index);
	for (int i = 0; i < b->m.n_deltas; i++)
		if (!strcmp(b->m.delta[i].from, a->manifest))
			json_object_set_new(
				out, "delta",
				json_integer((json_int_t)b->m.delta[i].blob.size));
	return out;
}

json_t *diff_make(const struct diff_side *a, const struct diff_side *b)
{
	json_t *out = json_pack("{s:o, s:o, s:o}", "a", side_json(a), "b",
				side_json(b), "bytes", diff_bytes(a, b));

	if (!out || !a->contents || !b->contents)
		return out;
	json_object_set_new(out, "packages",
			    diff_packages(a->contents, b->contents));
	json_object_set_new(out, "files", diff_files(a->contents, b->contents));
	return out;
}
