/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "needs.h"
#include "stage-private.h"
#include "stage.h"
#include "tool.h"

/* Where Debian's loader looks without ld.so.cache; the first one is where
 * libraries go in the image. */
static const char *const lib_dirs[] = {
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib",
	"/usr/lib",
};

char *stage_find(const struct stage *s, const char *path)
{
	char *found = NULL;

	for (size_t i = 0; i < s->n_from; i++) {
		if (asprintf(&found, "%s%s", s->from[i], path) < 0)
			return NULL;
		if (!access(found, R_OK))
			return found;
		free(found);
	}
	return NULL;
}

/* "/x" in the system's trees; "x" among our own programs. */
static char *find_program(const struct stage *s, const char *name)
{
	auto_free char *path = NULL;

	if (*name == '/')
		return stage_find(s, name);
	path = tool_join(s->bin, name);
	return path && !access(path, R_OK) ? TAKE(path) : NULL;
}

static int add_library(struct stage *s, struct tree *t, const char *name,
		       struct errinfo *err)
{
	auto_free char *found = NULL, *to = tool_join(lib_dirs[0], name);

	if (!to)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (tree_find(t, to))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(lib_dirs) && !found; i++) {
		auto_free char *path = tool_join(lib_dirs[i], name);

		found = path ? stage_find(s, path) : NULL;
	}
	if (!found)
		return errinfo_set(err, -ENOENT, "no library %s", name);
	return stage_add_elf(s, t, to, found, err);
}

static int add_needs(struct stage *s, struct tree *t, const struct needs *n,
		     struct errinfo *err)
{
	int rc = 0;

	if (n->interp && !tree_find(t, n->interp)) {
		auto_free char *found = stage_find(s, n->interp);

		rc = found ? tree_add_file(t, n->interp, found, 0755, err)
			   : errinfo_set(err, -ENOENT, "no %s", n->interp);
	}
	for (size_t i = 0; i < n->n && !rc; i++) {
		const char *base = n->interp ? strrchr(n->interp, '/') : NULL;

		/* libc names the loader as a library: it is there already */
		if (!strncmp(n->libs[i], "ld-linux", 8) ||
		    (base && !strcmp(base + 1, n->libs[i])))
			continue;
		rc = add_library(s, t, n->libs[i], err);
	}
	return rc;
}

int stage_add_elf(struct stage *s, struct tree *t, const char *to,
		  const char *source, struct errinfo *err)
{
	struct needs needs;
	int rc = tree_add_file(t, to, source, 0755, err);

	if (rc)
		return rc;
	rc = needs_read(source, &needs, err);
	if (rc == -ENOEXEC) /* a script needs what it says itself */
		return 0;
	if (rc)
		return rc;
	rc = add_needs(s, t, &needs, err);
	needs_dispose(&needs);
	return rc ? errinfo_wrap(err, rc, "%s", source) : 0;
}

/* Our own programs carry debug information here, Debian's do not. */
static char *strip_program(struct stage *s, const char *source,
			   struct errinfo *err)
{
	auto_free char *to = NULL;
	const char *argv[] = { "strip", "--strip-all", "-o", NULL, source, NULL };

	if (asprintf(&to, "%s/stripped.%d", s->tmp, s->n_tmp++) < 0) {
		to = NULL;
		errinfo_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	argv[3] = to;
	return tool_run(argv, "binutils", err) ? NULL : TAKE(to);
}

int stage_program(struct stage *s, struct tree *t, const struct conf_stmt *st,
		  struct errinfo *err)
{
	const char *name = st->argv[0];
	auto_free char *source = find_program(s, name);
	auto_free char *to = NULL, *stripped = NULL;

	if (!source)
		return errinfo_set(err, -ENOENT, "no program '%s' in %s", name,
				   *name == '/' ? "the trees of --from" : s->bin);
	if (*name != '/') {
		stripped = strip_program(s, source, err);
		if (!stripped)
			return -EIO;
	}
	if (st->argc > 1)
		to = strdup(st->argv[1]);
	else
		to = *name == '/' ? strdup(name) : tool_join("/usr/bin", name);
	if (!to)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return stage_add_elf(s, t, to, stripped ? stripped : source, err);
}

int stage_library(struct stage *s, struct tree *t, const struct conf_stmt *st,
		  struct errinfo *err)
{
	int rc = 0;

	for (int i = 0; i < st->argc && !rc; i++)
		rc = add_library(s, t, st->argv[i], err);
	return rc;
}

int stage_module(struct stage *s, struct tree *t, const struct conf_stmt *st,
		 struct errinfo *err)
{
	(void)t; /* added as a whole at the end, in loading order */
	for (int i = 0; i < st->argc && s->modules.dep; i++) {
		int rc = modules_add(&s->modules, st->argv[i], err);

		if (rc)
			return rc;
	}
	return 0;
}
