/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements of a block, one function each.
 */
#ifndef STAGE_PRIVATE_H
#define STAGE_PRIVATE_H

#include "stage.h"

/* In the first tree of --from that has it; caller frees. NULL: in none. */
char *stage_find(const struct stage *s, const char *path);
/* A program or library, and the libraries that it needs. */
int stage_add_elf(struct stage *s, struct tree *t, const char *to,
		  const char *source, struct errinfo *err);

typedef int (*stage_fn)(struct stage *s, struct tree *t,
			const struct conf_stmt *st, struct errinfo *err);

/* stage.c: what programs need */
int stage_program(struct stage *s, struct tree *t, const struct conf_stmt *st,
		  struct errinfo *err);
int stage_library(struct stage *s, struct tree *t, const struct conf_stmt *st,
		  struct errinfo *err);
int stage_module(struct stage *s, struct tree *t, const struct conf_stmt *st,
		 struct errinfo *err);

#endif
