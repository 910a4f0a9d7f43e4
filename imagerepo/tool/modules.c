/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules.dep (modules.dep(5)): lines "PATH: PATH..." where what is named
 * later is to be loaded earlier.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "modules.h"

#define LIST_MAX (8 * 1024 * 1024)

static int read_list(const char *dir, const char *name, char **text,
		     struct errinfo *err)
{
	auto_free char *path = NULL;
	int rc;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = fileio_read(path, LIST_MAX, text, NULL, err);
	return rc ? errinfo_wrap(err, rc, "no list of modules (depmod)") : 0;
}

int modules_open(const char *tree, const char *version, struct modules *m,
		 struct errinfo *err)
{
	int rc;

	memset(m, 0, sizeof(*m));
	if (asprintf(&m->dir, "%s/lib/modules/%s", tree, version) < 0) {
		m->dir = NULL;
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = read_list(m->dir, "modules.dep", &m->dep, err);
	if (!rc)
		rc = read_list(m->dir, "modules.builtin", &m->builtin, err);
	if (rc)
		modules_dispose(m);
	return rc;
}

void modules_dispose(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->order[i]);
	free(m->dir);
	free(m->dep);
	free(m->builtin);
	memset(m, 0, sizeof(*m));
}

/* Is the path (len bytes) that of the module? '-' and '_' are the same. */
static int is_module(const char *path, size_t len, const char *name)
{
	const char *base = memrchr(path, '/', len);
	size_t n = strlen(name);

	base = base ? base + 1 : path;
	if ((size_t)(path + len - base) < n + 3 ||
	    strncmp(base + n, ".ko", 3) != 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		char a = base[i] == '-' ? '_' : base[i];
		char b = name[i] == '-' ? '_' : name[i];

		if (a != b)
			return 0;
	}
	return 1;
}

/* The line of a list that starts with the module's path, or NULL. */
static const char *find_line(const char *text, const char *name)
{
	for (const char *line = text; *line;) {
		if (is_module(line, strcspn(line, ":\n"), name))
			return line;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

static int add_path(struct modules *m, const char *path, size_t len,
		    struct errinfo *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (strlen(m->order[i]) == len && !strncmp(m->order[i], path, len))
			return 0;
	if (m->n == MODULES_MAX)
		return errinfo_set(err, -E2BIG, "more than %d modules",
				   MODULES_MAX);
	m->order[m->n] = strndup(path, len);
	if (!m->order[m->n])
		return errinfo_set(err, -ENOMEM, "out of memory");
	m->n++;
	return 0;
}

int modules_add(struct modules *m, const char *name, struct errinfo *err)
{
	const char *line = find_line(m->dep, name), *colon, *end;
	int rc;

	if (!line && find_line(m->builtin, name))
		return 0;
	if (!line)
		return errinfo_set(err, -ENOENT, "no module '%s' in %s", name,
				   m->dir);
	colon = line + strcspn(line, ":");
	end = line + strcspn(line, "\n");
	while (end > colon + 1) { /* from the last word to the first */
		const char *word = memrchr(colon, ' ', (size_t)(end - colon));

		rc = add_path(m, word + 1, (size_t)(end - word - 1), err);
		if (rc)
			return rc;
		end = word;
	}
	return add_path(m, line, (size_t)(colon - line), err);
}
