/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe - recipe.conf (recipe(5)): checked values, and the statements that
 * say what goes into initrd and root. What a recipe does not say, the one that
 * it is made `from` says.
 */
#ifndef RECIPE_H
#define RECIPE_H

#include "conf.h"
#include "draft.h"

/* The build adds "-" and this many digits of the content's digest. */
#define RECIPE_VERSION_SUFFIX 9
#define RECIPE_FROM_MAX       8 /* one from another from another... */

enum recipe_fs { RECIPE_EXT4, RECIPE_SQUASHFS };

struct recipe {
	struct conf *conf;
	char *dir;           /* where recipe.conf and its files are */
	struct recipe *base; /* `from`; owned */
	char name[IMAGE_NAME];
	char version[IMAGE_NAME];
	int memory_mib;
	enum recipe_fs fs;
	const char *cmdline; /* borrowed from conf, as are these */
	const struct conf_stmt *kernel;
	struct recipe *kernel_of; /* whose statement it is */
	/* Its own alone; NULL where it has none. */
	const struct conf_stmt *initrd, *root, *debian, *import;
};

/* path: a directory with recipe.conf, or the file. On failure all errors of the
 * files have been printed to stderr; returns 0 or -EINVAL. */
int recipe_load(const char *path, struct recipe *r);
void recipe_dispose(struct recipe *r);
/* Prints what conf_error() has collected, bases too; -EINVAL if any. */
int recipe_errors(const struct recipe *r);

#endif
