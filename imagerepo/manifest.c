/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: JSON to struct and back, each member checked.
 */
#include <errno.h>
#include <string.h>

#include "private.h"

#define MIB(n) ((uint64_t)(n) << 20)

/* Bounds keep a bad manifest from filling a node's memory; they are far above
 * what Debian's kernel and a scientific root need. */
static const struct role_rule {
	const char *name;
	int required;
	uint64_t max;
} roles[IMAGEREPO_ROLES] = {
	[IMAGEREPO_KERNEL] = { "kernel", 1, MIB(64) },
	[IMAGEREPO_INITRD] = { "initrd", 0, MIB(256) },
	[IMAGEREPO_ROOT] = { "root", 1, MIB(8192) },
};

const char *imagerepo_role_name(enum imagerepo_role role)
{
	return roles[role].name;
}

uint64_t imagerepo_role_max(enum imagerepo_role role)
{
	return roles[role].max;
}

uint64_t imagerepo_manifest_size(const struct imagerepo_manifest *m)
{
	uint64_t sum = 0;

	for (int i = 0; i < IMAGEREPO_ROLES; i++)
		sum += m->blob[i].size;
	return sum;
}

int imagerepo_copy_name(char out[IMAGEREPO_NAME], const char *value,
			const char *member, struct errinfo *err)
{
	if (!parse_is_name(value))
		return errinfo_set(err, -EBADMSG, "\"%s\" is not a name", member);
	strcpy(out, value); /* fits: it is a name */
	return 0;
}

int imagerepo_copy_digest(char out[HASH_HEX], const char *value,
			  struct errinfo *err)
{
	if (!hash_is_hex(value))
		return errinfo_set(err, -EBADMSG,
				   "a digest is not 64 hex digits");
	strcpy(out, value);
	return 0;
}

static int copy_cmdline(char out[IMAGEREPO_CMDLINE_MAX + 1], const char *value,
			struct errinfo *err)
{
	size_t len = strlen(value);

	if (len > IMAGEREPO_CMDLINE_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"cmdline\" is longer than %d bytes",
				   IMAGEREPO_CMDLINE_MAX);
	for (size_t i = 0; i < len; i++)
		if (value[i] < 0x20 || value[i] > 0x7e)
			return errinfo_set(err, -EBADMSG,
					   "\"cmdline\" is not printable ASCII");
	strcpy(out, value);
	return 0;
}

static int copy_time(int64_t *out, const char *value, const char *member,
		     struct errinfo *err)
{
	if (clock_parse(value, out))
		return errinfo_set(err, -EBADMSG, "\"%s\" is not a time", member);
	return 0;
}

static int parse_blob(json_t *object, struct imagerepo_manifest *m,
		      struct errinfo *err)
{
	const char *role, *sha256;
	json_int_t size;
	int i;

	if (json_unpack(object, "{s:s, s:s, s:I !}", "role", &role, "sha256",
			&sha256, "size", &size))
		return errinfo_set(err, -EBADMSG, "malformed blob");
	for (i = 0; i < IMAGEREPO_ROLES; i++)
		if (!strcmp(roles[i].name, role))
			break;
	if (i == IMAGEREPO_ROLES)
		return errinfo_set(err, -EBADMSG, "a blob of unknown role");
	if (m->blob[i].size)
		return errinfo_set(err, -EBADMSG, "two blobs of role %s",
				   roles[i].name);
	if (size < 1 || (uint64_t)size > roles[i].max)
		return errinfo_set(err, -EBADMSG,
				   "the %s's size is not in 1 to %llu bytes",
				   roles[i].name,
				   (unsigned long long)roles[i].max);
	m->blob[i].size = (uint64_t)size;
	return imagerepo_copy_digest(m->blob[i].sha256, sha256, err);
}

static int parse_blobs(json_t *blobs, struct imagerepo_manifest *m,
		       struct errinfo *err)
{
	json_t *object;
	size_t i;
	int rc;

	if (!json_is_array(blobs))
		return errinfo_set(err, -EBADMSG, "\"blobs\" is no array");
	json_array_foreach(blobs, i, object)
	{
		rc = parse_blob(object, m, err);
		if (rc)
			return rc;
	}
	for (i = 0; i < IMAGEREPO_ROLES; i++)
		if (roles[i].required && !m->blob[i].size)
			return errinfo_set(err, -EBADMSG, "no blob of role %s",
					   roles[i].name);
	return 0;
}

