/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.json: JSON to struct and back, each member checked.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "draft.h"
#include "fileio.h"

#define ARCH       "x86_64"
#define MEMORY_MAX (1024 * 1024) /* MiB */

static int bad(struct errinfo *err, const char *member)
{
	return errinfo_set(err, -EBADMSG,
			   "\"%s\" is missing or not of its form", member);
}

/* One of the blobs; max: its bound. */
static int get_blob(json_t *body, const char *member, int required, uint64_t max,
		    char sha256[HASH_HEX], uint64_t *size, struct errinfo *err)
{
	json_t *blob = json_object_get(body, member);
	const char *digest;
	json_int_t n;

	if (!blob && !required)
		return 0;
	if (json_unpack(blob, "{s:s, s:I !}", "sha256", &digest, "size", &n) ||
	    !hash_is_hex(digest) || n <= 0 || (uint64_t)n > max)
		return bad(err, member);
	strcpy(sha256, digest);
	*size = (uint64_t)n;
	return 0;
}

static int get_blobs(json_t *body, struct image_draft *d, struct errinfo *err)
{
	int rc;

	rc = get_blob(body, "kernel", 1, IMAGE_KERNEL_MAX, d->m.kernel.sha256,
		      &d->m.kernel.size, err);
	if (!rc)
		rc = get_blob(body, "initrd", 0, IMAGE_INITRD_MAX,
			      d->m.initrd.sha256, &d->m.initrd.size, err);
	if (!rc)
		rc = get_blob(body, "contents", 0, UINT32_MAX,
			      d->m.contents.sha256, &d->m.contents.size, err);
	if (!rc)
		rc = get_blob(body, "root", 1, IMAGE_DISK_MAX, d->root_sha256,
			      &d->m.disk_size, err);
	if (!rc && d->m.disk_size % 4096)
		rc = bad(err, "root");
	return rc;
}

static int printable(const char *s, size_t max)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return 0;
	return len <= max;
}

static int get_warm(json_t *body, struct image_draft *d, struct errinfo *err)
{
	json_t *warm = json_object_get(body, "warm"), *one;
	size_t i;

	if (!warm)
		return 0;
	if (!json_is_array(warm) || json_array_size(warm) > DRAFT_WARM_MAX)
		return bad(err, "warm");
	json_array_foreach(warm, i, one)
	{
		if (!json_is_string(one) ||
		    !printable(json_string_value(one), DRAFT_WARM_LEN - 1))
			return bad(err, "warm");
		strcpy(d->warm[d->n_warm++], json_string_value(one));
	}
	return 0;
}

static int get_head(json_t *body, struct image_draft *d, struct errinfo *err)
{
	const char *name, *version, *created, *arch, *cmdline;
	json_t *kernel, *root, *initrd = NULL, *contents = NULL, *warm = NULL;
	json_error_t why;
	int format, memory;

	if (json_unpack_ex(body, &why, JSON_STRICT,
			   "{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s?o, "
			   "s?o, s?o}",
			   "format", &format, "name", &name, "version",
			   &version, "created", &created, "arch", &arch,
			   "cmdline", &cmdline, "memory_min_mib", &memory,
			   "kernel", &kernel, "root", &root, "initrd", &initrd,
			   "contents", &contents, "warm", &warm))
		return errinfo_set(err, -EBADMSG, "%s", why.text);
	if (format != IMAGE_FORMAT || strcmp(arch, ARCH) != 0)
		return errinfo_set(err, -EBADMSG,
				   "not an image of format %d for " ARCH
				   ": build it again",
				   IMAGE_FORMAT);
	if (!parse_is_name(name) || !parse_is_name(version))
		return bad(err, "version");
	if (clock_parse(created, &d->m.created_ms))
		return bad(err, "created");
	if (!printable(cmdline, IMAGE_CMDLINE_MAX))
		return bad(err, "cmdline");
	if (memory < 1 || memory > MEMORY_MAX)
		return bad(err, "memory_min_mib");
	strcpy(d->m.name, name);
	strcpy(d->m.version, version);
	strcpy(d->m.cmdline, cmdline);
	d->m.memory_min_mib = memory;
	return 0;
}

int imagerepo_draft_parse(const void *doc, size_t len, struct image_draft *d,
			  struct errinfo *err)
{
	json_t *body;
	int rc;

	memset(d, 0, sizeof(*d));
	if (len > IMAGE_MAX)
		return errinfo_set(err, -EBADMSG, "too large");
	body = json_loadb(doc, len, JSON_REJECT_DUPLICATES, NULL);
	if (!body)
		return errinfo_set(err, -EBADMSG, "not JSON");
	rc = get_head(body, d, err);
	if (!rc)
		rc = get_blobs(body, d, err);
	if (!rc)
		rc = get_warm(body, d, err);
	json_decref(body);
	return rc;
}

int imagerepo_draft_load(const char *dir, struct image_draft *d,
			 struct errinfo *err)
{
	auto_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int rc;

	if (snprintf(path, sizeof(path), "%s/" DRAFT_FILE, dir) >= PATH_MAX)
		return errinfo_set(err, -ENAMETOOLONG, "%s: path too long", dir);
	rc = fileio_read(path, IMAGE_MAX, &text, &len, err);
	if (rc)
		return errinfo_wrap(err, rc, "no built image");
	rc = imagerepo_draft_parse(text, len, d, err);
	return rc ? errinfo_wrap(err, rc, "%s", path) : 0;
}

static int put_blob(json_t *body, const char *member, const char *sha256,
		    uint64_t size)
{
	if (!size)
		return 0;
	return json_object_set_new(body, member,
				   json_pack("{s:s, s:I}", "sha256", sha256,
					     "size", (json_int_t)size));
}

static json_t *to_json(const struct image_draft *d)
{
	const struct image_manifest *m = &d->m;
	char created[CLOCK_ISO];
	json_t *body, *warm;
	int r = 0;

	clock_format(m->created_ms, created);
	body = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i}", "format",
			 IMAGE_FORMAT, "name", m->name, "version", m->version,
			 "created", created, "arch", ARCH, "cmdline",
			 m->cmdline, "memory_min_mib", m->memory_min_mib);
	if (!body)
		return NULL;
	r |= put_blob(body, "kernel", m->kernel.sha256, m->kernel.size);
	r |= put_blob(body, "initrd", m->initrd.sha256, m->initrd.size);
	r |= put_blob(body, "contents", m->contents.sha256, m->contents.size);
	r |= put_blob(body, "root", d->root_sha256, m->disk_size);
	if (d->n_warm) {
		warm = json_array();
		for (int i = 0; i < d->n_warm; i++)
			r |= json_array_append_new(warm, json_string(d->warm[i]));
		r |= json_object_set_new(body, "warm", warm);
	}
	if (r) {
		json_decref(body);
		return NULL;
	}
	return body;
}

int imagerepo_draft_print(const struct image_draft *d, char **doc,
			  struct errinfo *err)
{
	auto_free char *text = NULL;
	struct image_draft *check;
	json_t *body = to_json(d);
	int rc;

	if (body)
		text = json_dumps(body, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(body);
	check = malloc(sizeof(*check));
	if (!text || !check) {
		free(check);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = imagerepo_draft_parse(text, strlen(text), check, err);
	free(check);
	if (!rc)
		*doc = TAKE(text);
	return rc;
}
