/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf-lex - configuration text to tokens, each with its place.
 *
 * What all our files share: words, "quoted words", braces, '#' to the end of
 * the line as a comment, a backslash as the last character of a line to go on
 * in the next. A language with more signs than these names them in `marks`.
 */
#ifndef CONF_LEX_H
#define CONF_LEX_H

#include <stddef.h>

#include "conf.h"

enum conf_token {
	CONF_TOKEN_WORD,  /* bare or quoted; text holds it */
	CONF_TOKEN_OPEN,  /* { */
	CONF_TOKEN_CLOSE, /* } */
	CONF_TOKEN_END,   /* newline or ; */
	CONF_TOKEN_EOF,
	CONF_TOKEN_MARK, /* one of the marks; text holds it */
	CONF_TOKEN_BAD,  /* error holds why */
};

struct conf_lex {
	const char *p, *end;
	const char *marks;         /* borrowed; "" at first */
	int line, col;             /* of the next character */
	int token_line, token_col; /* of the token last returned */
	char text[CONF_WORD_MAX + 1];
	const char *error;
};

void conf_lex_init(struct conf_lex *x, const char *text, size_t len);
enum conf_token conf_lex_next(struct conf_lex *x);

/* Must this word be quoted to be read back as it is? */
int conf_lex_needs_quotes(const char *word);

#endif
