/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that name files, and what ties a block together.
 */
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "stage-private.h"
#include "tool.h"

#define MODULE_DIR "/modules" /* in the image, with "order" */

/* An optional mode argument, in octal. */
static int parse_mode(const struct conf_stmt *st, int arg, mode_t dflt,
		      mode_t *mode, struct errinfo *err)
{
	char *end;
	unsigned long v;

	*mode = dflt;
	if (st->argc <= arg)
		return 0;
	v = strtoul(st->argv[arg], &end, 8);
	if (*end || !*st->argv[arg] || v > 07777)
		return errinfo_set(err, -EINVAL,
				   "'%s' is not a mode such as 0755",
				   st->argv[arg]);
	*mode = (mode_t)v;
	return 0;
}

/* "x" lies beside the recipe, "/x" in the system's trees. */
static char *find_file(const struct stage *s, const char *name)
{
	auto_free char *path = NULL;

	if (*name == '/')
		return stage_find(s, name);
	path = tool_join(s->recipe->dir, name);
	return path && !access(path, R_OK) ? TAKE(path) : NULL;
}

static int stage_file(struct stage *s, struct tree *t,
		      const struct conf_stmt *st, struct errinfo *err)
{
	auto_free char *source = find_file(s, st->argv[0]);
	mode_t mode;
	int rc;

	if (!source)
		return errinfo_set(err, -ENOENT, "no file '%s'", st->argv[0]);
	rc = parse_mode(st, 2, 0644, &mode, err);
	return rc ? rc : tree_add_file(t, st->argv[1], source, mode, err);
}

static int stage_directory(struct stage *s, struct tree *t,
			   const struct conf_stmt *st, struct errinfo *err)
{
	mode_t mode;
	int rc = parse_mode(st, 1, 0755, &mode, err);

	(void)s;
	return rc ? rc : tree_add_dir(t, st->argv[0], mode, err);
}

static int stage_link(struct stage *s, struct tree *t,
		      const struct conf_stmt *st, struct errinfo *err)
{
	(void)s;
	return tree_add_link(t, st->argv[0], st->argv[1], err);
}

/* For nftw(3), which has no argument of ours. */
static struct {
	struct tree *tree;
	size_t skip; /* characters of the source's path */
	const char *to;
	struct errinfo *err;
} walk;

static int add_link_copy(const char *from, const char *to)
{
	char target[1024];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return errinfo_set_errno(walk.err, -errno, "%s", from);
	target[n] = '\0';
	return tree_add_link(walk.tree, to, target, walk.err);
}

static int add_walked(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	auto_free char *to = NULL;

	(void)ftw;
	if (!path[walk.skip])
		return 0;
	if (asprintf(&to, "%s%s", walk.to, path + walk.skip) < 0) {
		to = NULL;
		return errinfo_set(walk.err, -ENOMEM, "out of memory");
	}
	if (type == FTW_D)
		return tree_add_dir(walk.tree, to, 0755, walk.err);
	if (type == FTW_SL)
		return add_link_copy(path, to);
	if (type == FTW_F)
		return tree_add_file(walk.tree, to, path,
				     st->st_mode & 0100 ? 0755 : 0644, walk.err);
	return errinfo_set(walk.err, -EINVAL, "%s cannot be read", path);
}

static int stage_tree(struct stage *s, struct tree *t,
		      const struct conf_stmt *st, struct errinfo *err)
{
	auto_free char *source = find_file(s, st->argv[0]);
	int r;

	if (!source)
		return errinfo_set(err, -ENOENT, "no directory '%s'",
				   st->argv[0]);
	walk.tree = t;
	walk.skip = strlen(source);
	walk.to = st->argc > 1 ? st->argv[1] : "";
	walk.err = err;
	r = nftw(source, add_walked, 16, FTW_PHYS);
	return r == -1 ? errinfo_set_errno(err, -errno, "%s", source) : r;
}

/* One line of `busybox --list`. An applet whose name is taken is left out. */
static int add_applet(struct tree *t, const char *name, const char *busybox,
		      struct errinfo *err)
{
	char path[256];

	snprintf(path, sizeof(path), "/bin/%s", name);
	return tree_find(t, path) ? 0 : tree_add_link(t, path, busybox, err);
}

static int stage_busybox(struct stage *s, struct tree *t,
			 const struct conf_stmt *st, struct errinfo *err)
{
	auto_free char *source = stage_find(s, st->argv[0]);
	auto_free char *command = NULL;
	char name[128];
	FILE *list;
	int rc;

	if (!source)
		return errinfo_set(err, -ENOENT,
				   "no '%s' in the trees of "
				   "--from (package busybox-static)",
				   st->argv[0]);
	rc = stage_add_elf(s, t, st->argv[0], source, err);
	if (rc)
		return rc;
	if (strpbrk(source, "'\\") ||
	    asprintf(&command, "'%s' --list", source) < 0)
		return errinfo_set(err, -EINVAL, "'%s' cannot be run", source);
	list = popen(command, "re");
	if (!list)
		return errinfo_set_errno(err, -errno, "%s", source);
	while (!rc && fscanf(list, "%127s", name) == 1)
		rc = add_applet(t, name, st->argv[0], err);
	if (pclose(list) && !rc)
		rc = errinfo_set(err, -EIO, "%s --list failed", source);
	return rc;
}

