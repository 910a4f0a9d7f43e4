/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assign - which PC runs a domU of which workspace. A pure function.
 *
 * One domU a PC. Workspaces take PCs in the order the central names them. What
 * runs is not moved: a PC keeps its workspace as long as that one still wants
 * it. The owner's limits win over any workspace.
 */
#ifndef ASSIGN_H
#define ASSIGN_H

#include <stddef.h>

#include "config.h"
#include "workspace.h"

enum assign_health {
	ASSIGN_IDLE,    /* nothing started yet, or on its way */
	ASSIGN_RUNNING, /* a domU of `current` runs */
	ASSIGN_BROKEN,  /* it refused or failed what it was given */
};

struct assign_node {
	const char *name;
	int eligible; /* enrolled, in its lease, allowed by the owner */
	enum assign_health health;
	const char *current; /* workspace it has now, or "" */
	int free_mib;        /* before any domU; 0: not known */
	int workspace;       /* out: index, or -1 */
};

#define ASSIGN_REASON 160

struct assign_result {
	int granted;                /* PCs given, broken ones not counted */
	char reason[ASSIGN_REASON]; /* why fewer than asked; "" if not */
};

/*
 * results: one per workspace. A broken PC keeps what it refused or failed, so
 * that its error stays to be seen and nothing flaps, but does not count: the
 * workspace gets another PC.
 */
void assign(const struct workspace *ws, size_t n_ws,
	    const struct config_limits *limits, struct assign_node *nodes,
	    size_t n_nodes, struct assign_result *results);

#endif
