/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - the commands that only read and write text: check, print, compile.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "tool.h"

static json_t *problems_json(const struct acl_policy *p)
{
	json_t *list = json_array();
	const struct acl_problem *b;
	size_t i = 0;

	while ((b = acl_policy_problem(p, i++)) != NULL)
		json_array_append_new(
			list, json_pack("{s:s, s:i, s:i, s:s, s:s}", "file",
					acl_policy_name(p), "line", b->line,
					"column", b->col, "severity",
					b->warning ? "warning" : "error",
					"text", b->text));
	return json_pack("{s:i, s:o}", "errors", acl_policy_errors(p),
			 "problems", list);
}

int tool_check(int argc, char **argv, void *arg)
{
	struct tool_facts t = { 0 };
	struct acl_policy *p = NULL;
	struct tool_options o;
	int rc, errors;

	(void)arg;
	rc = tool_options(argc, argv, "fj", &o);
	if (rc)
		return rc;
	if (o.n_words > 1)
		return cmd_misuse("one POLICY, or the configuration's");
	if (o.config || !o.n_words)
		rc = tool_facts_load(&o, &t);
	if (!rc)
		rc = tool_policy_load(tool_policy_path(&o, o.words[0], &t), &p);
	if (!rc) {
		errors = acl_check(p, t.config ? &t.facts : NULL);
		if (o.json)
			rc = tool_print_json(problems_json(p));
		else
			tool_tell_problems(p);
		if (errors)
			rc = CMD_EXIT_FAILED;
	}
	acl_policy_free(p);
	tool_facts_dispose(&t);
	return rc;
}

static int write_text(const char *text)
{
	if (!text)
		return tool_fail("out of memory");
	if (fputs(text, stdout) == EOF || fflush(stdout))
		return tool_fail("cannot write");
	return CMD_EXIT_OK;
}

int tool_print(int argc, char **argv, void *arg)
{
	auto_free char *text = NULL;
	struct tool_facts t = { 0 };
	struct acl_policy *p = NULL;
	struct tool_options o;
	int rc;

	(void)arg;
	rc = tool_policy_options(argc, argv, "fd", &o);
	if (rc)
		return rc;
	if (!o.n_words && !o.builtin)
		rc = tool_facts_load(&o, &t);
	if (!rc)
		rc = tool_policy_load(tool_policy_path(&o, o.words[0], &t), &p);
	if (!rc && acl_policy_errors(p)) {
		tool_tell_problems(p);
		rc = CMD_EXIT_FAILED;
	}
	if (!rc) {
		text = acl_policy_print(p);
		rc = write_text(text);
	}
	acl_policy_free(p);
	tool_facts_dispose(&t);
	return rc;
}

int tool_compile_command(int argc, char **argv, void *arg)
{
	auto_free char *text = NULL;
	struct acl_policy *p = NULL;
	struct acl_rules *r = NULL;
	struct tool_facts t = { 0 };
	struct tool_options o;
	int rc;

	(void)arg;
	rc = tool_policy_options(argc, argv, "fdD", &o);
	if (rc)
		return rc;
	rc = tool_facts_load(&o, &t);
	if (!rc)
		rc = tool_compile(tool_policy_path(&o, o.words[0], &t), &t, &p,
				  &r);
	if (!rc) {
		text = acl_emit(r);
		rc = write_text(text);
	}
	acl_rules_free(r);
	acl_policy_free(p);
	tool_facts_dispose(&t);
	return rc;
}
