/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - load a policy's rules, for good or until confirmed.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "pending.h"
#include "tool.h"

/* Only nodes that are enrolled now stay so. */
static int keep_enrolled(struct tool_facts *t)
{
	auto_free uint32_t *enrolled = NULL;
	struct errinfo err = ERRINFO_INIT;
	size_t n = 0;
	int rc = acl_nft_enrolled(&enrolled, &n, &err);

	if (rc && rc != -ENOENT)
		return tool_fail(errinfo_text(&err, rc));
	for (size_t i = 0; i < t->facts.n_nodes; i++) {
		t->nodes[i].enrolled = 0;
		for (size_t k = 0; k < n; k++)
			if (enrolled[k] == t->nodes[i].address)
				t->nodes[i].enrolled = 1;
	}
	return CMD_EXIT_OK;
}

/* Who talks now goes on; gatewayd knows them, this program asks the loaded
 * sets. */
static int keep_live(struct tool_facts *t)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (t->domus)
		return CMD_EXIT_OK;
	rc = acl_nft_domus(&t->domus, &t->facts.n_domus, &err);
	if (rc && rc != -ENOENT)
		return tool_fail(errinfo_text(&err, rc));
	t->facts.domus = t->domus;
	return keep_enrolled(t);
}

/* Enter confirms; the guard's end, by whatever way, ends the waiting. Exit
 * status. */
static int wait_confirmed(const char *state, int fd, int seconds)
{
	struct pollfd p[] = { { fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
	struct errinfo err = ERRINFO_INIT;
	int tty = isatty(STDIN_FILENO), status, rc;

	fprintf(stderr, "loaded; the old rules come back in %d s unless %s\n",
		seconds, tty ? "you press Enter" : "`aclc confirm` is run");
	while (poll(p, tty ? 2 : 1, -1) >= 0 && !p[0].revents) {
		if (!p[1].revents)
			continue;
		rc = pending_confirm(state, &err);
		if (rc)
			return tool_fail(errinfo_text(&err, rc));
		break;
	}
	if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return tool_fail("not confirmed; the old rules are back");
	fprintf(stderr, "confirmed\n");
	return CMD_EXIT_OK;
}

static int apply_confirmed(const struct acl_rules *r, const char *state,
			   int seconds)
{
	struct errinfo err = ERRINFO_INIT;
	auto_close int fd = -1;
	int rc;

	rc = pending_begin(state, &err);
	if (rc)
		return tool_fail(errinfo_text(&err, rc));
	/* First the guard, then the rules: killed in between, it goes back to
	 * what is loaded. */
	rc = pending_guard(state, seconds, &fd, &err);
	if (!rc)
		rc = acl_apply(r, &err);
	if (rc) {
		pending_cancel(state);
		return tool_fail(errinfo_text(&err, rc));
	}
	return wait_confirmed(state, fd, seconds);
}

static int apply(const struct acl_rules *r, const struct tool_options *o,
		 const char *state)
{
	struct errinfo err = ERRINFO_INIT;
	auto_free char *text = NULL;
	int rc;

	if (o->confirm_sec && !o->dry_run)
		return apply_confirmed(r, state, o->confirm_sec);
	if (o->dry_run) {
		text = acl_emit(r);
		rc = text ? acl_nft_run(text, 1, &err) : -ENOMEM;
	} else {
		rc = acl_apply(r, &err);
	}
	return rc ? tool_fail(errinfo_text(&err, rc)) : CMD_EXIT_OK;
}

int tool_apply(int argc, char **argv, void *arg)
{
	struct acl_policy *p = NULL;
	struct acl_rules *r = NULL;
	struct tool_facts t = { 0 };
	struct tool_options o;
	int rc;

	(void)arg;
	rc = tool_policy_options(argc, argv, "fndDc", &o);
	if (rc)
		return rc;
	rc = tool_facts_load(&o, &t);
	/* From here on hours are UTC's: what is saved is loaded as it was. */
	setenv("TZ", "UTC", 1);
	if (!rc)
		rc = keep_live(&t);
	if (!rc)
		rc = tool_compile(tool_policy_path(&o, o.words[0], &t), &t, &p,
				  &r);
	if (!rc)
		rc = apply(r, &o, t.config->state);
	acl_rules_free(r);
	acl_policy_free(p);
	tool_facts_dispose(&t);
	return rc;
}

static int decide(int argc, char **argv,
		  int (*fn)(const char *state, struct errinfo *err))
{
	struct errinfo err = ERRINFO_INIT;
	struct tool_facts t = { 0 };
	struct tool_options o;
	int rc;

	rc = tool_options(argc, argv, "f", &o);
	if (rc)
		return rc;
	if (o.n_words)
		return cmd_misuse("takes no words");
	rc = tool_facts_load(&o, &t);
	setenv("TZ", "UTC", 1);
	if (!rc) {
		rc = fn(t.config->state, &err);
		if (rc)
			rc = tool_fail(errinfo_text(&err, rc));
	}
	tool_facts_dispose(&t);
	return rc;
}

int tool_confirm(int argc, char **argv, void *arg)
{
	(void)arg;
	return decide(argc, argv, pending_confirm);
}

int tool_revert(int argc, char **argv, void *arg)
{
	(void)arg;
	return decide(argc, argv, pending_revert);
}
