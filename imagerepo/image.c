/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of an image: JSON to struct and back. A document is taken only
 * if printing what was understood gives the same bytes, so that nothing in it
 * goes unseen.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "cleanup.h"
#include "image.h"
#include "index.h"
#include "trust.h"

#define ARCH       "x86_64"
#define MEMORY_MAX (1024 * 1024) /* MiB */

static int copy_name(char out[IMAGE_NAME], const char *value,
		     const char *member, struct errinfo *err)
{
	if (!parse_is_name(value))
		return errinfo_set(err, -EBADMSG, "\"%s\" is not a name", member);
	strcpy(out, value); /* fits: it is a name */
	return 0;
}

static int copy_digest(char out[HASH_HEX], const char *value,
		       const char *member, struct errinfo *err)
{
	if (!hash_is_hex(value))
		return errinfo_set(err, -EBADMSG,
				   "\"%s\": a digest is not 64 hex digits",
				   member);
	strcpy(out, value);
	return 0;
}

static int copy_cmdline(char out[IMAGE_CMDLINE_MAX + 1], const char *value,
			struct errinfo *err)
{
	size_t len = strlen(value);

	if (len > IMAGE_CMDLINE_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"cmdline\" is longer than %d bytes",
				   IMAGE_CMDLINE_MAX);
	for (size_t i = 0; i < len; i++)
		if (value[i] < 0x20 || value[i] > 0x7e)
			return errinfo_set(err, -EBADMSG,
					   "\"cmdline\" is not printable ASCII");
	strcpy(out, value);
	return 0;
}

static int copy_blob(struct image_blob *b, const char *sha256, json_int_t size,
		     uint64_t max, const char *member, struct errinfo *err)
{
	if (size < 1 || (uint64_t)size > max)
		return errinfo_set(err, -EBADMSG,
				   "\"%s\": its size is not in 1 to %llu bytes",
				   member, (unsigned long long)max);
	b->size = (uint64_t)size;
	return copy_digest(b->sha256, sha256, member, err);
}

static int parse_blob(json_t *o, struct image_blob *b, uint64_t max,
		      const char *member, struct errinfo *err)
{
	const char *sha256;
	json_int_t size;

	if (json_unpack(o, "{s:s, s:I !}", "sha256", &sha256, "size", &size))
		return errinfo_set(err, -EBADMSG,
				   "\"%s\" is not a digest and a size", member);
	return copy_blob(b, sha256, size, max, member, err);
}

static int parse_bundle(json_t *o, struct image_manifest *m, struct errinfo *err)
{
	const char *sha256, *head_sha256;
	json_int_t size, head;
	int rc;

	if (json_unpack(o, "{s:s, s:I, s:I, s:s !}", "sha256", &sha256, "size",
			&size, "head", &head, "head_sha256", &head_sha256))
		return errinfo_set(err, -EBADMSG,
				   "\"bundle\" is not digests and sizes");
	rc = copy_blob(&m->bundle, sha256, size, IMAGE_BUNDLE_MAX, "bundle", err);
	if (rc)
		return rc;
	if (head < 1 || head > size || head > (json_int_t)BUNDLE_HEAD_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"bundle\": no such head can be");
	m->bundle_head = (uint64_t)head;
	return copy_digest(m->bundle_head_sha256, head_sha256, "bundle", err);
}

static int parse_root(json_t *o, struct image_manifest *m, struct errinfo *err)
{
	json_t *index, *bundle = NULL;
	json_int_t size, stored;
	int rc;

	if (json_unpack(o, "{s:I, s:I, s:o, s?o !}", "size", &size, "stored",
			&stored, "index", &index, "bundle", &bundle))
		return errinfo_set(err, -EBADMSG,
				   "\"root\": a member is missing, unknown, "
				   "or of another kind");
	if (size < 1 || (uint64_t)size > IMAGE_DISK_MAX || size % INDEX_BLOCK)
		return errinfo_set(err, -EBADMSG,
				   "\"root\": its size is not a multiple of "
				   "4096 up to %llu",
				   (unsigned long long)IMAGE_DISK_MAX);
	if (stored < 0 || stored > size)
		return errinfo_set(err, -EBADMSG,
				   "\"root\": more is stored than it holds");
	m->disk_size = (uint64_t)size;
	m->disk_stored = (uint64_t)stored;
	rc = parse_blob(index, &m->index, IMAGE_INDEX_MAX, "index", err);
	if (!rc && bundle)
		rc = parse_bundle(bundle, m, err);
	return rc;
}

