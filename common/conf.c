/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "conf-lex.h"
#include "conf.h"
#include "fileio.h"

struct conf {
	char *name; /* of the file, for messages */
	struct conf_stmt *first;
	char *errors[CONF_ERRORS_MAX];
	int nerrors; /* may exceed what is kept */
};

struct parser {
	struct conf *conf;
	struct conf_lex lex;
	enum conf_token token; /* the current one */
	int gave_up;           /* out of memory, or lost */
};

static void add_error(struct conf *c, int line, int col, const char *fmt,
		      va_list ap)
{
	auto_free char *text = NULL;
	char *full;

	if (c->nerrors++ >= CONF_ERRORS_MAX)
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	if (asprintf(&full, "%s:%d:%d: %s", c->name, line, col,
		     text ? text : "out of memory") < 0)
		full = NULL;
	c->errors[c->nerrors - 1] = full;
}

static void __attribute__((format(printf, 2, 3)))
error_here(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_error(p->conf, p->lex.token_line, p->lex.token_col, fmt, ap);
	va_end(ap);
}

void conf_error(struct conf *c, const struct conf_stmt *at, int arg,
		const char *fmt, ...)
{
	int col = arg >= 0 && arg < at->argc ? at->argcol[arg] : at->col;
	va_list ap;

	va_start(ap, fmt);
	add_error(c, at->line, col, fmt, ap);
	va_end(ap);
}

int conf_errors(const struct conf *c)
{
	return c->nerrors;
}

const char *conf_error_text(const struct conf *c, int i)
{
	if (i < 0 || i >= c->nerrors || i >= CONF_ERRORS_MAX)
		return NULL;
	return c->errors[i] ? c->errors[i] : "out of memory";
}

static void stmt_free(struct conf_stmt *s)
{
	while (s) {
		struct conf_stmt *next = s->next;

		stmt_free(s->child);
		free((char *)s->name);
		for (int i = 0; i < s->argc; i++)
			free((char *)s->argv[i]);
		free(s);
		s = next;
	}
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	stmt_free(c->first);
	for (int i = 0; i < CONF_ERRORS_MAX; i++)
		free(c->errors[i]);
	free(c->name);
	free(c);
}

/* Parsing */

static void advance(struct parser *p)
{
	p->token = conf_lex_next(&p->lex);
}

/* After an error: go on behind the end of this statement. */
static void resync(struct parser *p)
{
	while (p->token == CONF_TOKEN_WORD || p->token == CONF_TOKEN_BAD)
		advance(p);
}

static const struct conf_rule *find_rule(const struct conf_rule *rules,
					 const char *name)
{
	for (; rules && rules->name; rules++)
		if (strcmp(rules->name, name) == 0)
			return rules;
	return NULL;
}

static struct conf_stmt *parse_words(struct parser *p)
{
	struct conf_stmt *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->line = p->lex.token_line;
	s->col = p->lex.token_col;
	s->name = strdup(p->lex.text);
	advance(p);
	while (p->token == CONF_TOKEN_WORD) {
		if (s->argc == CONF_ARGS_MAX) {
			error_here(p, "more than %d words behind '%s'",
				   CONF_ARGS_MAX, s->name);
			resync(p);
			break;
		}
		s->argcol[s->argc] = p->lex.token_col;
		s->argv[s->argc++] = strdup(p->lex.text);
		advance(p);
	}
	if (p->token == CONF_TOKEN_BAD) {
		error_here(p, "%s", p->lex.error);
		resync(p);
	}
	return s;
}

static void check_stmt(struct parser *p, const struct conf_stmt *s,
		       const struct conf_stmt *list, const struct conf_rule *rule)
{
	const struct conf_stmt *same = conf_find(list, s->name);

	if (!rule) {
		conf_error(p->conf, s, -1, "unknown keyword '%s'", s->name);
		return;
	}
	if (s->argc < rule->args_min)
		conf_error(p->conf, s, -1, "'%s' needs %s%d word%s behind it",
			   s->name,
			   rule->args_min == rule->args_max ? "" : "at least ",
			   rule->args_min, rule->args_min == 1 ? "" : "s");
	if (s->argc > rule->args_max)
		conf_error(p->conf, s, rule->args_max,
			   "'%s' is too much behind '%s'",
			   s->argv[rule->args_max], s->name);
	if (s->has_block && !rule->block)
		conf_error(p->conf, s, -1, "'%s' takes no block", s->name);
	if (!s->has_block && rule->block)
		conf_error(p->conf, s, -1, "'%s' needs a block { }", s->name);
	if (same && !(rule->flags & CONF_MANY))
		conf_error(p->conf, s, -1, "'%s' stands in line %d already",
			   s->name, same->line);
}

static void check_required(struct parser *p, const struct conf_stmt *list,
			   const struct conf_stmt *parent,
			   const struct conf_rule *rules)
{
	const struct conf_stmt top = { .name = "", .line = 1, .col = 1 };

	for (; rules && rules->name; rules++)
		if ((rules->flags & CONF_REQUIRED) &&
		    !conf_find(list, rules->name))
			conf_error(p->conf, parent ? parent : &top, -1,
				   "'%s' is missing%s%s", rules->name,
				   parent ? " in " : "",
				   parent ? parent->name : "");
}

static struct conf_stmt *parse_block(struct parser *p,
				     const struct conf_stmt *parent,
				     const struct conf_rule *rules, int depth);

