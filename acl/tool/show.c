/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show - the loaded rules' counters, by the lines they come from; with the
 * policy beside them where it is given.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "tool.h"

struct shown {
	const struct acl_policy *p; /* or NULL */
	const char *base;           /* its name in comments */
};

/* Text of the statement in that place, or NULL; caller frees. */
static char *statement_at(const struct shown *s, const char *place)
{
	const char *colon = strrchr(place, ':');
	size_t len = (size_t)(colon ? colon - place : 0);
	int line, number;
	char *text;

	if (!s->p || !colon || strlen(s->base) != len ||
	    strncmp(place, s->base, len) != 0 ||
	    parse_int(colon + 1, 1, 1 << 30, &number))
		return NULL;
	for (size_t i = 0; !acl_policy_statement(s->p, i, &line, &text); i++) {
		if (line == number && strncmp(text, "table", 5) != 0)
			return text;
		free(text);
	}
	return NULL;
}

/* 1234567 as 1.2M: columns that one can read. */
static const char *brief(uint64_t n, char out[16])
{
	static const char units[] = " kMGTPE";
	double v = (double)n;
	size_t i = 0;

	for (; v >= 1000 && units[i + 1]; i++)
		v /= 1000;
	if (i)
		snprintf(out, 16, "%.*f%c", v < 10 ? 1 : 0, v, units[i]);
	else
		snprintf(out, 16, "%" PRIu64, n);
	return out;
}

static void print_people(const struct shown *s, const struct acl_count *c,
			 size_t n)
{
	char a[16], b[16], d[16], e[16];
	int width = 5;

	for (size_t i = 0; i < n; i++)
		if ((int)strlen(c[i].comment) > width)
			width = (int)strlen(c[i].comment);
	printf("%-*s %8s %8s %8s %8s\n", width, "line", "packets", "bytes",
	       "replies", "over");
	for (size_t i = 0; i < n; i++) {
		auto_free char *text = statement_at(s, c[i].comment);

		printf("%-*s %8s %8s %8s %8s%s%s\n", width, c[i].comment,
		       brief(c[i].packets, a), brief(c[i].bytes, b),
		       brief(c[i].reply_packets, d), brief(c[i].over_packets, e),
		       text ? "  " : "", text ? text : "");
	}
}

static int print_program(const struct shown *s, const struct acl_count *c,
			 size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		auto_free char *text = statement_at(s, c[i].comment);

		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s?}",
				  "place", c[i].comment, "packets",
				  (json_int_t)c[i].packets, "bytes",
				  (json_int_t)c[i].bytes, "reply_packets",
				  (json_int_t)c[i].reply_packets, "reply_bytes",
				  (json_int_t)c[i].reply_bytes, "over_packets",
				  (json_int_t)c[i].over_packets, "over_bytes",
				  (json_int_t)c[i].over_bytes, "text", text));
	}
	return tool_print_json(json_pack("{s:o}", "lines", list));
}

/* Whose lines are shown beside the counters: a policy's that was named, or the
 * one of the configuration, where there is one. Exit status. */
static int find_policy(const struct tool_options *o, struct tool_facts *t,
		       struct acl_policy **out)
{
	int rc = CMD_EXIT_OK;

	if (!o->n_words && !o->builtin) {
		if (!o->config && access(TOOL_CONFIG, R_OK))
			return CMD_EXIT_OK;
		rc = tool_facts_load(o, t);
	}
	if (!rc)
		rc = tool_policy_load(tool_policy_path(o, o->words[0], t), out);
	return rc;
}

static int show(const struct tool_options *o, const struct acl_policy *p)
{
	const char *slash = p ? strrchr(acl_policy_name(p), '/') : NULL;
	const struct shown s = {
		p,
		slash ? slash + 1
		: p   ? acl_policy_name(p)
		      : "",
	};
	auto_free struct acl_count *c = NULL;
	struct errinfo err = ERRINFO_INIT;
	size_t n;
	int rc = acl_counts(&c, &n, &err);

	if (rc == -ENOENT)
		return tool_fail("no rules are loaded: no table inet " ACL_TABLE);
	if (rc)
		return tool_fail(errinfo_text(&err, rc));
	if (o->json)
		return print_program(&s, c, n);
	print_people(&s, c, n);
	return CMD_EXIT_OK;
}

int tool_show(int argc, char **argv, void *arg)
{
	struct tool_facts t = { 0 };
	struct acl_policy *p = NULL;
	struct tool_options o;
	int rc;

	(void)arg;
	rc = tool_policy_options(argc, argv, "fjd", &o);
	if (rc)
		return rc;
	rc = find_policy(&o, &t, &p);
	if (!rc)
		rc = show(&o, p);
	acl_policy_free(p);
	tool_facts_dispose(&t);
	return rc;
}
