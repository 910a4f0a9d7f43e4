/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - what prove and explain need: facts, a policy, and rules as a kernel
 * lists them.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "acl-prove.h"
#include "tool.h"

#define JUDGE_OPTIONS "fjdlr"
#define JUDGE_HELP                                                         \
	"  -f, --config FILE   nightshift.conf of the segment (default\n"  \
	"                      " TOOL_CONFIG ")\n"                         \
	"  -l, --live          judge the rules that are loaded here now\n" \
	"  -r, --rules FILE    judge these rules (text for nft -f)\n"

struct judge {
	int both_kinds; /* if no kernel says who is enrolled: half of the nodes,
			 * so that a proof is about the others as well; else all */
	struct tool_facts t;
	struct acl_policy *p;
	struct nftmodel *m;
	struct acl_domu *domus;
};

/* j: zeroed, or with its first member set. Rules: --live, --rules, or what the
 * policy (NULL: the default one) compiles to, loaded where it hurts nobody.
 * Exit status; what is wrong was told. */
int judge_open(struct judge *j, const struct tool_options *o, const char *policy);
void judge_dispose(struct judge *j);

#endif