static struct conf_stmt *parse_stmt(struct parser *p,
				    const struct conf_stmt *list,
				    const struct conf_rule *rules, int depth)
{
	struct conf_stmt *s = parse_words(p);
	const struct conf_rule *rule;

	if (!s) {
		p->gave_up = 1;
		return NULL;
	}
	rule = find_rule(rules, s->name);
	s->has_block = p->token == CONF_TOKEN_OPEN;
	check_stmt(p, s, list, rule);
	if (!s->has_block)
		return s;
	if (depth == CONF_DEPTH_MAX) {
		error_here(p, "blocks nest deeper than %d", CONF_DEPTH_MAX);
		p->gave_up = 1;
		return s;
	}
	advance(p);
	s->child = parse_block(p, s, rule ? rule->block : NULL, depth + 1);
	if (p->gave_up)
		return s;
	if (p->token != CONF_TOKEN_CLOSE) {
		conf_error(p->conf, s, -1, "the block of '%s' is not closed",
			   s->name);
		p->gave_up = 1;
		return s;
	}
	advance(p);
	if (p->token == CONF_TOKEN_WORD || p->token == CONF_TOKEN_OPEN)
		error_here(p, "expected a newline or ';' behind '}'");
	return s;
}

/* Up to the closing brace or the end of the text. Inside an unknown block
 * (rules NULL) nothing more is complained about. */
static struct conf_stmt *parse_block(struct parser *p,
				     const struct conf_stmt *parent,
				     const struct conf_rule *rules, int depth)
{
	struct conf_stmt *first = NULL, **tail = &first;
	int errors = p->conf->nerrors;
	int silent = depth > 0 && !rules;

	while (!p->gave_up && p->token != CONF_TOKEN_EOF &&
	       p->token != CONF_TOKEN_CLOSE) {
		switch (p->token) {
		case CONF_TOKEN_WORD:
			*tail = parse_stmt(p, first, rules, depth);
			if (*tail)
				tail = &(*tail)->next;
			break;
		case CONF_TOKEN_BAD:
			error_here(p, "%s", p->lex.error);
			resync(p);
			break;
		case CONF_TOKEN_OPEN:
			error_here(p, "a block without a keyword");
			p->gave_up = 1;
			break;
		default:
			advance(p);
		}
	}
	if (silent && !p->gave_up) {
		for (int i = errors;
		     i < p->conf->nerrors && i < CONF_ERRORS_MAX; i++) {
			free(p->conf->errors[i]);
			p->conf->errors[i] = NULL;
		}
		p->conf->nerrors = errors;
	}
	if (!p->gave_up)
		check_required(p, first, parent, rules);
	return first;
}

static struct conf *conf_new(const char *name)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	return c;
}

struct conf *conf_parse(const char *name, const char *text, size_t len,
			const struct conf_rule *rules)
{
	struct conf *c = conf_new(name);
	struct parser p = { .conf = c };

	if (!c)
		return NULL;
	conf_lex_init(&p.lex, text, len);
	advance(&p);
	c->first = parse_block(&p, NULL, rules, 0);
	if (!p.gave_up && p.token == CONF_TOKEN_CLOSE)
		error_here(&p, "'}' without a block");
	return c;
}

struct conf *conf_load(const char *path, const struct conf_rule *rules)
{
	const struct conf_stmt top = { .name = "", .line = 1, .col = 1 };
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	struct conf *c;
	size_t len;
	int rc;

	rc = fileio_read(path, CONF_FILE_MAX, &text, &len, &err);
	if (!rc)
		return conf_parse(path, text, len, rules);
	c = conf_new(path);
	if (c)
		conf_error(c, &top, -1, "cannot be read: %s", strerror(-rc));
	return c;
}

/* Looking at it */

const struct conf_stmt *conf_first(const struct conf *c)
{
	return c->first;
}

const struct conf_stmt *conf_find(const struct conf_stmt *list, const char *name)
{
	for (; list; list = list->next)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

const struct conf_stmt *conf_next(const struct conf_stmt *s)
{
	return conf_find(s->next, s->name);
}

const char *conf_arg(const struct conf_stmt *list, const char *name,
		     const char *dflt)
{
	const struct conf_stmt *s = conf_find(list, name);

	return s && s->argc ? s->argv[0] : dflt;
}

static void print_word(struct buf *b, const char *word)
{
	if (!conf_lex_needs_quotes(word)) {
		buf_adds(b, word);
		return;
	}
	buf_adds(b, "\"");
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			buf_adds(b, "\\");
		buf_add(b, word, 1);
	}
	buf_adds(b, "\"");
}

static void print_list(struct buf *b, const struct conf_stmt *s, int depth)
{
	for (; s; s = s->next) {
		for (int i = 0; i < depth; i++)
			buf_adds(b, "\t");
		print_word(b, s->name);
		for (int i = 0; i < s->argc; i++) {
			buf_adds(b, " ");
			print_word(b, s->argv[i]);
		}
		if (s->has_block) {
			buf_adds(b, " {\n");
			print_list(b, s->child, depth + 1);
			for (int i = 0; i < depth; i++)
				buf_adds(b, "\t");
			buf_adds(b, "}");
		}
		buf_adds(b, "\n");
	}
}

char *conf_print(const struct conf *c)
{
	auto_buf struct buf b = BUF_INIT;

	print_list(&b, c->first, 0);
	return buf_take(&b);
}