static int parse_deltas(json_t *list, struct image_manifest *m,
			struct errinfo *err)
{
	const char *from, *sha256;
	json_int_t size;
	json_t *o;
	size_t i;
	int rc;

	if (!json_is_array(list) || json_array_size(list) > IMAGE_DELTAS_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"deltas\" is not a list of at most %d",
				   IMAGE_DELTAS_MAX);
	json_array_foreach(list, i, o)
	{
		if (json_unpack(o, "{s:s, s:s, s:I !}", "from", &from, "sha256",
				&sha256, "size", &size))
			return errinfo_set(err, -EBADMSG, "malformed delta");
		rc = copy_digest(m->delta[i].from, from, "from", err);
		if (!rc)
			rc = copy_blob(&m->delta[i].blob, sha256, size,
				       IMAGE_DELTA_MAX, "deltas", err);
		if (rc)
			return rc;
		m->n_deltas++;
	}
	return 0;
}

/* The members that hold others; NULL: absent. */
struct parts {
	json_t *kernel, *initrd, *root, *contents, *deltas;
};

static int parse_parts(const struct parts *p, struct image_manifest *m,
		       struct errinfo *err)
{
	int rc = parse_blob(p->kernel, &m->kernel, IMAGE_KERNEL_MAX, "kernel",
			    err);

	if (!rc && p->initrd)
		rc = parse_blob(p->initrd, &m->initrd, IMAGE_INITRD_MAX,
				"initrd", err);
	if (!rc && p->contents)
		rc = parse_blob(p->contents, &m->contents, IMAGE_CONTENTS_MAX,
				"contents", err);
	if (!rc)
		rc = parse_root(p->root, m, err);
	if (!rc && p->deltas)
		rc = parse_deltas(p->deltas, m, err);
	return rc;
}

static int parse_body(json_t *body, struct image_manifest *m, struct errinfo *err)
{
	const char *name, *version, *created, *arch, *cmdline;
	json_int_t format, memory;
	struct parts p = { NULL, NULL, NULL, NULL, NULL };
	int rc;

	if (json_unpack(body,
			"{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s?o, s:o, "
			"s?o, s?o !}",
			"format", &format, "name", &name, "version", &version,
			"created", &created, "arch", &arch, "cmdline", &cmdline,
			"memory_min_mib", &memory, "kernel", &p.kernel,
			"initrd", &p.initrd, "root", &p.root, "contents",
			&p.contents, "deltas", &p.deltas))
		return errinfo_set(err, -EBADMSG,
				   "a member of the manifest is missing, "
				   "unknown, or of another kind");
	if (format != IMAGE_FORMAT)
		return errinfo_set(err, -EBADMSG, "its format is not %d",
				   IMAGE_FORMAT);
	if (strcmp(arch, ARCH) != 0)
		return errinfo_set(err, -EBADMSG, "\"arch\" is not " ARCH);
	if (memory < 1 || memory > MEMORY_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"memory_min_mib\" is not in 1 to %d",
				   MEMORY_MAX);
	m->memory_min_mib = (int)memory;
	if (clock_parse(created, &m->created_ms))
		return errinfo_set(err, -EBADMSG, "\"created\" is not a time");
	rc = copy_name(m->name, name, "name", err);
	if (!rc)
		rc = copy_name(m->version, version, "version", err);
	if (!rc)
		rc = copy_cmdline(m->cmdline, cmdline, err);
	return rc ? rc : parse_parts(&p, m, err);
}

