/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "tree-private.h"

/* ---- adding -------------------------------------------------------------- */

static int no_memory(struct errinfo *err)
{
	return errinfo_set(err, -ENOMEM, "out of memory");
}

void tree_xattrs_free(struct tree_xattr *list)
{
	while (list) {
		struct tree_xattr *next = list->next;

		free(list->name);
		free(list->value);
		free(list);
		list = next;
	}
}

static void entry_dispose(struct tree_entry *e)
{
	free(e->path);
	free(e->source);
	tree_xattrs_free(e->xattrs);
	memset(e, 0, sizeof(*e));
}

/* Copies *e under a path that is resolved and free. Takes its xattrs. */
static int append(struct tree *t, const char *path, struct tree_entry *e,
		  struct errinfo *err)
{
	struct tree_entry *to;

	if (t->n == TREE_ENTRIES)
		return errinfo_set(err, -E2BIG, "more than %u files",
				   TREE_ENTRIES);
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;

		to = reallocarray(t->entries, cap, sizeof(*to));
		if (!to)
			return no_memory(err);
		t->entries = to;
		t->cap = cap;
	}
	if (tree_index_room(t))
		return no_memory(err);
	to = &t->entries[t->n];
	*to = *e;
	to->path = strdup(path);
	to->source = e->source ? strdup(e->source) : NULL;
	to->layer = t->layer;
	e->xattrs = NULL;
	if (!to->path || (e->source && !to->source)) {
		entry_dispose(to);
		return no_memory(err);
	}
	tree_index_put(t, t->n++);
	return 0;
}

