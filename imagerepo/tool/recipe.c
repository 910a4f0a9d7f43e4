/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "recipe.h"
#include "tool.h"

#define MIB        (1024 * 1024)
#define MEMORY_MAX (1024 * 1024) /* MiB */

static const struct conf_rule tree_rules[] = {
	{ "busybox", 1, 1, 0, NULL },
	{ "program", 1, 2, CONF_MANY, NULL },
	{ "library", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ "module", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ "file", 2, 3, CONF_MANY, NULL },
	{ "tree", 1, 2, CONF_MANY, NULL },
	{ "directory", 1, 2, CONF_MANY, NULL },
	{ "link", 2, 2, CONF_MANY, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule debian_rules[] = {
	{ "variant", 1, 1, 0, NULL },
	{ "mirror", 1, 1, CONF_MANY, NULL },
	{ "package", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ "exclude", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ "hook", 1, 1, CONF_MANY, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule rules[] = {
	{ "name", 1, 1, CONF_REQUIRED, NULL },
	{ "version", 1, 1, CONF_REQUIRED, NULL },
	{ "from", 1, 1, 0, NULL },
	{ "memory", 1, 1, 0, NULL },
	{ "cmdline", 1, 1, 0, NULL },
	{ "kernel", 1, 1, 0, NULL },
	{ "fs", 1, 1, 0, NULL },
	{ "debian", 1, 1, 0, debian_rules },
	{ "import", 2, 2, 0, NULL },
	{ "warm", 1, 1, CONF_MANY, NULL },
	{ "initrd", 0, 0, 0, tree_rules },
	{ "root", 0, 0, 0, tree_rules },
	{ NULL, 0, 0, 0, NULL },
};

static void check_names(struct recipe *r)
{
	const struct conf_stmt *top = conf_first(r->conf);
	const struct conf_stmt *name = conf_find(top, "name");
	const struct conf_stmt *version = conf_find(top, "version");
	size_t max = PARSE_NAME_MAX - RECIPE_VERSION_SUFFIX;

	if (!parse_is_name(name->argv[0]))
		conf_error(r->conf, name, 0,
			   "'%s' is not a name (a-z, 0-9, '.', '_', '-')",
			   name->argv[0]);
	else
		strcpy(r->name, name->argv[0]);
	if (!parse_is_name(version->argv[0]) || strlen(version->argv[0]) > max)
		conf_error(r->conf, version, 0,
			   "'%s' is not a version (a name of at most %zu "
			   "characters)",
			   version->argv[0], max);
	else
		strcpy(r->version, version->argv[0]);
}

static void check_memory(struct recipe *r, const struct conf_stmt *memory)
{
	uint64_t bytes;

	if (parse_size(memory->argv[0], &bytes) || bytes % MIB || !bytes ||
	    bytes / MIB > MEMORY_MAX)
		conf_error(r->conf, memory, 0,
			   "'%s' is not a size in whole MiB such as 128M",
			   memory->argv[0]);
	else
		r->memory_mib = (int)(bytes / MIB);
}

static void check_cmdline(struct recipe *r, const struct conf_stmt *cmdline)
{
	r->cmdline = cmdline->argv[0];
	if (strlen(r->cmdline) > IMAGE_CMDLINE_MAX)
		conf_error(r->conf, cmdline, 0, "longer than %d characters",
			   IMAGE_CMDLINE_MAX);
	for (const char *p = r->cmdline; *p; p++) {
		if (*p >= 0x20 && *p <= 0x7e)
			continue;
		conf_error(r->conf, cmdline, 0, "not printable ASCII");
		break;
	}
}

static void check_kernel(struct recipe *r, const struct conf_stmt *kernel)
{
	r->kernel = kernel;
	r->kernel_of = r;
	if (kernel->argv[0][0] != '/')
		conf_error(r->conf, kernel, 0,
			   "the kernel's path starts with '/'");
}

static void check_fs(struct recipe *r, const struct conf_stmt *fs)
{
	if (!strcmp(fs->argv[0], "ext4"))
		r->fs = RECIPE_EXT4;
	else if (!strcmp(fs->argv[0], "squashfs"))
		r->fs = RECIPE_SQUASHFS;
	else
		conf_error(r->conf, fs, 0, "'%s' is neither ext4 nor squashfs",
			   fs->argv[0]);
}

static void check_import(struct recipe *r, const struct conf_stmt *import)
{
	r->import = import;
	if (strcmp(import->argv[0], "tar") != 0 &&
	    strcmp(import->argv[0], "oci") != 0)
		conf_error(r->conf, import, 0,
			   "'%s' is neither tar nor oci (disks: imagerepo "
			   "convert)",
			   import->argv[0]);
	if (r->debian)
		conf_error(r->conf, import, -1,
			   "a root is either debian or imported");
}

static void check_warm(struct recipe *r)
{
	const struct conf_stmt *top = conf_first(r->conf);
	int n = 0;

	for (const struct conf_stmt *st = conf_find(top, "warm"); st;
	     st = conf_next(st))
		if (++n > DRAFT_WARM_MAX || strlen(st->argv[0]) >= DRAFT_WARM_LEN)
			conf_error(r->conf, st, -1,
				   "at most %d commands of %d characters",
				   DRAFT_WARM_MAX, DRAFT_WARM_LEN - 1);
}

static void inherit(struct recipe *r)
{
	const struct recipe *base = r->base;

	r->memory_mib = base->memory_mib;
	r->cmdline = base->cmdline;
	r->kernel = base->kernel;
	r->kernel_of = base->kernel_of;
	r->fs = base->fs;
}

/* What must be known in the end, from here or from a base. */
static void check_complete(struct recipe *r)
{
	const struct conf_stmt *name = conf_find(conf_first(r->conf), "name");

	if (!r->memory_mib)
		conf_error(r->conf, name, -1, "'memory' is missing");
	if (!r->cmdline)
		conf_error(r->conf, name, -1, "'cmdline' is missing");
	if (!r->kernel)
		conf_error(r->conf, name, -1, "'kernel' is missing");
	if (!r->root && !r->base && !r->debian && !r->import)
		conf_error(r->conf, name, -1, "'root' is missing");
}

static void check_debian(struct recipe *r, const struct conf_stmt *debian)
{
	r->debian = debian;
	for (const struct recipe *b = r->base; b; b = b->base) {
		if (b->debian && strcmp(b->debian->argv[0], debian->argv[0]) != 0)
			conf_error(r->conf, debian, 0,
				   "%s is made from Debian %s", b->name,
				   b->debian->argv[0]);
		if (b->import)
			conf_error(r->conf, debian, -1,
				   "%s is imported, it takes no packages",
				   b->name);
	}
}

static void check_values(struct recipe *r)
{
	static const struct {
		const char *name;
		void (*fn)(struct recipe *r, const struct conf_stmt *st);
	} checks[] = {
		{ "memory", check_memory }, { "cmdline", check_cmdline },
		{ "kernel", check_kernel }, { "fs", check_fs },
		{ "debian", check_debian }, { "import", check_import },
	};
	const struct conf_stmt *top = conf_first(r->conf);

	if (r->base)
		inherit(r);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct conf_stmt *st = conf_find(top, checks[i].name);

		if (st)
			checks[i].fn(r, st);
	}
	check_warm(r);
	r->initrd = conf_find(top, "initrd");
	r->root = conf_find(top, "root");
	if (!conf_errors(r->conf))
		check_complete(r);
}

int recipe_errors(const struct recipe *r)
{
	int n = r->conf ? conf_errors(r->conf) : 0;
	int rc = r->base ? recipe_errors(r->base) : 0;

	for (int i = 0; i < n && conf_error_text(r->conf, i); i++)
		fprintf(stderr, "%s\n", conf_error_text(r->conf, i));
	if (n > CONF_ERRORS_MAX)
		fprintf(stderr, "and %d more\n", n - CONF_ERRORS_MAX);
	return n ? -EINVAL : rc;
}

static int load(const char *path, int depth, struct recipe *r);

/* Has its errors printed by itself. */
static int load_base(struct recipe *r, const struct conf_stmt *from, int depth)
{
	auto_free char *path = NULL;

	if (depth == RECIPE_FROM_MAX) {
		conf_error(r->conf, from, 0,
			   "more than %d recipes, one from another (a circle?)",
			   RECIPE_FROM_MAX);
		return 0;
	}
	path = *from->argv[0] == '/' ? strdup(from->argv[0])
				     : tool_join(r->dir, from->argv[0]);
	r->base = calloc(1, sizeof(*r->base));
	if (!path || !r->base)
		return -ENOMEM;
	return load(path, depth + 1, r->base);
}

static int load(const char *path, int depth, struct recipe *r)
{
	const struct conf_stmt *from;
	auto_free char *file = NULL;
	struct stat st;
	int rc = 0;

	memset(r, 0, sizeof(*r));
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		r->dir = strdup(path);
		file = tool_join(path, "recipe.conf");
	} else {
		auto_free char *copy = strdup(path);

		r->dir = copy ? strdup(dirname(copy)) : NULL;
		file = strdup(path);
	}
	if (r->dir && file)
		r->conf = conf_load(file, rules);
	if (!r->conf) {
		fprintf(stderr, TOOL_NAME ": out of memory\n");
		return -ENOMEM;
	}
	if (conf_errors(r->conf))
		return -EINVAL;
	from = conf_find(conf_first(r->conf), "from");
	if (from)
		rc = load_base(r, from, depth);
	if (rc)
		return rc;
	check_names(r);
	check_values(r);
	return conf_errors(r->conf) ? -EINVAL : 0;
}

int recipe_load(const char *path, struct recipe *r)
{
	int rc = load(path, 0, r);

	recipe_errors(r);
	return rc;
}

void recipe_dispose(struct recipe *r)
{
	if (r->base) {
		recipe_dispose(r->base);
		free(r->base);
	}
	conf_free(r->conf);
	free(r->dir);
	memset(r, 0, sizeof(*r));
}
