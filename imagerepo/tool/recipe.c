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

#define MIB (1024 * 1024)

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

static const struct conf_rule rules[] = {
	{ "name", 1, 1, CONF_REQUIRED, NULL },
	{ "version", 1, 1, CONF_REQUIRED, NULL },
	{ "memory", 1, 1, CONF_REQUIRED, NULL },
	{ "cmdline", 1, 1, CONF_REQUIRED, NULL },
	{ "kernel", 1, 1, CONF_REQUIRED, NULL },
	{ "initrd", 0, 0, 0, tree_rules },
	{ "root", 0, 0, CONF_REQUIRED, tree_rules },
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

static void check_values(struct recipe *r)
{
	const struct conf_stmt *top = conf_first(r->conf);
	const struct conf_stmt *memory = conf_find(top, "memory");
	const struct conf_stmt *cmdline = conf_find(top, "cmdline");
	uint64_t bytes;

	if (parse_size(memory->argv[0], &bytes) || bytes % MIB || !bytes ||
	    bytes / MIB > IMAGEREPO_MEMORY_MAX)
		conf_error(r->conf, memory, 0,
			   "'%s' is not a size in whole MiB such as 128M",
			   memory->argv[0]);
	else
		r->memory_mib = (int)(bytes / MIB);
	if (strlen(cmdline->argv[0]) > IMAGEREPO_CMDLINE_MAX)
		conf_error(r->conf, cmdline, 0, "longer than %d characters",
			   IMAGEREPO_CMDLINE_MAX);
	r->cmdline = cmdline->argv[0];
	r->kernel = conf_find(top, "kernel");
	r->initrd = conf_find(top, "initrd");
	r->root = conf_find(top, "root");
	if (r->kernel->argv[0][0] != '/')
		conf_error(r->conf, r->kernel, 0,
			   "the kernel's path starts with '/'");
}

int recipe_errors(const struct recipe *r)
{
	int n = conf_errors(r->conf);

	for (int i = 0; i < n && conf_error_text(r->conf, i); i++)
		fprintf(stderr, "%s\n", conf_error_text(r->conf, i));
	if (n > CONF_ERRORS_MAX)
		fprintf(stderr, "and %d more\n", n - CONF_ERRORS_MAX);
	return n ? -EINVAL : 0;
}

int recipe_load(const char *path, struct recipe *r)
{
	auto_free char *file = NULL;
	struct stat st;

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
	if (!conf_errors(r->conf)) {
		check_names(r);
		check_values(r);
	}
	return recipe_errors(r);
}

void recipe_dispose(struct recipe *r)
{
	conf_free(r->conf);
	free(r->dir);
	memset(r, 0, sizeof(*r));
}
