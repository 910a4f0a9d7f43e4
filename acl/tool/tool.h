/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool - what the commands of aclc share.
 */
#ifndef TOOL_H
#define TOOL_H

#include <jansson.h>

#include "acl.h"
#include "cmd.h"
#include "config.h"

#define TOOL_CONFIG "/etc/nightshift/nightshift.conf"

/* Options that most commands have; what a command does not take stays as it
 * was. */
struct tool_options {
	const char *config; /* -f; NULL: not said */
	int json;           /* -j */
	int dry_run;        /* -n */
	int builtin;        /* -d: the default policy */
	int domus;          /* -D: as if each node had its domU */
	int confirm_sec;    /* -c; 0: not said */
	int live;           /* -l: the rules that are loaded */
	const char *rules;  /* -r: a file of them */
	const char *policy; /* -p, where the other words say other things */
	const char *src_mac, *spoof; /* -m, -s */
	char **words;                /* the other words */
	int n_words;
};

/* Which of them: letters of "fjndDclrpms". 0, or the exit status of a misuse
 * that was told. */
int tool_options(int argc, char **argv, const char *which,
		 struct tool_options *o);

/* The same for what takes at most one policy: words[0] is its name, or NULL. */
int tool_policy_options(int argc, char **argv, const char *which,
			struct tool_options *o);

/* A configuration as facts. */
struct tool_facts {
	struct config *config;
	struct acl_node *nodes;
	struct acl_domu *domus;
	struct acl_facts facts;
};
/* Exit status; what is wrong was told. */
int tool_facts_load(const struct tool_options *o, struct tool_facts *out);
void tool_facts_dispose(struct tool_facts *t);

/* Of word (may be NULL), --default and the configuration, in this order: the
 * policy's file, NULL for the default policy. */
const char *tool_policy_path(const struct tool_options *o, const char *word,
			     const struct tool_facts *t);
/* The policy of that file; NULL: the default one. Exit status. */
int tool_policy_load(const char *path, struct acl_policy **out);
/* Tells problems; those of a check with --json as one document on stdout. */
void tool_tell_problems(const struct acl_policy *p);
/* Loads, checks and lowers; tells what is wrong. Exit status. */
int tool_compile(const char *path, const struct tool_facts *t,
		 struct acl_policy **p_out, struct acl_rules **r_out);

int tool_fail(const char *what); /* tells; CMD_EXIT_FAILED */
#ifdef __clang_analyzer__
/* It sees one source at a time: tell it what this returns. */
#define tool_fail(what) (tool_fail(what), CMD_EXIT_FAILED)
#endif
int tool_print_json(json_t *doc); /* takes it; exit status */

int tool_check(int argc, char **argv, void *arg);
int tool_print(int argc, char **argv, void *arg);
int tool_compile_command(int argc, char **argv, void *arg);
int tool_diff(int argc, char **argv, void *arg);
int tool_apply(int argc, char **argv, void *arg);
int tool_confirm(int argc, char **argv, void *arg);
int tool_revert(int argc, char **argv, void *arg);
int tool_show(int argc, char **argv, void *arg);
int tool_prove(int argc, char **argv, void *arg);
int tool_explain(int argc, char **argv, void *arg);

#endif
