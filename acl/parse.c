/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse - a policy's text to lines: macros, tables, segments. What stands in a
 * line is parse-line.c's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parser.h"

void acl_parse_error(struct acl_parser *ps, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	acl_policy_error(ps->p, ps->token.line, ps->token.col, "%s", text);
}

/* From the macro that is being read, or from the text. */
static void next_token(struct acl_parser *ps)
{
	struct acl_token *t = &ps->token;

	if (ps->in && ps->at < ps->in->n) {
		t->kind = ps->in->tokens[ps->at].kind;
		t->text = ps->in->tokens[ps->at++].text;
		return; /* its place is where it is used */
	}
	ps->in = NULL;
	t->kind = conf_lex_next(&ps->lex);
	t->line = ps->lex.token_line;
	t->col = ps->lex.token_col;
	t->text = t->kind == CONF_TOKEN_BAD    ? ps->lex.error
		  : t->kind == CONF_TOKEN_WORD ? ps->lex.text
		  : t->kind == CONF_TOKEN_MARK ? ps->lex.text
					       : "";
}

void acl_parse_next(struct acl_parser *ps)
{
	const struct acl_macro *m;

	next_token(ps);
	if (!ps->in && ps->token.kind == CONF_TOKEN_WORD &&
	    ps->token.text[0] == '$') {
		m = acl_parse_find_macro(ps, ps->token.text + 1);
		if (m) {
			ps->in = m;
			ps->at = 0;
			next_token(ps);
		}
	}
	if (ps->token.kind == CONF_TOKEN_OPEN)
		ps->brace++;
	if (ps->token.kind == CONF_TOKEN_CLOSE)
		ps->brace--;
}

int acl_parse_is(const struct acl_parser *ps, const char *word)
{
	return ps->token.kind == CONF_TOKEN_WORD &&
	       strcmp(ps->token.text, word) == 0;
}

int acl_parse_is_mark(const struct acl_parser *ps, char mark)
{
	return ps->token.kind == CONF_TOKEN_MARK && ps->token.text[0] == mark;
}

static int is_end(const struct acl_parser *ps)
{
	return ps->token.kind == CONF_TOKEN_END ||
	       ps->token.kind == CONF_TOKEN_EOF ||
	       ps->token.kind == CONF_TOKEN_CLOSE;
}

/* Of a statement in base braces. */
int acl_parse_is_end(const struct acl_parser *ps, int base)
{
	return ps->token.kind == CONF_TOKEN_EOF ||
	       (ps->token.kind == CONF_TOKEN_END && ps->brace <= base) ||
	       (ps->token.kind == CONF_TOKEN_CLOSE && ps->brace < base);
}

/* Known ones are replaced before anybody sees them. */
int acl_parse_is_unknown(const struct acl_parser *ps)
{
	return ps->token.kind == CONF_TOKEN_WORD && ps->token.text[0] == '$';
}

void acl_parse_unexpected(struct acl_parser *ps, const char *what)
{
	static const char *const names[] = {
		[CONF_TOKEN_OPEN] = "'{'",
		[CONF_TOKEN_CLOSE] = "'}'",
		[CONF_TOKEN_END] = "the end of the line",
		[CONF_TOKEN_EOF] = "the end of the file",
	};

	if (ps->token.kind == CONF_TOKEN_BAD)
		acl_parse_error(ps, "%s", ps->token.text);
	else if (acl_parse_is_unknown(ps))
		acl_parse_error(ps, "no macro '%s' above this line",
				ps->token.text + 1);
	else if (ps->token.text[0])
		acl_parse_error(ps, "expected %s, not '%s'", what,
				ps->token.text);
	else
		acl_parse_error(ps, "expected %s, not %s", what,
				ps->token.kind == CONF_TOKEN_WORD
					? "\"\""
					: names[ps->token.kind]);
}

static int parse_items(struct acl_parser *ps, struct acl_list *list,
		       acl_parse_fn fn, const char *what, int depth)
{
	if (ps->token.kind == CONF_TOKEN_WORD && !acl_parse_is_unknown(ps)) {
		if (fn(ps, list))
			return -1;
		acl_parse_next(ps);
		return 0;
	}
	if (ps->token.kind != CONF_TOKEN_OPEN || depth == ACL_LIST_DEPTH_MAX) {
		acl_parse_unexpected(ps, what);
		return -1;
	}
	acl_parse_next(ps);
	while (ps->token.kind != CONF_TOKEN_CLOSE) {
		if (ps->token.kind == CONF_TOKEN_END ||
		    acl_parse_is_mark(ps, ','))
			acl_parse_next(ps);
		else if (parse_items(ps, list, fn, what, depth + 1))
			return -1;
	}
	acl_parse_next(ps);
	return 0;
}

int acl_parse_list(struct acl_parser *ps, struct acl_list *list,
		   acl_parse_fn fn, const char *what)
{
	struct acl_token begin = ps->token;

	if (parse_items(ps, list, fn, what, 0))
		return -1;
	if (list->n == 0) {
		acl_policy_error(ps->p, begin.line, begin.col, "an empty list");
		return -1;
	}
	return 0;
}

/* After an error: to the end of the statement it was in. */
static void resync(struct acl_parser *ps)
{
	int base = ps->block ? 1 : 0;

	while (!acl_parse_is_end(ps, base))
		acl_parse_next(ps);
}

/* Statements, behind their first word */