static json_t *blob_json(const struct image_blob *b)
{
	return json_pack("{s:s, s:I}", "sha256", b->sha256, "size",
			 (json_int_t)b->size);
}

static json_t *bundle_json(const struct image_manifest *m)
{
	return json_pack("{s:s, s:I, s:I, s:s}", "sha256", m->bundle.sha256,
			 "size", (json_int_t)m->bundle.size, "head",
			 (json_int_t)m->bundle_head, "head_sha256",
			 m->bundle_head_sha256);
}

static json_t *deltas_json(const struct image_manifest *m)
{
	json_t *list = json_array();

	for (int i = 0; i < m->n_deltas; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:I}", "from", m->delta[i].from,
				  "sha256", m->delta[i].blob.sha256, "size",
				  (json_int_t)m->delta[i].blob.size));
	return list;
}

static json_t *body_json(const struct image_manifest *m)
{
	char created[CLOCK_ISO];
	json_t *root = json_pack(
		"{s:I, s:I, s:o}", "size", (json_int_t)m->disk_size, "stored",
		(json_int_t)m->disk_stored, "index", blob_json(&m->index));
	json_t *body;

	if (m->bundle.size)
		json_object_set_new(root, "bundle", bundle_json(m));
	clock_format(m->created_ms, created);
	body = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o}",
			 "format", IMAGE_FORMAT, "name", m->name, "version",
			 m->version, "created", created, "arch", ARCH, "cmdline",
			 m->cmdline, "memory_min_mib", m->memory_min_mib,
			 "kernel", blob_json(&m->kernel), "root", root);
	if (m->initrd.size)
		json_object_set_new(body, "initrd", blob_json(&m->initrd));
	if (m->contents.size)
		json_object_set_new(body, "contents", blob_json(&m->contents));
	if (m->n_deltas)
		json_object_set_new(body, "deltas", deltas_json(m));
	return body;
}

/* Canonical form and a newline; NULL: no such document can be. */
static char *to_text(const struct image_manifest *m)
{
	json_t *body = body_json(m);
	char *text = body ? trust_canonical(body) : NULL;
	size_t len = text ? strlen(text) : 0;
	char *doc = text ? realloc(text, len + 2) : NULL;

	json_decref(body);
	if (!doc) {
		free(text);
		return NULL;
	}
	memcpy(doc + len, "\n", 2);
	return doc;
}

int imagerepo_image_parse(const void *doc, size_t len, struct image_manifest *m,
			  struct errinfo *err)
{
	auto_free char *again = NULL;
	json_t *body;
	int rc;

	memset(m, 0, sizeof(*m));
	if (len > IMAGE_MAX)
		return errinfo_set(err, -EFBIG, "larger than %d bytes",
				   IMAGE_MAX);
	body = json_loadb(doc, len, JSON_REJECT_DUPLICATES, NULL);
	if (!body)
		return errinfo_set(err, -EBADMSG, "the manifest is not JSON");
	rc = parse_body(body, m, err);
	json_decref(body);
	if (rc)
		return rc;
	again = to_text(m);
	if (!again || strlen(again) != len || memcmp(again, doc, len) != 0)
		return errinfo_set(err, -EBADMSG,
				   "the manifest is not in canonical form");
	return 0;
}

int imagerepo_image_print(const struct image_manifest *m, char **doc,
			  struct errinfo *err)
{
	struct image_manifest check;
	auto_free char *text = NULL;
	int rc;

	if (m->n_deltas < 0 || m->n_deltas > IMAGE_DELTAS_MAX)
		return errinfo_set(err, -EINVAL, "too many deltas");
	text = to_text(m);
	if (!text)
		return errinfo_set(err, -EINVAL, "no such manifest can be");
	rc = imagerepo_image_parse(text, strlen(text), &check, err);
	if (rc)
		return rc;
	*doc = TAKE(text);
	return 0;
}
