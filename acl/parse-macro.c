/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse-macro - NAME = words. Macros within are replaced as they are read, so
 * that none can hold itself.
 */
#include <stdlib.h>
#include <string.h>

#include "parser.h"

#define MACRO_TOKENS_MAX 4096

const struct acl_macro *acl_parse_find_macro(const struct acl_parser *ps,
					     const char *name)
{
	for (size_t i = 0; i < ps->n_macros; i++)
		if (strcmp(ps->macros[i].name, name) == 0)
			return &ps->macros[i];
	return NULL;
}

static int is_macro_name(const char *s)
{
	return *s && !strchr("0123456789", *s) &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

static int add_token(struct acl_parser *ps, struct acl_macro *m)
{
	struct acl_token *more;

	if (m->n == MACRO_TOKENS_MAX) {
		acl_parse_error(ps, "a macro of more than %d words",
				MACRO_TOKENS_MAX);
		return -1;
	}
	more = reallocarray(m->tokens, m->n + 1, sizeof(*more));
	if (!more) {
		ps->p->oom = 1;
		return -1;
	}
	m->tokens = more;
	more += m->n;
	*more = ps->token;
	more->text = acl_policy_string(ps->p, ps->token.text);
	if (!more->text)
		return -1;
	m->n++;
	return 0;
}

int acl_parse_macro(struct acl_parser *ps, const struct acl_token *name)
{
	struct acl_macro m = { acl_policy_string(ps->p, name->text), NULL, 0,
			       name->line };
	const struct acl_macro *same = acl_parse_find_macro(ps, name->text);
	int base = ps->brace;
	struct acl_macro *more;

	if (same)
		acl_policy_error(ps->p, name->line, name->col,
				 "macro '%s' stands in line %d already",
				 name->text, same->line);
	else if (!is_macro_name(name->text))
		acl_policy_error(ps->p, name->line, name->col,
				 "'%s' is no name of a macro: letters, digits "
				 "and _, no digit first",
				 name->text);
	for (acl_parse_next(ps); !acl_parse_is_end(ps, base); acl_parse_next(ps)) {
		if (ps->token.kind == CONF_TOKEN_BAD ||
		    acl_parse_is_mark(ps, '=') || acl_parse_is_unknown(ps)) {
			acl_parse_unexpected(ps, "the value of a macro");
			goto err_free;
		}
		if (ps->token.kind != CONF_TOKEN_END && add_token(ps, &m))
			goto err_free;
	}
	if (m.n == 0 || ps->brace > base) {
		acl_parse_unexpected(ps, "the value of a macro");
		goto err_free;
	}
	more = reallocarray(ps->macros, ps->n_macros + 1, sizeof(*more));
	if (!more || !m.name) {
		ps->p->oom = 1;
		goto err_free;
	}
	ps->macros = more;
	more[ps->n_macros++] = m;
	return 0;

err_free:
	free(m.tokens);
	return -1;
}
