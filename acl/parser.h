/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser - what the files of the parser share. Each function that returns int
 * has told the error when it returns -1.
 */
#ifndef ACL_PARSER_H
#define ACL_PARSER_H

#include "conf-lex.h"
#include "policy.h"

#define ACL_LIST_DEPTH_MAX 8

struct acl_token {
	enum conf_token kind;
	int line, col;
	const char *text; /* the lexer's or a macro's; "" if it has none */
};

struct acl_macro {
	const char *name; /* the policy's string */
	struct acl_token *tokens;
	size_t n;
	int line;
};

struct acl_parser {
	struct acl_policy *p;
	struct conf_lex lex;
	struct acl_token token; /* the current one */
	struct acl_macro *macros;
	size_t n_macros;
	const struct acl_macro *in; /* tokens come from it, from the at-th */
	size_t at;
	int brace;             /* open ones, the current token included */
	int block, block_line; /* segment { } we are in; block 0: none */
	int n_blocks;
	struct acl_list segments; /* its patterns */
};

void acl_parse_error(struct acl_parser *ps, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void acl_parse_next(struct acl_parser *ps);
int acl_parse_is(const struct acl_parser *ps, const char *word);
int acl_parse_is_mark(const struct acl_parser *ps, char mark);
/* Known macros are replaced before anybody sees them. */
int acl_parse_is_unknown(const struct acl_parser *ps);
/* Of a statement that began in base braces. */
int acl_parse_is_end(const struct acl_parser *ps, int base);
/* "expected WHAT, not ..." at the current token */
void acl_parse_unexpected(struct acl_parser *ps, const char *what);

/* One word, or several between braces, with commas and newlines between them
 * as one likes. fn reads the current word into the list and leaves it. */
typedef int (*acl_parse_fn)(struct acl_parser *ps, struct acl_list *list);
int acl_parse_list(struct acl_parser *ps, struct acl_list *list,
		   acl_parse_fn fn, const char *what);

/* parse-macro.c: behind the name, at its '='. */
int acl_parse_macro(struct acl_parser *ps, const struct acl_token *name);
const struct acl_macro *acl_parse_find_macro(const struct acl_parser *ps,
					     const char *name);

/* parse-item.c: words to items. */
int acl_parse_host(struct acl_parser *ps, struct acl_list *list);
int acl_parse_prefix(struct acl_parser *ps, struct acl_list *list);
int acl_parse_port(struct acl_parser *ps, struct acl_list *list);
int acl_parse_pattern(struct acl_parser *ps, struct acl_list *list);

/* parse-line.c: behind `pass` or `block`. */
int acl_parse_line(struct acl_parser *ps, struct acl_line *line);
/* parse-when.c */
int acl_parse_during(struct acl_parser *ps, struct acl_hours *hours);
int acl_parse_rate(struct acl_parser *ps, struct acl_rate *rate);

#endif
