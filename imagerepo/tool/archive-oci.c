/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCI image layout (image-layout.md): index.json names a manifest, maybe
 * through an index per platform, and that names layers. Each by its digest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "archive-in.h"
#include "cleanup.h"
#include "fileio.h"
#include "hash.h"

#define DOC_MAX    (4u << 20)
#define LAYERS_MAX 256
#define DEPTH_MAX  4 /* indexes in indexes */

/* The path of the blob that a descriptor means; checked. Caller frees. */
static char *find_blob(const char *dir, json_t *descriptor, struct errinfo *err)
{
	const char *digest =
		json_string_value(json_object_get(descriptor, "digest"));
	json_int_t size = json_integer_value(json_object_get(descriptor, "size"));
	auto_free char *path = NULL;
	char hex[HASH_HEX];
	uint64_t n;
	int rc;

	if (!digest || strncmp(digest, "sha256:", 7) != 0 ||
	    !hash_is_hex(digest + 7)) {
		errinfo_set(err, -EBADMSG,
			    "%s: a descriptor without a sha256 digest", dir);
		return NULL;
	}
	digest += 7;
	if (asprintf(&path, "%s/blobs/sha256/%s", dir, digest) < 0) {
		path = NULL;
		errinfo_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	rc = hash_file_hex(path, hex, &n, err);
	if (rc)
		return NULL;
	if (strcmp(hex, digest) != 0 || (uint64_t)size != n) {
		errinfo_set(err, -EBADMSG,
			    "%s is damaged: not the content that it is named "
			    "for",
			    path);
		return NULL;
	}
	return TAKE(path);
}

static json_t *load(const char *path, struct errinfo *err)
{
	auto_free char *text = NULL;
	json_t *doc;
	size_t len;

	if (fileio_read(path, DOC_MAX, &text, &len, err))
		return NULL;
	doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!doc)
		errinfo_set(err, -EBADMSG, "%s is not JSON", path);
	return doc;
}

static int suits(json_t *descriptor)
{
	json_t *platform = json_object_get(descriptor, "platform");
	const char *os = json_string_value(json_object_get(platform, "os"));
	const char *arch =
		json_string_value(json_object_get(platform, "architecture"));

	return (!os || !strcmp(os, "linux")) && (!arch || !strcmp(arch, "amd64"));
}

/* The only entry for this machine. */
static json_t *choose(const char *path, json_t *list, struct errinfo *err)
{
	json_t *one, *found = NULL;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (!suits(one))
			continue;
		if (found) {
			errinfo_set(err, -EINVAL,
				    "%s holds several images: copy the one "
				    "you mean to a layout of its own (skopeo)",
				    path);
			return NULL;
		}
		found = one;
	}
	if (!found)
		errinfo_set(err, -ENOENT, "%s has no image for linux/amd64",
			    path);
	return found;
}

static int read_layers(struct archive_in *in, const char *dir, json_t *layers,
		       struct errinfo *err)
{
	json_t *one;
	size_t i;

	if (!json_is_array(layers) || json_array_size(layers) > LAYERS_MAX)
		return errinfo_set(err, -EBADMSG, "%s: bad list of layers", dir);
	in->whiteouts = 1;
	json_array_foreach(layers, i, one)
	{
		auto_free char *blob = find_blob(dir, one, err);
		int rc;

		if (!blob)
			return err->rc;
		in->tree->layer++;
		rc = archive_read_file(in, blob, err);
		if (rc)
			return errinfo_wrap(err, rc, "layer %zu", i + 1);
	}
	return 0;
}

int archive_read_oci(struct archive_in *in, const char *dir, struct errinfo *err)
{
	auto_free char *path = NULL;
	struct errinfo own = ERRINFO_INIT;
	json_t *doc = NULL, *list;
	int rc = 0;

	err = err ? err : &own;
	if (asprintf(&path, "%s/index.json", dir) < 0)
		path = NULL;
	for (int depth = 0; depth < DEPTH_MAX && path; depth++) {
		json_t *one;

		doc = load(path, err);
		if (!doc)
			return err->rc;
		list = json_object_get(doc, "manifests");
		if (!list) {
			rc = read_layers(in, dir,
					 json_object_get(doc, "layers"), err);
			json_decref(doc);
			return rc;
		}
		one = choose(path, list, err);
		free(path);
		path = one ? find_blob(dir, one, err) : NULL;
		json_decref(doc);
	}
	if (path)
		return errinfo_set(err, -EBADMSG, "%s: too many indexes", dir);
	return err->rc ? err->rc : errinfo_set(err, -ENOMEM, "out of memory");
}