static int add_parents(struct tree *t, const char *path, struct errinfo *err)
{
	char part[TREE_PATH];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		struct tree_entry dir = { .mode = S_IFDIR | 0755 };
		const struct tree_entry *e;
		int rc;

		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		e = tree_lookup(t, part);
		if (e && S_ISDIR(e->mode))
			continue;
		if (e)
			return errinfo_set(err, -ENOTDIR,
					   "/%.200s is no directory", part);
		rc = append(t, part, &dir, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int bad_path(const char *path, int rc, struct errinfo *err)
{
	return errinfo_set_errno(err, rc, "bad path '%.64s'", path);
}

static int add(struct tree *t, const char *path, struct tree_entry *e,
	       struct errinfo *err)
{
	struct tree_entry *old;
	char clean[TREE_PATH];
	int rc = tree_resolve(t, path, clean);

	if (rc)
		return bad_path(path, rc, err);
	old = tree_lookup(t, clean);
	if (old && (old->layer == t->layer || S_ISDIR(old->mode)))
		return errinfo_set(err, -EEXIST, "/%.200s is there already",
				   clean);
	if (old)
		old->gone = 1;
	rc = add_parents(t, clean, err);
	return rc ? rc : append(t, clean, e, err);
}

int tree_add_dir(struct tree *t, const char *path, mode_t mode,
		 struct errinfo *err)
{
	struct tree_entry dir = { .mode = S_IFDIR | mode }, *e;
	char clean[TREE_PATH];
	int rc = tree_walk(t, path, clean, 1);

	if (rc)
		return bad_path(path, rc, err);
	e = tree_lookup(t, clean);
	if (!e || !S_ISDIR(e->mode))
		return add(t, clean, &dir, err);
	e->mode = S_IFDIR | mode;
	return 0;
}

int tree_add_file(struct tree *t, const char *path, const char *source,
		  mode_t mode, struct errinfo *err)
{
	struct tree_entry e = { .mode = S_IFREG | mode };
	struct stat st;

	if (stat(source, &st))
		return errinfo_set_errno(err, -errno, "%s", source);
	if (!S_ISREG(st.st_mode))
		return errinfo_set(err, -EINVAL, "%s is no file", source);
	e.source = (char *)source; /* append copies it */
	e.size = (uint64_t)st.st_size;
	return add(t, path, &e, err);
}

int tree_add_link(struct tree *t, const char *path, const char *target,
		  struct errinfo *err)
{
	struct tree_entry e = { .mode = S_IFLNK | 0777,
				.source = (char *)target,
				.size = strlen(target) };

	if (!e.size || e.size >= TREE_PATH)
		return errinfo_set(err, -EINVAL, "bad target of the link %.64s",
				   path);
	return add(t, path, &e, err);
}

int tree_put(struct tree *t, struct tree_entry *e, struct errinfo *err)
{
	struct tree_entry *old;
	char clean[TREE_PATH];
	int rc = tree_resolve(t, e->path, clean);

	if (rc)
		return bad_path(e->path, rc, err);
	old = tree_lookup(t, clean);
	if (old && S_ISDIR(old->mode) && S_ISDIR(e->mode)) {
		tree_xattrs_free(old->xattrs);
		old->xattrs = TAKE(e->xattrs);
		old->mode = e->mode;
		old->uid = e->uid;
		old->gid = e->gid;
		old->mtime = e->mtime;
		old->layer = t->layer;
		return 0;
	}
	if (old && S_ISDIR(old->mode))
		tree_remove(t, clean, UINT_MAX, 0);
	else if (old)
		old->gone = 1;
	rc = add_parents(t, clean, err);
	return rc ? rc : append(t, clean, e, err);
}

static struct tree_xattr *copy_xattrs(const struct tree_xattr *from)
{
	struct tree_xattr *list = NULL, **end = &list;

	for (; from; from = from->next) {
		struct tree_xattr *x = calloc(1, sizeof(*x));

		if (!x)
			break;
		*end = x;
		end = &x->next;
		x->name = strdup(from->name);
		x->value = malloc(from->len + 1);
		x->len = from->len;
		if (!x->name || !x->value)
			break;
		memcpy(x->value, from->value, x->len);
	}
	if (!from)
		return list;
	tree_xattrs_free(list);
	return NULL;
}

int tree_put_hardlink(struct tree *t, const char *path, const char *target,
		      struct errinfo *err)
{
	struct tree_entry e, *old;
	char clean[TREE_PATH], name[TREE_PATH];
	int rc = tree_resolve(t, target, clean);

	old = rc ? NULL : tree_lookup(t, clean);
	if (!old || S_ISDIR(old->mode))
		return errinfo_set(err, -ENOENT,
				   "%.100s is a link to %.100s, which is not "
				   "there",
				   path, target);
	rc = tree_resolve(t, path, name);
	if (rc)
		return bad_path(path, rc, err);
	if (!strcmp(name, clean))
		return 0;
	if (!old->node)
		old->node = ++t->last_node;
	e = *old;
	e.path = name;
	e.xattrs = copy_xattrs(old->xattrs);
	if (old->xattrs && !e.xattrs)
		return no_memory(err);
	rc = tree_put(t, &e, err);
	tree_xattrs_free(e.xattrs);
	return rc;
}

/* ---- the whole ----------------------------------------------------------- */

void tree_remove(struct tree *t, const char *path, unsigned int keep_layer,
		 int below_only)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < t->n; i++) {
		struct tree_entry *e = &t->entries[i];

		if (e->layer == keep_layer || strncmp(e->path, path, len) != 0)
			continue;
		if (!len || e->path[len] == '/' || (!e->path[len] && !below_only))
			e->gone = 1;
	}
}

int tree_mend(struct tree *t, struct errinfo *err)
{
	for (size_t i = 0, n = t->n; i < n; i++) {
		char path[TREE_PATH];
		int rc;

		if (t->entries[i].gone)
			continue;
		strcpy(path, t->entries[i].path);
		rc = add_parents(t, path, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void tree_sort(struct tree *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->entries[i].gone)
			entry_dispose(&t->entries[i]);
		else
			t->entries[n++] = t->entries[i];
	}
	t->n = n;
	if (t->n)
		qsort(t->entries, t->n, sizeof(*t->entries), by_path);
	if (t->index_size)
		memset(t->index, 0, t->index_size * sizeof(*t->index));
	for (size_t i = 0; i < t->n; i++)
		tree_index_put(t, i);
}

void tree_dispose(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		entry_dispose(&t->entries[i]);
	free(t->entries);
	free(t->index);
	memset(t, 0, sizeof(*t));
}

uint64_t tree_size(const struct tree *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		if (S_ISREG(t->entries[i].mode))
			sum += t->entries[i].size;
	return sum;
}

size_t tree_files(const struct tree *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += S_ISREG(t->entries[i].mode);
	return n;
}
