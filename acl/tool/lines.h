/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - the difference of two lists of lines.
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>

struct lines_item {
	const char *text; /* borrowed: what is shown */
	const char *key;  /* borrowed: what is compared */
	int number;       /* the caller's */
};

/* op: ' ' both have it (b's is passed), '-' a alone, '+' b alone. */
typedef void (*lines_fn)(char op, const struct lines_item *item, void *arg);

/* Calls fn for all lines in order. -ENOMEM. */
int lines_diff(const struct lines_item *a, size_t n_a,
	       const struct lines_item *b, size_t n_b, lines_fn fn, void *arg);

#endif