int imagerepo_manifest_parse(const json_t *body, struct imagerepo_manifest *m,
			     struct errinfo *err)
{
	const char *type, *spec, *expires, *name, *version, *created, *arch,
		*cmdline;
	json_int_t memory;
	json_t *blobs;
	int rc;

	memset(m, 0, sizeof(*m));
	if (json_unpack((json_t *)body,
			"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o !}",
			"_type", &type, "spec_version", &spec, "expires",
			&expires, "name", &name, "version", &version, "created",
			&created, "arch", &arch, "cmdline", &cmdline,
			"memory_min_mib", &memory, "blobs", &blobs))
		return errinfo_set(err, -EBADMSG,
				   "a member of the manifest is missing, "
				   "unknown, or of another kind");
	if (strcmp(arch, IMAGEREPO_ARCH) != 0)
		return errinfo_set(err, -EBADMSG,
				   "\"arch\" is not " IMAGEREPO_ARCH);
	if (memory < 1 || memory > IMAGEREPO_MEMORY_MAX)
		return errinfo_set(err, -EBADMSG,
				   "\"memory_min_mib\" is not in 1 to %d",
				   IMAGEREPO_MEMORY_MAX);
	m->memory_min_mib = (int)memory;
	rc = imagerepo_copy_name(m->name, name, "name", err);
	if (!rc)
		rc = imagerepo_copy_name(m->version, version, "version", err);
	if (!rc)
		rc = copy_time(&m->created_ms, created, "created", err);
	if (!rc)
		rc = copy_time(&m->expires_ms, expires, "expires", err);
	if (!rc)
		rc = copy_cmdline(m->cmdline, cmdline, err);
	if (!rc)
		rc = parse_blobs(blobs, m, err);
	return rc;
}

int imagerepo_manifest_open(const struct trust_root *root, const char *digest,
			    const void *doc, size_t len, int64_t now_ms,
			    struct imagerepo_manifest *m, struct errinfo *err)
{
	char is[HASH_HEX];
	json_t *body;
	int rc;

	if (len > TRUST_DOC_MAX)
		return errinfo_set(err, -EFBIG, "larger than %d bytes",
				   TRUST_DOC_MAX);
	if (digest) {
		hash_bytes_hex(doc, len, is);
		if (strcmp(is, digest) != 0)
			return errinfo_set(err, -EBADMSG,
					   "its SHA-256 is %.12s..., not "
					   "%.12s... as it is named",
					   is, digest);
	}
	rc = trust_verify(root, IMAGEREPO_ROLE, "image", doc, len, now_ms,
			  &body, err);
	if (rc)
		return rc;
	rc = imagerepo_manifest_parse(body, m, err);
	json_decref(body);
	return rc;
}

json_t *imagerepo_manifest_json(const struct imagerepo_manifest *m)
{
	char created[CLOCK_ISO], expires[CLOCK_ISO];
	json_t *blobs = json_array();
	int r = 0;

	for (int i = 0; i < IMAGEREPO_ROLES; i++)
		if (m->blob[i].size)
			r |= json_array_append_new(
				blobs, json_pack("{s:s, s:s, s:I}", "role",
						 roles[i].name, "sha256",
						 m->blob[i].sha256, "size",
						 (json_int_t)m->blob[i].size));
	if (r) {
		json_decref(blobs);
		return NULL;
	}
	clock_format(m->created_ms, created);
	clock_format(m->expires_ms, expires);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:o}",
			 "_type", "image", "spec_version", TRUST_SPEC,
			 "expires", expires, "name", m->name, "version",
			 m->version, "created", created, "arch", IMAGEREPO_ARCH,
			 "cmdline", m->cmdline, "memory_min_mib",
			 m->memory_min_mib, "blobs", blobs);
}

int imagerepo_manifest_make(const struct imagerepo_manifest *m,
			    const struct trust_key *keys, size_t n, char **doc,
			    struct errinfo *err)
{
	struct imagerepo_manifest check;
	json_t *body = imagerepo_manifest_json(m);
	int rc;

	if (!body)
		return errinfo_set(err, -EINVAL, "no such manifest can be");
	rc = imagerepo_manifest_parse(body, &check, err);
	if (!rc)
		rc = trust_sign(body, keys, n, doc, err);
	json_decref(body);
	return rc;
}
