/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe - recipe.conf (recipe(5)): checked values, and the statements that
 * say what goes into initrd and root.
 */
#ifndef RECIPE_H
#define RECIPE_H

#include "conf.h"
#include "imagerepo.h"

/* The build adds "-" and this many digits of the content's digest. */
#define RECIPE_VERSION_SUFFIX 9

struct recipe {
	struct conf *conf;
	char *dir; /* where recipe.conf and its files are */
	char name[IMAGEREPO_NAME];
	char version[IMAGEREPO_NAME];
	int memory_mib;
	const char *cmdline; /* borrowed from conf, as are these */
	const struct conf_stmt *kernel, *initrd, *root;
};

/* path: a directory with recipe.conf, or the file. On failure all errors of the
 * file have been printed to stderr; returns 0 or -EINVAL. */
int recipe_load(const char *path, struct recipe *r);
void recipe_dispose(struct recipe *r);
/* Prints what conf_error() has collected; -EINVAL if there was any. */
int recipe_errors(const struct recipe *r);

#endif
