/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage - turns the statements of a recipe into trees of files: finds what they
 * name, and all that those need in turn.
 */
#ifndef STAGE_H
#define STAGE_H

#include "modules.h"
#include "recipe.h"
#include "tree.h"

#define STAGE_FROM_MAX 8

struct stage {
	struct recipe *recipe; /* the one at work: it, or one of its bases */
	const char *from[STAGE_FROM_MAX]; /* trees of system files */
	size_t n_from;
	const char *bin;         /* our own programs */
	const char *tmp;         /* for stripped copies */
	char *kernel;            /* found; owned */
	const char *kernel_tree; /* the one of `from` it was found in */
	char *kernel_version;
	struct modules modules; /* of the block that is at work */
	int n_tmp;
};

/* Finds the kernel and its modules. Errors are added to the recipe's. */
void stage_kernel(struct stage *s, struct recipe *r);
/* Adds what the blocks "initrd" or "root" say to the tree: those of the bases
 * first, each in a layer of its own. */
enum stage_block { STAGE_INITRD, STAGE_ROOT };
void stage_blocks(struct stage *s, struct recipe *r, enum stage_block which,
		  struct tree *tree);
void stage_dispose(struct stage *s);

#endif
