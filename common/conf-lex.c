/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "conf-lex.h"

void conf_lex_init(struct conf_lex *x, const char *text, size_t len)
{
	*x = (struct conf_lex){
		.p = text,
		.end = text + len,
		.marks = "",
		.line = 1,
		.col = 1,
	};
}

static int peek(const struct conf_lex *x)
{
	return x->p < x->end ? (unsigned char)*x->p : -1;
}

static int take(struct conf_lex *x)
{
	int c = (unsigned char)*x->p++;

	x->col++;
	if (c == '\n') {
		x->line++;
		x->col = 1;
	}
	return c;
}

static int is_special(int c)
{
	return c == -1 || (c && strchr(" \t\r\n{};#\"", c));
}

static int is_mark(const struct conf_lex *x, int c)
{
	return c > 0 && strchr(x->marks, c);
}

static int is_printable(int c)
{
	return c >= 0x20 && c != 0x7f; /* UTF-8 passes as it is */
}

static int is_continued(const struct conf_lex *x)
{
	return x->end - x->p > 1 && x->p[0] == '\\' && x->p[1] == '\n';
}

static void skip_blanks(struct conf_lex *x)
{
	int c;

	while ((c = peek(x)) == ' ' || c == '\t' || c == '\r' || c == '#' ||
	       is_continued(x)) {
		take(x);
		if (c == '\\')
			take(x);
		while (c == '#' && peek(x) != -1 && peek(x) != '\n')
			take(x);
	}
}

static enum conf_token bad(struct conf_lex *x, const char *why)
{
	x->error = why;
	return CONF_TOKEN_BAD;
}

static enum conf_token bare(struct conf_lex *x)
{
	size_t n = 0;

	while (!is_special(peek(x)) && !is_mark(x, peek(x)) && !is_continued(x)) {
		int c = take(x);

		if (!is_printable(c))
			return bad(x, "control character");
		if (n == CONF_WORD_MAX)
			return bad(x, "word is too long");
		x->text[n++] = (char)c;
	}
	x->text[n] = '\0';
	return CONF_TOKEN_WORD;
}

static enum conf_token quoted(struct conf_lex *x)
{
	size_t n = 0;

	take(x);
	for (;;) {
		int c = peek(x);

		if (c == -1 || c == '\n')
			return bad(x, "string is not closed on its line");
		take(x);
		if (c == '"')
			break;
		if (c == '\\') {
			c = peek(x);
			if (c != '"' && c != '\\')
				return bad(x, "only \\\" and \\\\ are known "
					      "in strings");
			take(x);
		}
		if (!is_printable(c) && c != '\t')
			return bad(x, "control character");
		if (n == CONF_WORD_MAX)
			return bad(x, "string is too long");
		x->text[n++] = (char)c;
	}
	x->text[n] = '\0';
	if ((!is_special(peek(x)) && !is_mark(x, peek(x))) || peek(x) == '"')
		return bad(x, "no space behind a string");
	return CONF_TOKEN_WORD;
}

enum conf_token conf_lex_next(struct conf_lex *x)
{
	skip_blanks(x);
	x->token_line = x->line;
	x->token_col = x->col;
	if (is_mark(x, peek(x))) {
		x->text[0] = (char)take(x);
		x->text[1] = '\0';
		return CONF_TOKEN_MARK;
	}
	switch (peek(x)) {
	case -1:
		return CONF_TOKEN_EOF;
	case '\n':
	case ';':
		take(x);
		return CONF_TOKEN_END;
	case '{':
		take(x);
		return CONF_TOKEN_OPEN;
	case '}':
		take(x);
		return CONF_TOKEN_CLOSE;
	case '"':
		return quoted(x);
	default:
		return bare(x);
	}
}

int conf_lex_needs_quotes(const char *word)
{
	if (!*word)
		return 1;
	for (; *word; word++)
		if (is_special((unsigned char)*word) || *word == '\\')
			return 1;
	return 0;
}
