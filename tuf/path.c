/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and paths: what may become part of a URL or a file name.
 */
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "private.h"

#define DIR_PREFIX "targets/"

static int is_element(const char *s, size_t len)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ._+~-";

	return len && s[0] != '.' && strspn(s, safe) >= len;
}

int tuf_is_path(const char *path)
{
	/* with the directory, a digest, its dot, and the NUL */
	if (strlen(path) + sizeof(DIR_PREFIX) + HASH_HEX > TUF_PATH)
		return 0;
	for (const char *s = path;; s++) {
		size_t len = strcspn(s, "/");

		if (!is_element(s, len))
			return 0;
		s += len;
		if (!*s)
			return 1;
	}
}

int tuf_is_role(const char *name)
{
	return parse_is_name(name) && strcmp(name, "root") != 0 &&
	       strcmp(name, "timestamp") != 0 &&
	       strcmp(name, "snapshot") != 0 && strcmp(name, TUF_TARGETS) != 0;
}

/* One '*' is tried again from one byte later on: no recursion, and at most
 * length of pattern times length of path steps. */
int tuf_path_matches(const char *pattern, const char *path)
{
	const char *star = NULL, *again = NULL;

	while (*path) {
		if (*pattern == '*') {
			star = pattern++;
			again = path;
		} else if (*pattern == *path ||
			   (*pattern == '?' && *path != '/')) {
			pattern++;
			path++;
		} else if (star && *again != '/') {
			pattern = star + 1;
			path = ++again;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

void tuf_target_file(const char *path, const char *sha256, char out[TUF_PATH])
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0;

	snprintf(out, TUF_PATH, DIR_PREFIX "%.*s%s.%s", dir, path, sha256,
		 path + dir);
}
