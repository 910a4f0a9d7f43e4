/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "fileio.h"
#include "judge.h"

static int load_file(const char *path, struct nftmodel **m)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	int rc;

	rc = fileio_read(path, NFTMODEL_TEXT_MAX, &text, NULL, &err);
	if (!rc && nftmodel_load_rules(text, m, &err))
		rc = errinfo_wrap(&err, -EINVAL, "%s", path);
	return rc ? tool_fail(errinfo_text(&err, rc)) : CMD_EXIT_OK;
}

static int load_live(struct nftmodel **m)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = nftmodel_load_live(m, &err);

	return rc ? tool_fail(errinfo_text(&err, rc)) : CMD_EXIT_OK;
}

static int load_compiled(struct judge *j)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	struct acl_rules *r = NULL;
	int rc;

	rc = acl_compile(j->p, &j->t.facts, &r, &err);
	if (!rc) {
		text = acl_emit(r);
		acl_rules_free(r);
		if (!text)
			return tool_fail("out of memory");
		rc = nftmodel_load_rules(text, &j->m, &err);
	}
	return rc ? tool_fail(errinfo_text(&err, rc)) : CMD_EXIT_OK;
}

/* Whose domUs: those that are, or one of each kind that might be. Likewise
 * enrolled nodes. */
static int set_people(struct judge *j, int live)
{
	struct acl_facts *f = &j->t.facts;
	size_t n = 0;
	int rc;

	if (live)
		acl_prove_live_enrolled(j->m, j->t.nodes, f->n_nodes);
	for (size_t i = 1; j->both_kinds && !live && i < f->n_nodes; i += 2)
		j->t.nodes[i].enrolled = 0;

	rc = live ? acl_prove_live_domus(j->m, f, &j->domus, &n)
		  : acl_prove_domus(f, j->p, &j->domus, &n);
	if (rc)
		return tool_fail(live ? "no set 'domus' in table inet " ACL_TABLE
					": are our rules loaded here?"
				      : "out of memory");
	f->domus = j->domus;
	f->n_domus = n;
	return CMD_EXIT_OK;
}

int judge_open(struct judge *j, const struct tool_options *o, const char *policy)
{
	struct tool_options all = *o;
	int rc;

	if (o->live && o->rules)
		return cmd_misuse("--live or --rules, not both");
	all.domus = 1;
	rc = tool_facts_load(&all, &j->t);
	if (!rc)
		rc = tool_policy_load(tool_policy_path(o, policy, &j->t), &j->p);
	if (rc)
		return rc;
	if (acl_check(j->p, &j->t.facts)) {
		tool_tell_problems(j->p);
		return CMD_EXIT_FAILED;
	}
	if (o->live)
		rc = load_live(&j->m);
	else if (o->rules)
		rc = load_file(o->rules, &j->m);
	if (!rc)
		rc = set_people(j, o->live || o->rules);
	if (!rc && !j->m)
		rc = load_compiled(j);
	return rc;
}

void judge_dispose(struct judge *j)
{
	nftmodel_free(j->m);
	acl_policy_free(j->p);
	free(j->domus);
	tool_facts_dispose(&j->t);
}
