/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf - the one grammar of all configuration files.
 *
 *	# comment
 *	segment "lab" {
 *		address 10.77.0.1/16
 *		node "pc1" { mac 52:54:00:00:00:01; boot grid }
 *	}
 *
 * A statement is a keyword, words or quoted strings, and maybe a block; it
 * ends at a newline, ';', '}' or after its block; a line that ends in a
 * backslash goes on in the next. No expressions. A schema
 * says what may stand where; everything else is an error with its place, all
 * errors of a file are collected, and a file with an error is refused whole.
 */
#ifndef CONF_H
#define CONF_H

#include <stddef.h>

#include "errinfo.h"

#define CONF_ARGS_MAX   8
#define CONF_WORD_MAX   1024 /* bytes in one word */
#define CONF_FILE_MAX   (1024 * 1024)
#define CONF_DEPTH_MAX  8
#define CONF_ERRORS_MAX 50 /* more are counted, not kept */

struct conf_stmt {
	const char *name; /* the keyword */
	int line, col;    /* of the keyword, from 1 */
	int argc;
	const char *argv[CONF_ARGS_MAX];
	int argcol[CONF_ARGS_MAX];
	int has_block;           /* it may be an empty one */
	struct conf_stmt *child; /* first statement of its block */
	struct conf_stmt *next;  /* next beside it */
};

/* What may stand in a block. A table ends with an entry of name NULL. */
struct conf_rule {
	const char *name;
	int args_min, args_max;
	unsigned int flags;
	const struct conf_rule *block; /* rules of its block; NULL: no block */
};
#define CONF_MANY     1U /* may stand more than once */
#define CONF_REQUIRED 2U /* must stand once at least */

struct conf; /* a parsed file; owns all its strings */

/*
 * Parses and checks against rules. Always returns an object unless out of
 * memory (NULL); ask conf_errors() before use. conf_load reads the file; that
 * it cannot be read is an error of the object too.
 */
struct conf *conf_load(const char *path, const struct conf_rule *rules);
struct conf *conf_parse(const char *name, const char *text, size_t len,
			const struct conf_rule *rules);
void conf_free(struct conf *c);

const struct conf_stmt *conf_first(const struct conf *c);

/* First statement of that name in a list (conf_first(c), s->child), or NULL;
 * conf_next continues with the same name. */
const struct conf_stmt *conf_find(const struct conf_stmt *list, const char *name);
const struct conf_stmt *conf_next(const struct conf_stmt *s);
/* First argument of the statement of that name, or dflt. */
const char *conf_arg(const struct conf_stmt *list, const char *name,
		     const char *dflt);

/* Adds "file:line:col: message". arg is -1 for the keyword's place, else the
 * argument's. Checkers of meaning use it as well. */
void conf_error(struct conf *c, const struct conf_stmt *at, int arg,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
int conf_errors(const struct conf *c);                    /* how many */
const char *conf_error_text(const struct conf *c, int i); /* or NULL */

/* Canonical form (parses to the same tree); caller frees. */
char *conf_print(const struct conf *c);

#endif
