/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding: paths hashed to entries, symbolic links followed inside the tree.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tree-private.h"

#define LINKS_MAX 40 /* symbolic links followed in one path, as the kernel */

/* ---- finding ------------------------------------------------------------- */

static uint64_t hash_path(const char *path)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3;
	return h ^ h >> 32;
}

void tree_index_put(struct tree *t, size_t i)
{
	size_t at = hash_path(t->entries[i].path) & (t->index_size - 1);

	while (t->index[at])
		at = (at + 1) & (t->index_size - 1);
	t->index[at] = (uint32_t)i + 1;
}

/* At most half full, so that looking for what is not there ends soon. */
int tree_index_room(struct tree *t)
{
	size_t size = t->index_size ? t->index_size : 1024;
	uint32_t *index;

	while (size / 2 < t->n + 1)
		size *= 2;
	if (size == t->index_size)
		return 0;
	index = calloc(size, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(t->index);
	t->index = index;
	t->index_size = size;
	for (size_t i = 0; i < t->n; i++)
		tree_index_put(t, i);
	return 0;
}

/* The exact path. */
struct tree_entry *tree_lookup(const struct tree *t, const char *path)
{
	size_t at;

	if (!t->index_size)
		return NULL;
	at = hash_path(path) & (t->index_size - 1);
	for (; t->index[at]; at = (at + 1) & (t->index_size - 1)) {
		struct tree_entry *e = &t->entries[t->index[at] - 1];

		if (!e->gone && !strcmp(e->path, path))
			return e;
	}
	return NULL;
}

/* ---- resolving ----------------------------------------------------------- */

/* What is left to walk: the target of a link goes before the rest. */
static int push_link(char rest[TREE_PATH], const char *target, const char *tail)
{
	char joined[TREE_PATH];
	int n = snprintf(joined, sizeof(joined), "%s/%s", target, tail);

	if (n < 0 || n >= TREE_PATH)
		return -ENAMETOOLONG;
	memcpy(rest, joined, (size_t)n + 1);
	return 0;
}

static void pop_part(char out[TREE_PATH])
{
	char *slash = strrchr(out, '/');

	*(slash ? slash : out) = '\0';
}

/* Adds a part (n bytes) to out. */
static int push_part(char out[TREE_PATH], const char *part, size_t n)
{
	size_t len = strlen(out);

	if (n > TREE_NAME || len + n + 2 > TREE_PATH)
		return -ENAMETOOLONG;
	if (len)
		out[len++] = '/';
	memcpy(out + len, part, n);
	out[len + n] = '\0';
	return 0;
}

/* dotdot: may the text have ".." (a link's target may, a name may not)? */
int tree_walk(const struct tree *t, const char *path, char out[TREE_PATH],
	      int last_too)
{
	char rest[TREE_PATH];
	int links = 0, dotdot = 0, rc;

	*out = '\0';
	if (snprintf(rest, sizeof(rest), "%s", path) >= TREE_PATH)
		return -ENAMETOOLONG;
	for (char *p = rest + strspn(rest, "/"); *p;) {
		size_t n = strcspn(p, "/");
		char *tail = p + n + strspn(p + n, "/");
		const struct tree_entry *e;

		if (n == 1 && *p == '.') {
			p = tail;
			continue;
		}
		if (n == 2 && !strncmp(p, "..", 2)) {
			if (!dotdot)
				return -EINVAL;
			pop_part(out);
			p = tail;
			continue;
		}
		rc = push_part(out, p, n);
		if (rc)
			return rc;
		e = *tail || last_too ? tree_lookup(t, out) : NULL;
		if (!e || !S_ISLNK(e->mode)) {
			p = tail;
			continue;
		}
		if (++links > LINKS_MAX)
			return -ELOOP;
		pop_part(out);
		if (*e->source == '/')
			*out = '\0';
		rc = push_link(rest, e->source, tail);
		if (rc)
			return rc;
		dotdot = 1;
		p = rest + strspn(rest, "/");
	}
	return *out ? 0 : -EINVAL;
}

int tree_resolve(const struct tree *t, const char *path, char out[TREE_PATH])
{
	return tree_walk(t, path, out, 0);
}

const struct tree_entry *tree_find(const struct tree *t, const char *path)
{
	char clean[TREE_PATH];

	return tree_walk(t, path, clean, 0) ? NULL : tree_lookup(t, clean);
}
