/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of metadata, for trust_sign().
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "private.h"

static json_t *head(const char *type, int version, int64_t expires_ms)
{
	char expires[CLOCK_ISO];

	clock_format(expires_ms, expires);
	return json_pack("{s:s, s:s, s:i, s:s}", "_type", type, "spec_version",
			 TRUST_TUF_SPEC, "version", version, "expires", expires);
}

/* "length" and "hashes", as far as they are known. */
static int add_content(json_t *object, uint64_t length, const char *sha256)
{
	int r = 0;

	if (length)
		r |= json_object_set_new(object, "length",
					 json_integer((json_int_t)length));
	if (sha256[0])
		r |= json_object_set_new(object, "hashes",
					 json_pack("{s:s}", "sha256", sha256));
	return r ? -ENOMEM : 0;
}

static json_t *with_meta(const char *type, int version, int64_t expires_ms,
			 const struct tuf_file *files, size_t n)
{
	json_t *body = head(type, version, expires_ms);
	json_t *meta = json_object();
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		json_t *entry = json_pack("{s:i}", "version", files[i].version);

		r = add_content(entry, files[i].length, files[i].sha256);
		r |= json_object_set_new(meta, files[i].name, entry);
	}
	if (!body || r || json_object_set(body, "meta", meta)) {
		json_decref(body);
		body = NULL;
	}
	json_decref(meta);
	return body;
}

json_t *tuf_timestamp_body(int version, int64_t expires_ms,
			   const struct tuf_file *snapshot)
{
	return with_meta("timestamp", version, expires_ms, snapshot, 1);
}

json_t *tuf_snapshot_body(int version, int64_t expires_ms,
			  const struct tuf_file *files, size_t n)
{
	return with_meta("snapshot", version, expires_ms, files, n);
}

json_t *tuf_targets_body(int version, int64_t expires_ms)
{
	json_t *body = head("targets", version, expires_ms);

	if (body && json_object_set_new(body, "targets", json_object())) {
		json_decref(body);
		return NULL;
	}
	return body;
}

int tuf_targets_set(json_t *body, const char *path, const char *sha256,
		    uint64_t length, json_t *custom)
{
	json_t *targets = json_object_get(body, "targets"), *entry;

	if (!tuf_is_path(path) || !hash_is_hex(sha256) || !length)
		return -EINVAL;
	entry = json_object();
	if (add_content(entry, length, sha256) ||
	    (custom && json_object_set(entry, "custom", custom))) {
		json_decref(entry);
		return -ENOMEM;
	}
	return json_object_set_new(targets, path, entry) ? -ENOMEM : 0;
}

int tuf_targets_delete(json_t *body, const char *path)
{
	json_t *targets = json_object_get(body, "targets");

	return json_object_del(targets, path) ? -ENOENT : 0;
}
