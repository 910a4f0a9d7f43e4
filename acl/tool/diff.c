/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - what changes from one policy to another: its statements, and the
 * rules that come of them. Rules are compared without their comments and
 * without the numbers in names, which lines that moved have changed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "lines.h"
#include "tool.h"

struct list {
	struct lines_item *items;
	size_t n;
	char *text; /* of rules; cut at its newlines */
	int owned;  /* texts of the items are ours one by one */
};

struct side {
	struct acl_policy *p;
	struct acl_rules *r;
	struct list statements, rules;
};

static void dispose_list(struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->owned)
			free((char *)l->items[i].text);
		else
			free((char *)l->items[i].key);
	}
	free(l->items);
	free(l->text);
}

static int add(struct list *l, const char *text, const char *key, int number)
{
	struct lines_item *more;

	more = reallocarray(l->items, l->n + 1, sizeof(*more));
	if (!more)
		return tool_fail("out of memory");
	l->items = more;
	more[l->n++] = (struct lines_item){ text, key, number };
	return CMD_EXIT_OK;
}

static int list_statements(const struct acl_policy *p, struct list *out)
{
	char *text;
	int line, rc;

	out->owned = 1;
	for (size_t i = 0;; i++) {
		rc = acl_policy_statement(p, i, &line, &text);
		if (rc == -ENOENT)
			return CMD_EXIT_OK;
		if (rc)
			return tool_fail("out of memory");
		rc = add(out, text, text, line);
		if (rc) {
			free(text);
			return rc;
		}
	}
}

/* Takes what follows each mark out of text, up to a byte that is none of
 * skipped. */
static void strip_behind(char *text, const char *mark, const char *skipped)
{
	const size_t n = strlen(mark);
	char *from = text, *to = text;

	while (*from) {
		int found = strncmp(from, mark, n) == 0;

		memmove(to, from, found ? n : 1);
		from += found ? n : 1;
		to += found ? n : 1;
		if (found)
			from += strspn(from, skipped);
	}
	*to = '\0';
}

/* domus_12 is the domus_ of another line, and so are places. */
static char *rule_key(const char *text)
{
	const char *comment = strstr(text, "comment \"");
	size_t len = comment ? (size_t)(comment - text) : strlen(text);
	char *key = strndup(text, len), *prefix, *end;

	if (!key)
		return NULL;
	strip_behind(key, "domus_", "0123456789_");
	strip_behind(key, "rate_", "0123456789_");
	prefix = strstr(key, "log prefix \"");
	end = prefix ? strchr(prefix + strlen("log prefix \""), '"') : NULL;
	if (end)
		memmove(prefix, end + 1, strlen(end + 1) + 1);
	return key;
}

static int list_rules(const struct acl_rules *r, struct list *out)
{
	char *line, *save = NULL, *key;
	int rc = CMD_EXIT_OK;

	out->text = acl_emit(r);
	if (!out->text)
		return tool_fail("out of memory");
	for (line = strtok_r(out->text, "\n", &save); line && !rc;
	     line = strtok_r(NULL, "\n", &save)) {
		key = rule_key(line);
		rc = key ? add(out, line, key, 0) : tool_fail("out of memory");
		if (rc)
			free(key);
	}
	return rc;
}

static int load_side(const char *path, const struct tool_facts *t, struct side *s)
{
	int rc = tool_compile(path, t, &s->p, &s->r);

	if (!rc)
		rc = list_statements(s->p, &s->statements);
	if (!rc)
		rc = list_rules(s->r, &s->rules);
	return rc;
}

static void dispose_side(struct side *s)
{
	dispose_list(&s->statements);
	dispose_list(&s->rules);
	acl_rules_free(s->r);
	acl_policy_free(s->p);
}

/* Said to people */

struct printing {
	const char *title;
	char above[64]; /* the chain or set we are in */
	int said_above;
	size_t changes;
};

static void print_statement(char op, const struct lines_item *item, void *arg)
{
	struct printing *p = arg;

	if (op == ' ')
		return;
	if (!p->changes++)
		puts(p->title);
	printf("%c %4d: %s\n", op, item->number, item->text);
}

/* Chains are named where something in them changed. */
static void print_rule(char op, const struct lines_item *item, void *arg)
{
	struct printing *p = arg;
	const char *text = item->text + strspn(item->text, "\t");

	if (item->text[0] == '\t' && item->text[1] != '\t' && op == ' ' &&
	    *text != '}') {
		snprintf(p->above, sizeof(p->above), "%s", text);
		p->said_above = 0;
	}
	if (op == ' ')
		return;
	if (!p->changes++)
		puts(p->title);
	if (!p->said_above && item->text[1] == '\t')
		printf("      %s\n", p->above);
	p->said_above = 1;
	printf("%c     %s%s\n", op, item->text[1] == '\t' ? "\t" : "", text);
}

static int print_people(const struct side *a, const struct side *b)
{
	struct printing s = { .title = "lines:" }, r = { .title = "rules:" };
	int rc;

	rc = lines_diff(a->statements.items, a->statements.n, b->statements.items,
			b->statements.n, print_statement, &s);
	if (!rc)
		rc = lines_diff(a->rules.items, a->rules.n, b->rules.items,
				b->rules.n, print_rule, &r);
	if (rc)
		return tool_fail("out of memory");
	if (!s.changes && !r.changes)
		puts("no difference");
	else if (!r.changes)
		puts("rules: no difference");
	return CMD_EXIT_OK;
}

/* And to programs */

static void add_json(char op, const struct lines_item *item, void *arg)
{
	json_t *o;

	if (op == ' ')
		return;
	o = json_pack("{s:s%, s:s}", "op", &op, (size_t)1, "text",
		      item->text + strspn(item->text, "\t"));
	if (item->number)
		json_object_set_new(o, "line", json_integer(item->number));
	json_array_append_new(arg, o);
}

static int print_program(const struct side *a, const struct side *b)
{
	json_t *lines = json_array(), *rules = json_array();
	int rc;

	rc = lines_diff(a->statements.items, a->statements.n,
			b->statements.items, b->statements.n, add_json, lines);
	if (!rc)
		rc = lines_diff(a->rules.items, a->rules.n, b->rules.items,
				b->rules.n, add_json, rules);
	if (!rc)
		return tool_print_json(json_pack("{s:o, s:o}", "lines", lines,
						 "rules", rules));
	json_decref(lines);
	json_decref(rules);
	return tool_fail("out of memory");
}

int tool_diff(int argc, char **argv, void *arg)
{
	struct side a = { 0 }, b = { 0 };
	struct tool_facts t = { 0 };
	struct tool_options o;
	const char *old;
	int rc;

	(void)arg;
	rc = tool_options(argc, argv, "fjd", &o);
	if (rc)
		return rc;
	if (o.n_words < 1 || o.n_words + o.builtin > 2)
		return cmd_misuse("needs OLD and NEW; OLD may be --default or "
				  "the configuration's");
	old = o.n_words == 2 ? o.words[0] : NULL;
	rc = tool_facts_load(&o, &t);
	if (!rc)
		rc = load_side(tool_policy_path(&o, old, &t), &t, &a);
	if (!rc)
		rc = load_side(o.words[o.n_words - 1], &t, &b);
	if (!rc)
		rc = o.json ? print_program(&a, &b) : print_people(&a, &b);
	dispose_side(&a);
	dispose_side(&b);
	tool_facts_dispose(&t);
	return rc;
}
