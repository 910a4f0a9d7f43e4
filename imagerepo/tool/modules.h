/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules - which kernel modules does one need, in the order of loading?
 */
#ifndef MODULES_H
#define MODULES_H

#include <stddef.h>

#include "errinfo.h"

#define MODULES_MAX 64

struct modules {
	char *dir;                /* TREE/lib/modules/VERSION */
	char *dep;                /* text of modules.dep */
	char *builtin;            /* text of modules.builtin */
	char *order[MODULES_MAX]; /* paths below dir, needed ones first */
	size_t n;
};

int modules_open(const char *tree, const char *version, struct modules *m,
		 struct errinfo *err);
/* Adds a module and what it needs; one that is built in adds nothing. */
int modules_add(struct modules *m, const char *name, struct errinfo *err);
void modules_dispose(struct modules *m);

#endif
