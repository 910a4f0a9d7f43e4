/* SPDX-License-Identifier: Apache-2.0 */
/*
 * problem - what is wrong with a policy, and how it is shown.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"
#include "policy.h"

static void add(struct acl_policy *p, int warning, int line, int col,
		const char *fmt, va_list ap)
{
	struct acl_problem *more;

	if (!warning)
		p->errors++;
	if (p->n_problems == ACL_PROBLEMS_MAX)
		return;
	more = reallocarray(p->problems, p->n_problems + 1, sizeof(*more));
	if (!more) {
		p->oom = 1;
		return;
	}
	p->problems = more;
	more += p->n_problems;
	*more = (struct acl_problem){ line, col, warning, NULL };
	if (vasprintf(&more->text, fmt, ap) < 0)
		p->oom = 1;
	else
		p->n_problems++;
}

void acl_policy_error(struct acl_policy *p, int line, int col, const char *fmt,
		      ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, 0, line, col, fmt, ap);
	va_end(ap);
}

void acl_policy_warn(struct acl_policy *p, int line, int col, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, 1, line, col, fmt, ap);
	va_end(ap);
}

void acl_policy_forget(struct acl_policy *p)
{
	while (p->n_problems > p->n_parse_problems)
		free(p->problems[--p->n_problems].text);
	p->errors = p->parse_errors;
}

int acl_policy_errors(const struct acl_policy *p)
{
	return p->errors;
}

const struct acl_problem *acl_policy_problem(const struct acl_policy *p, size_t i)
{
	return i < p->n_problems ? &p->problems[i] : NULL;
}

/* The line as it stands, and a caret under the col-th byte: what stands before
 * it is copied as blanks, so that tabs keep their width. */
static void add_caret(const struct acl_policy *p, const struct acl_problem *b,
		      struct buf *out)
{
	const char *text;
	size_t len;

	text = acl_policy_line(p, b->line, &len);
	if (!text)
		return;
	buf_adds(out, "\n");
	/* A control character is an error that would spoil a terminal. */
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		buf_add(out,
			(c < ' ' && c != '\t') || c == 0x7f ? "?" : text + i, 1);
	}
	buf_adds(out, "\n");
	for (int i = 0; i + 1 < b->col; i++) {
		if ((size_t)i < len && text[i] == '\t')
			buf_adds(out, "\t");
		/* Bytes of a UTF-8 character behind its first take no room. */
		else if ((size_t)i >= len || (text[i] & 0xc0) != 0x80)
			buf_adds(out, " ");
	}
	buf_adds(out, "^");
}

char *acl_problem_text(const struct acl_policy *p, const struct acl_problem *b)
{
	auto_buf struct buf out = BUF_INIT;

	buf_adds(&out, p->name);
	if (b->line)
		buf_addf(&out, ":%d:%d", b->line, b->col);
	buf_addf(&out, ": %s%s", b->warning ? "warning: " : "", b->text);
	if (b->line)
		add_caret(p, b, &out);
	return buf_take(&out);
}
