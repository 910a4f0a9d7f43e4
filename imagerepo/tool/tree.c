/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "tree.h"

#define PATH_BOUND 1024

static const char *strip(const char *path)
{
	return path + strspn(path, "/");
}

/* Neither "..", nor ".", nor an empty part. */
static int is_clean(const char *path)
{
	if (!*path || strlen(path) >= PATH_BOUND)
		return 0;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (!n || (n == 1 && *path == '.') ||
		    (n == 2 && !strncmp(path, "..", 2)))
			return 0;
		path += n;
		if (*path == '/' && !*++path)
			return 0;
	}
	return 1;
}

static struct tree_entry *find(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->entries[i].path, path))
			return &t->entries[i];
	return NULL;
}

const struct tree_entry *tree_find(const struct tree *t, const char *path)
{
	return find(t, strip(path));
}

static int append(struct tree *t, const char *path, const char *source,
		  mode_t mode, uint64_t size, struct errinfo *err)
{
	struct tree_entry *grown =
		reallocarray(t->entries, t->n + 1, sizeof(*grown));
	struct tree_entry *e;

	if (!grown)
		return errinfo_set(err, -ENOMEM, "out of memory");
	t->entries = grown;
	e = &grown[t->n];
	e->path = strdup(path);
	e->source = source ? strdup(source) : NULL;
	e->mode = mode;
	e->size = size;
	if (!e->path || (source && !e->source)) {
		free(e->path);
		free(e->source);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	t->n++;
	return 0;
}

static int add_parents(struct tree *t, const char *path, struct errinfo *err)
{
	char part[PATH_BOUND];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		struct tree_entry *e;
		int rc;

		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		e = find(t, part);
		if (e && S_ISDIR(e->mode))
			continue;
		if (e)
			return errinfo_set(err, -ENOTDIR, "/%s is no directory",
					   part);
		rc = append(t, part, NULL, S_IFDIR | 0755, 0, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int add(struct tree *t, const char *path, const char *source,
	       mode_t mode, uint64_t size, struct errinfo *err)
{
	int rc;

	path = strip(path);
	if (!is_clean(path))
		return errinfo_set(err, -EINVAL, "bad path '%.64s'", path);
	if (find(t, path))
		return errinfo_set(err, -EEXIST, "/%s is there already", path);
	rc = add_parents(t, path, err);
	return rc ? rc : append(t, path, source, mode, size, err);
}

int tree_add_dir(struct tree *t, const char *path, mode_t mode,
		 struct errinfo *err)
{
	struct tree_entry *e = find(t, strip(path));

	if (!e || !S_ISDIR(e->mode))
		return add(t, path, NULL, S_IFDIR | mode, 0, err);
	e->mode = S_IFDIR | mode;
	return 0;
}

int tree_add_file(struct tree *t, const char *path, const char *source,
		  mode_t mode, struct errinfo *err)
{
	struct stat st;

	if (stat(source, &st))
		return errinfo_set_errno(err, -errno, "%s", source);
	if (!S_ISREG(st.st_mode))
		return errinfo_set(err, -EINVAL, "%s is no file", source);
	return add(t, path, source, S_IFREG | mode, (uint64_t)st.st_size, err);
}

int tree_add_link(struct tree *t, const char *path, const char *target,
		  struct errinfo *err)
{
	return add(t, path, target, S_IFLNK | 0777, strlen(target), err);
}

static int by_path(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;

	return strcmp(x->path, y->path);
}

void tree_sort(struct tree *t)
{
	if (t->n)
		qsort(t->entries, t->n, sizeof(*t->entries), by_path);
}

void tree_dispose(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->entries[i].path);
		free(t->entries[i].source);
	}
	free(t->entries);
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
