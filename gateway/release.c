/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release - boot.json (docs/protocol.md section 2).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "cleanup.h"
#include "fileio.h"
#include "release.h"

#define BOOT_JSON_MAX (64 * 1024)

static int copy_member(const json_t *o, const char *key, char *out, size_t size,
		       struct errinfo *err)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s)
		return errinfo_set(err, -EINVAL, "boot.json: no text '%s'", key);
	/* It becomes part of a line of a loader's configuration, where "---"
	 * parts modules and "||" commands. */
	if (strlen(s) >= size || strpbrk(s, "\r\n") || strstr(s, "---") ||
	    strstr(s, "||"))
		return errinfo_set(err, -EINVAL,
				   "boot.json: '%s' is too long or holds a "
				   "line end, --- or ||",
				   key);
	strcpy(out, s);
	return 0;
}

int release_parse(const char *text, size_t len, struct release *out,
		  struct errinfo *err)
{
	struct release r = { 0 };
	json_error_t why;
	json_t *o;
	int rc;

	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!o)
		return errinfo_set(err, -EINVAL, "boot.json:%d: %s", why.line,
				   why.text);
	rc = copy_member(o, "release", r.id, sizeof(r.id), err);
	if (!rc)
		rc = copy_member(o, "xen_cmdline", r.xen_cmdline,
				 sizeof(r.xen_cmdline), err);
	if (!rc)
		rc = copy_member(o, "dom0_cmdline", r.dom0_cmdline,
				 sizeof(r.dom0_cmdline), err);
	/* It becomes part of a path. */
	if (!rc && (!r.id[0] || r.id[strspn(r.id, "0123456789abcdef")]))
		rc = errinfo_set(err, -EINVAL, "boot.json: release is no hex");
	json_decref(o);
	if (!rc)
		*out = r;
	return rc;
}

const struct release *release_get(struct release_cache *cache,
				  const char *boot_dir, struct errinfo *err)
{
	auto_free char *text = NULL;
	char path[PATH_MAX];
	struct stat st;
	int64_t mtime;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/boot.json", boot_dir);
	if (stat(path, &st)) {
		errinfo_set_errno(err, -errno, "%s", path);
		return cache->valid ? &cache->release : NULL;
	}
	mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	if (cache->valid && cache->ino == st.st_ino &&
	    cache->size == st.st_size && cache->mtime_ns == mtime)
		return &cache->release;
	rc = fileio_read(path, BOOT_JSON_MAX, &text, &len, err);
	if (!rc)
		rc = release_parse(text, len, &cache->release, err);
	if (rc)
		return cache->valid ? &cache->release : NULL;
	cache->valid = 1;
	cache->ino = st.st_ino;
	cache->size = st.st_size;
	cache->mtime_ns = mtime;
	return &cache->release;
}
