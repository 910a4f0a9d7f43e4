/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "facts.h"
#include "tool.h"

#define CONFIRM_SEC_MAX 3600

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "default", no_argument, NULL, 'd' },
	{ "domus", no_argument, NULL, 'D' },
	{ "confirm", required_argument, NULL, 'c' },
	{ "live", no_argument, NULL, 'l' },
	{ "rules", required_argument, NULL, 'r' },
	{ "policy", required_argument, NULL, 'p' },
	{ "src-mac", required_argument, NULL, 'm' },
	{ "spoof", required_argument, NULL, 's' },
	{ NULL, 0, NULL, 0 },
};

static int take(int letter, struct tool_options *o)
{
	switch (letter) {
	case 'f':
		o->config = optarg;
		break;
	case 'j':
		o->json = 1;
		break;
	case 'n':
		o->dry_run = 1;
		break;
	case 'd':
		o->builtin = 1;
		break;
	case 'D':
		o->domus = 1;
		break;
	case 'l':
		o->live = 1;
		break;
	case 'r':
		o->rules = optarg;
		break;
	case 'p':
		o->policy = optarg;
		break;
	case 'm':
		o->src_mac = optarg;
		break;
	case 's':
		o->spoof = optarg;
		break;
	default:
		if (parse_int(optarg, 1, CONFIRM_SEC_MAX, &o->confirm_sec))
			return cmd_misuse("'%s' is not 1 to %d seconds", optarg,
					  CONFIRM_SEC_MAX);
	}
	return 0;
}

int tool_options(int argc, char **argv, const char *which, struct tool_options *o)
{
	int letter, rc;

	*o = (struct tool_options){ 0 };
	optind = 1;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":f:jndDc:lr:p:m:s:", longs,
				     NULL)) != -1) {
		if (letter == ':')
			return cmd_misuse("'%s' needs a word behind it",
					  argv[optind - 1]);
		if (letter == '?' || !strchr(which, letter))
			return cmd_misuse("no option '%s'", argv[optind - 1]);
		rc = take(letter, o);
		if (rc)
			return rc;
	}
	o->words = argv + optind;
	o->n_words = argc - optind;
	return 0;
}

int tool_policy_options(int argc, char **argv, const char *which,
			struct tool_options *o)
{
	int rc = tool_options(argc, argv, which, o);

	if (!rc && o->n_words + o->builtin > 1)
		return cmd_misuse("one POLICY, --default or the configuration's");
	return rc;
}

/* In parentheses: to the analyzer the name is a macro as well. */
int(tool_fail)(const char *what)
{
	fprintf(stderr, "aclc: %s\n", what);
	return CMD_EXIT_FAILED;
}

int tool_print_json(json_t *doc)
{
	int r = json_dumpf(doc, stdout, JSON_INDENT(2));

	json_decref(doc);
	putchar('\n');
	if (r || fflush(stdout))
		return tool_fail("cannot write");
	return CMD_EXIT_OK;
}

static void tell(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

/* Each node's domU, of no image that one knows. */
static int add_domus(struct tool_facts *t)
{
	t->domus = calloc(t->config->n_nodes + 1, sizeof(*t->domus));
	if (!t->domus)
		return tool_fail("out of memory");
	for (size_t i = 0; i < t->config->n_nodes; i++) {
		const struct config_node *n = &t->config->nodes[i];

		t->domus[i] = (struct acl_domu){
			.address = n->domu_address,
			.node = n->name,
			.line = n->line,
		};
	}
	t->facts.domus = t->domus;
	t->facts.n_domus = t->config->n_nodes;
	return CMD_EXIT_OK;
}

int tool_facts_load(const struct tool_options *o, struct tool_facts *out)
{
	*out = (struct tool_facts){ 0 };
	if (config_load(o->config ? o->config : TOOL_CONFIG, &out->config, NULL,
			tell, NULL))
		return CMD_EXIT_FAILED;
	if (facts_from_config(out->config, &out->facts, &out->nodes))
		return tool_fail("out of memory");
	return o->domus ? add_domus(out) : CMD_EXIT_OK;
}

void tool_facts_dispose(struct tool_facts *t)
{
	config_free(t->config);
	free(t->nodes);
	free(t->domus);
}

const char *tool_policy_path(const struct tool_options *o, const char *word,
			     const struct tool_facts *t)
{
	if (word)
		return word;
	if (o->builtin || !t->config || !t->config->policy[0])
		return NULL;
	return t->config->policy;
}

int tool_policy_load(const char *path, struct acl_policy **out)
{
	*out = path ? acl_policy_load(path) : acl_policy_default();
	return *out ? CMD_EXIT_OK : tool_fail("out of memory");
}

void tool_tell_problems(const struct acl_policy *p)
{
	const struct acl_problem *b;
	size_t i = 0;

	while ((b = acl_policy_problem(p, i++)) != NULL) {
		auto_free char *text = acl_problem_text(p, b);

		fprintf(stderr, "%s\n", text ? text : b->text);
	}
	if (acl_policy_errors(p) > ACL_PROBLEMS_MAX)
		fprintf(stderr, "aclc: %d errors in all\n", acl_policy_errors(p));
}

int tool_compile(const char *path, const struct tool_facts *t,
		 struct acl_policy **p_out, struct acl_rules **r_out)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = tool_policy_load(path, p_out);

	if (rc)
		return rc;
	rc = acl_compile(*p_out, &t->facts, r_out, &err);
	tool_tell_problems(*p_out);
	if (rc && !acl_policy_errors(*p_out))
		return tool_fail(errinfo_text(&err, rc));
	return rc ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}
