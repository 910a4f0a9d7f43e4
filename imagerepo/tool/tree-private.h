/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of a tree share.
 */
#ifndef TREE_PRIVATE_H
#define TREE_PRIVATE_H

#include "tree.h"

/* Makes the entry be found; room was made before. */
void tree_index_put(struct tree *t, size_t i);
/* For one entry more: 0 or -ENOMEM. */
int tree_index_room(struct tree *t);
/* The exact path, or NULL. */
struct tree_entry *tree_lookup(const struct tree *t, const char *path);
/* tree_resolve(); last_too: the last part is followed as well. */
int tree_walk(const struct tree *t, const char *path, char out[TREE_PATH],
	      int last_too);

#endif
