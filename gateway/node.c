/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node - states, the owner's word, the steps of a boot.
 */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "node.h"

static const char *const state_names[] = {
	[NODE_UNKNOWN] = "unknown",   [NODE_LOCAL] = "local",
	[NODE_ASKED] = "asked",       [NODE_DOM0] = "dom0",
	[NODE_ENROLLED] = "enrolled", [NODE_FETCHING] = "fetching",
	[NODE_VERIFIED] = "verified", [NODE_RUNNING] = "running",
	[NODE_REFUSED] = "refused",   [NODE_FAILED] = "failed",
	[NODE_LOST] = "lost",
};

struct node *node_new(const struct config_node *conf)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->conf = conf;
	n->seq_seen = UINT64_MAX;
	n->wanted = json_array();
	if (!n->wanted) {
		free(n);
		return NULL;
	}
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	json_decref(n->host);
	json_decref(n->image);
	json_decref(n->domus);
	json_decref(n->scratch);
	json_decref(n->wanted);
	free(n);
}

const char *node_state_name(enum node_state state)
{
	return state_names[state];
}

int node_state_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (!strcmp(name, state_names[i]))
			return (int)i;
	return -1;
}

int node_is_up(const struct node *n)
{
	return n->state >= NODE_ENROLLED && n->state <= NODE_FAILED;
}

enum boot_choice node_choice(const struct node *n)
{
	switch (n->override) {
	case NODE_BOOT_LOCAL:
	case NODE_ONCE_LOCAL:
		return BOOT_LOCAL;
	case NODE_BOOT_GRID:
	case NODE_ONCE_GRID:
		return BOOT_GRID;
	case NODE_AS_CONFIGURED:
		break;
	}
	return n->conf->boot;
}

/* "grid once" is for a boot that is still to come. "local once" is for now as
 * well: the owner waits for the PC. */
int node_is_allowed(const struct node *n)
{
	if (n->granted_once)
		return 1;
	if (n->override == NODE_BOOT_LOCAL || n->override == NODE_ONCE_LOCAL)
		return 0;
	if (n->override == NODE_BOOT_GRID)
		return 1;
	return n->conf->boot == BOOT_GRID;
}

void node_step(struct node *n, enum node_state state, int64_t now_ms)
{
	int64_t *step;

	if (state < NODE_ASKED || state > NODE_RUNNING)
		return;
	step = &n->steps_ms[state - NODE_ASKED];
	if (!*step)
		*step = now_ms;
}

void node_forget_boot(struct node *n)
{
	memset(n->steps_ms, 0, sizeof(n->steps_ms));
	n->error[0] = '\0';
	json_decref(n->image);
	json_decref(n->domus);
	json_decref(n->scratch);
	n->image = n->domus = n->scratch = NULL;
}

void node_forget_key(struct node *n)
{
	n->boot_id[0] = '\0';
	memset(n->key, 0, sizeof(n->key));
	n->has_tunnel_key = 0;
	n->seq = 0;
	n->seq_seen = UINT64_MAX;
}