/* Modules go to one flat directory; "order" names them as they are loaded. */
static int add_modules(struct stage *s, struct tree *t, struct errinfo *err)
{
	auto_buf struct buf order = BUF_INIT;
	auto_free char *list = NULL;
	int rc = 0;

	for (size_t i = 0; i < s->modules.n && !rc; i++) {
		auto_free char *source =
			tool_join(s->modules.dir, s->modules.order[i]);
		const char *base = strrchr(s->modules.order[i], '/') + 1;
		auto_free char *to = tool_join(MODULE_DIR, base);

		if (!source || !to)
			return errinfo_set(err, -ENOMEM, "out of memory");
		buf_addf(&order, "%s\n", to);
		rc = tree_add_file(t, to, source, 0644, err);
	}
	if (rc || !s->modules.n)
		return rc;
	if (asprintf(&list, "%s/order.%d", s->tmp, s->n_tmp++) < 0) {
		list = NULL;
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = fileio_write_atomic(list, order.data, order.len, 0644, err);
	return rc ? rc : tree_add_file(t, MODULE_DIR "/order", list, 0644, err);
}

static const struct {
	const char *name;
	stage_fn fn;
} statements[] = {
	{ "program", stage_program }, { "library", stage_library },
	{ "module", stage_module },   { "file", stage_file },
	{ "tree", stage_tree },       { "directory", stage_directory },
	{ "link", stage_link },       { "busybox", stage_busybox },
};

static void stage_statement(struct stage *s, struct tree *t,
			    const struct conf_stmt *st)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		if (strcmp(statements[i].name, st->name) != 0)
			continue;
		rc = statements[i].fn(s, t, st, &err);
		if (rc)
			conf_error(s->recipe->conf, st, 0, "%s",
				   errinfo_text(&err, rc));
	}
}

/* Once for a tree: what the blocks name is one list. */
static void open_modules(struct stage *s, const struct conf_stmt *first)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (!s->kernel || s->modules.dep) /* no kernel: an error already */
		return;
	rc = modules_open(s->kernel_tree, s->kernel_version, &s->modules, &err);
	if (rc)
		conf_error(s->recipe->conf, first, -1, "%s",
			   errinfo_text(&err, rc));
}

static void stage_block(struct stage *s, const struct conf_stmt *block,
			struct tree *t)
{
	const struct conf_stmt *first = conf_find(block->child, "module");

	if (first)
		open_modules(s, first);
	/* busybox last: its links give way to what the recipe says */
	for (const struct conf_stmt *st = block->child; st; st = st->next)
		if (strcmp(st->name, "busybox") != 0)
			stage_statement(s, t, st);
	for (const struct conf_stmt *st = block->child; st; st = st->next)
		if (!strcmp(st->name, "busybox"))
			stage_statement(s, t, st);
}

static void stage_levels(struct stage *s, struct recipe *r,
			 enum stage_block which, struct tree *t)
{
	const struct conf_stmt *block;

	if (r->base)
		stage_levels(s, r->base, which, t);
	s->recipe = r;
	t->layer++;
	block = which == STAGE_INITRD ? r->initrd : r->root;
	if (block)
		stage_block(s, block, t);
}

void stage_blocks(struct stage *s, struct recipe *r, enum stage_block which,
		  struct tree *t)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	stage_levels(s, r, which, t);
	rc = add_modules(s, t, &err);
	if (rc)
		conf_error(r->conf, conf_first(r->conf), -1, "%s",
			   errinfo_text(&err, rc));
	modules_dispose(&s->modules);
}

/* The newest of the files that match in one tree, by version, or NULL. */
static char *newest(const char *tree, const char *pattern)
{
	auto_free char *full = NULL;
	const char *best = NULL;
	char *found = NULL;
	glob_t g = { 0 };

	if (asprintf(&full, "%s%s", tree, pattern) < 0) {
		full = NULL;
		return NULL;
	}
	if (!glob(full, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			if (!best || strverscmp(best, g.gl_pathv[i]) < 0)
				best = g.gl_pathv[i];
	if (best)
		found = strdup(best);
	globfree(&g);
	return found;
}

void stage_kernel(struct stage *s, struct recipe *r)
{
	const struct conf_stmt *st = r->kernel;
	struct conf *conf = r->kernel_of->conf;
	const char *dash;

	for (size_t i = 0; i < s->n_from && !s->kernel; i++) {
		s->kernel_tree = s->from[i];
		s->kernel = newest(s->from[i], st->argv[0]);
	}
	if (!s->kernel) {
		conf_error(conf, st, 0, "no kernel '%s' in the trees of --from",
			   st->argv[0]);
		return;
	}
	/* /boot/vmlinuz-VERSION, as Debian names it */
	dash = strchr(strrchr(s->kernel, '/'), '-');
	s->kernel_version = dash ? strdup(dash + 1) : NULL;
	if (!s->kernel_version) {
		conf_error(conf, st, 0, "%s is not called vmlinuz-VERSION",
			   s->kernel);
		free(s->kernel);
		s->kernel = NULL;
	}
}

void stage_dispose(struct stage *s)
{
	modules_dispose(&s->modules);
	free(s->kernel);
	free(s->kernel_version);
	s->kernel = s->kernel_version = NULL;
}