static int is_table_name(const char *s, size_t len)
{
	return len > 2 && len <= PARSE_NAME_MAX && s[0] == '<' &&
	       s[len - 1] == '>' &&
	       strspn(s + 1, "abcdefghijklmnopqrstuvwxyz0123456789_") == len - 2;
}

static int parse_table(struct acl_parser *ps)
{
	struct acl_list hosts = { 0, 0 };
	struct acl_table *t;
	int line = ps->token.line, col = ps->token.col;
	char name[PARSE_NAME_MAX + 1];
	size_t len = strlen(ps->token.text);

	if (ps->token.kind != CONF_TOKEN_WORD ||
	    !is_table_name(ps->token.text, len)) {
		acl_parse_unexpected(ps, "a name like <grid>, of a-z, 0-9 and _");
		return -1;
	}
	memcpy(name, ps->token.text + 1, len - 2);
	name[len - 2] = '\0';
	for (size_t i = 0; i < ps->p->n_tables; i++)
		if (strcmp(ps->p->tables[i].name, name) == 0)
			acl_parse_error(ps,
					"table <%s> stands in line %d already",
					name, ps->p->tables[i].line);
	if (ps->block) {
		acl_parse_error(ps, "tables stand outside of segment { }");
		return -1;
	}
	acl_parse_next(ps);
	if (acl_parse_list(ps, &hosts, acl_parse_prefix, "addresses"))
		return -1;
	t = acl_policy_add_table(ps->p);
	if (!t)
		return -1;
	t->name = acl_policy_string(ps->p, name);
	t->hosts = hosts;
	t->line = line;
	t->col = col;
	return 0;
}

static void parse_statements(struct acl_parser *ps);

static int parse_segment(struct acl_parser *ps)
{
	struct acl_token begin = ps->token;

	if (ps->block) {
		acl_parse_error(ps, "segment { } in the one of line %d",
				ps->block_line);
		return -1;
	}
	ps->segments = (struct acl_list){ 0, 0 };
	if (acl_parse_list(ps, &ps->segments, acl_parse_pattern,
			   "the name of a segment"))
		return -1;
	if (ps->token.kind != CONF_TOKEN_OPEN) {
		acl_parse_unexpected(ps, "'{' and lines for this segment");
		return -1;
	}
	ps->block = ++ps->n_blocks;
	ps->block_line = begin.line;
	acl_parse_next(ps);
	parse_statements(ps);
	ps->block = 0;
	ps->segments = (struct acl_list){ 0, 0 };
	if (ps->token.kind != CONF_TOKEN_CLOSE) {
		acl_policy_error(ps->p, begin.line, begin.col,
				 "the block of this segment is not closed");
		return -1;
	}
	acl_parse_next(ps);
	return 0;
}

static int parse_rule(struct acl_parser *ps, const struct acl_token *verb)
{
	struct acl_line line = {
		.line = verb->line,
		.col = verb->col,
		.pass = strcmp(verb->text, "pass") == 0,
		.segments = ps->segments,
		.block = ps->block,
	};
	struct acl_line *l;

	if (acl_parse_line(ps, &line))
		return -1;
	l = acl_policy_add_line(ps->p);
	if (!l)
		return -1;
	*l = line;
	return 0;
}

static int parse_statement(struct acl_parser *ps)
{
	auto_free char *word = strdup(ps->token.text);
	struct acl_token first = ps->token;

	if (!word) {
		ps->p->oom = 1;
		return -1;
	}
	first.text = word;
	acl_parse_next(ps);
	if (acl_parse_is_mark(ps, '='))
		return acl_parse_macro(ps, &first);
	if (strcmp(word, "pass") == 0 || strcmp(word, "block") == 0)
		return parse_rule(ps, &first);
	if (strcmp(word, "table") == 0)
		return parse_table(ps);
	if (strcmp(word, "segment") == 0)
		return parse_segment(ps);
	acl_policy_error(ps->p, first.line, first.col,
			 "'%s' begins no line: pass, block, table, segment and "
			 "NAME = do",
			 word);
	return -1;
}

/* Up to the end, or the brace that closes the block we are in. */
static void parse_statements(struct acl_parser *ps)
{
	int block = ps->block;

	while (ps->token.kind != CONF_TOKEN_EOF && !ps->p->oom) {
		if (ps->token.kind == CONF_TOKEN_END) {
			acl_parse_next(ps);
			continue;
		}
		if (ps->token.kind == CONF_TOKEN_CLOSE) {
			if (block)
				return;
			acl_parse_error(ps, "'}' without a '{'");
			ps->brace = 0;
			acl_parse_next(ps);
			continue;
		}
		if (ps->token.kind != CONF_TOKEN_WORD) {
			acl_parse_unexpected(
				ps, "pass, block, table, segment or NAME =");
			resync(ps);
			continue;
		}
		if (parse_statement(ps)) {
			resync(ps);
		} else if (!is_end(ps)) {
			acl_parse_unexpected(ps, "the end of the line");
			resync(ps);
		}
	}
}

void acl_parse(struct acl_policy *p)
{
	struct acl_parser ps = { .p = p };

	if (memchr(p->text, '\0', p->len)) {
		acl_policy_error(p, 0, 0, "a zero byte; this is no text");
		return;
	}
	conf_lex_init(&ps.lex, p->text, p->len);
	ps.lex.marks = ",=";
	acl_parse_next(&ps);
	parse_statements(&ps);
	for (size_t i = 0; i < ps.n_macros; i++)
		free(ps.macros[i].tokens);
	free(ps.macros);
}
