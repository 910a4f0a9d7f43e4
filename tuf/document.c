/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of metadata. Unknown members are passed over; what is known must be of
 * its form.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "clock.h"
#include "private.h"

#define LENGTH_MAX (INT64_C(1) << 53) /* what JSON holds everywhere */

static int is_version(json_int_t v)
{
	return v >= 1 && v <= INT_MAX;
}

int tuf_head(const json_t *body, const char *type, int *version,
	     int64_t *expires_ms, struct errinfo *err)
{
	const char *is, *spec, *expires;
	json_int_t v;

	if (json_unpack((json_t *)body, "{s:s, s:s, s:I, s:s}", "_type", &is,
			"spec_version", &spec, "version", &v, "expires", &expires))
		return errinfo_set(err, -EBADMSG,
				   "lacks \"_type\", \"spec_version\", "
				   "\"version\" or \"expires\"");
	if (strcmp(is, type) != 0)
		return errinfo_set(err, -EBADMSG, "\"_type\" is not \"%s\"",
				   type);
	if (strncmp(spec, "1.", 2) != 0)
		return errinfo_set(err, -EBADMSG, "\"spec_version\" is not 1.x");
	if (!is_version(v))
		return errinfo_set(err, -EBADMSG, "\"version\" is not from 1 on");
	if (clock_parse(expires, expires_ms))
		return errinfo_set(err, -EBADMSG,
				   "\"expires\" is not a time such as "
				   "2026-12-01T00:00:00Z");
	*version = (int)v;
	return 0;
}

int tuf_check_fresh(int64_t expires_ms, int64_t now_ms, struct errinfo *err)
{
	char text[CLOCK_ISO];

	if (expires_ms > now_ms)
		return 0;
	clock_format(expires_ms, text);
	return errinfo_set(err, -ESTALE, "expired at %s", text);
}

/* "length" and "hashes", each of which may be absent; sha256 must be one of
 * the hashes, since it is what we can check. */
static int parse_content(const json_t *object, uint64_t *length,
			 char sha256[HASH_HEX], struct errinfo *err)
{
	const json_t *l = json_object_get(object, "length");
	const json_t *hashes = json_object_get(object, "hashes");
	const char *hex = json_string_value(json_object_get(hashes, "sha256"));

	*length = 0;
	sha256[0] = '\0';
	if (l && (!json_is_integer(l) || json_integer_value(l) < 1 ||
		  json_integer_value(l) > LENGTH_MAX))
		return errinfo_set(err, -EBADMSG, "bad \"length\"");
	if (hashes && (!hex || !hash_is_hex(hex)))
		return errinfo_set(err, -EBADMSG, "no SHA-256 in \"hashes\"");
	if (l)
		*length = (uint64_t)json_integer_value(l);
	if (hex)
		strcpy(sha256, hex); /* 64 digits, as checked */
	return 0;
}

int tuf_file_parse(const json_t *body, const char *name, struct tuf_file *out,
		   struct errinfo *err)
{
	const json_t *meta = json_object_get(body, "meta"), *entry;
	json_int_t v;
	int rc;

	if (!json_is_object(meta) || strlen(name) >= sizeof(out->name))
		return errinfo_set(err, -EBADMSG, "no \"meta\"");
	memset(out, 0, sizeof(*out));
	strcpy(out->name, name);
	entry = json_object_get(meta, name);
	if (!entry)
		return errinfo_set(err, -ENOENT, "does not list %s", name);
	v = json_integer_value(json_object_get(entry, "version"));
	if (!is_version(v))
		return errinfo_set(err, -EBADMSG, "%s: no \"version\"", name);
	out->version = (int)v;
	rc = parse_content(entry, &out->length, out->sha256, err);
	return rc ? errinfo_wrap(err, rc, "%s", name) : 0;
}

int tuf_file_check(const struct tuf_file *file, const void *data, size_t len,
		   struct errinfo *err)
{
	char hex[HASH_HEX];

	if (file->length && len != file->length)
		return errinfo_set(err, -EBADMSG, "%zu bytes instead of %llu",
				   len, (unsigned long long)file->length);
	if (!file->sha256[0])
		return 0;
	hash_bytes_hex(data, len, hex);
	if (strcmp(hex, file->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "SHA-256 is %.12s... instead of %.12s...",
				   hex, file->sha256);
	return 0;
}

static int all_strings(const json_t *list)
{
	json_t *value;
	size_t i;

	json_array_foreach((json_t *)list, i,
			   value) if (!json_is_string(value)) return 0;
	return json_array_size(list) <= TUF_PATTERNS_MAX;
}

static int check_delegation(const json_t *d, struct errinfo *err)
{
	const char *name = json_string_value(json_object_get(d, "name"));
	const json_t *paths = json_object_get(d, "paths");
	const json_t *prefixes = json_object_get(d, "path_hash_prefixes");
	const json_t *list = paths ? paths : prefixes;

	if (!name || !tuf_is_role(name))
		return errinfo_set(err, -EBADMSG,
				   "delegates to a role with a bad name");
	if (!json_is_boolean(json_object_get(d, "terminating")) ||
	    !json_is_array(list) || (paths && prefixes) || !all_strings(list))
		return errinfo_set(err, -EBADMSG,
				   "malformed delegation to '%s'", name);
	return 0;
}

static int check_delegations(const json_t *delegations, struct errinfo *err)
{
	json_t *roles = json_object_get(delegations, "roles"), *d;
	size_t i;

	if (!json_is_object(json_object_get(delegations, "keys")) ||
	    !json_is_array(roles))
		return errinfo_set(err, -EBADMSG, "malformed \"delegations\"");
	if (json_array_size(roles) > TUF_DELEGATIONS_MAX)
		return errinfo_set(err, -EBADMSG, "more than %d delegations",
				   TUF_DELEGATIONS_MAX);
	json_array_foreach(roles, i, d)
	{
		int rc = check_delegation(d, err);

		if (rc)
			return rc;
	}
	return 0;
}

int tuf_targets_check(const json_t *body, struct errinfo *err)
{
	const json_t *delegations = json_object_get(body, "delegations");

	if (!json_is_object(json_object_get(body, "targets")))
		return errinfo_set(err, -EBADMSG, "no \"targets\"");
	return delegations ? check_delegations(delegations, err) : 0;
}

int tuf_target_parse(const struct tuf_role *role, const char *path,
		     struct tuf_target *out, struct errinfo *err)
{
	const json_t *entry =
		json_object_get(json_object_get(role->body, "targets"), path);
	int rc;

	if (!entry)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	if (!tuf_is_path(path))
		return errinfo_set(err, -EBADMSG, "a target has a bad path");
	rc = parse_content(entry, &out->length, out->sha256, err);
	if (rc)
		return errinfo_wrap(err, rc, "target %s", path);
	if (!out->length || !out->sha256[0])
		return errinfo_set(err, -EBADMSG,
				   "target %s: no length or no SHA-256", path);
	strcpy(out->path, path); /* fits: it is a path */
	strcpy(out->role, role->name);
	tuf_target_file(path, out->sha256, out->file);
	out->custom = json_object_get(entry, "custom");
	return 0;
}
