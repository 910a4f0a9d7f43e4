/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assign - three passes: what the owner forbids, what stays, what is new.
 */
#include <stdio.h>
#include <string.h>

#include "assign.h"

static int image_allowed(const struct config_limits *l, const char *image)
{
	if (!l->n_images)
		return 1;
	for (size_t i = 0; i < l->n_images; i++)
		if (!strcmp(l->images[i], image))
			return 1;
	return 0;
}

/* Returns 1 and the reason where the workspace gets nothing at all here. */
static int refused(const struct workspace *w, const struct config_limits *l,
		   char reason[ASSIGN_REASON])
{
	if (!image_allowed(l, w->image))
		snprintf(reason, ASSIGN_REASON,
			 "the owner does not allow image %s", w->image);
	else if (l->memory_mib && (uint64_t)w->memory_mib > l->memory_mib)
		snprintf(reason, ASSIGN_REASON,
			 "%d MiB is more than the owner's limit of %llu MiB",
			 w->memory_mib, (unsigned long long)l->memory_mib);
	else if (l->vcpus && w->vcpus > l->vcpus)
		snprintf(reason, ASSIGN_REASON,
			 "%d vcpus are more than the owner's limit of %d",
			 w->vcpus, l->vcpus);
	else if (!w->manifest[0])
		snprintf(reason, ASSIGN_REASON,
			 "image %s has not been published", w->image);
	else
		return 0;
	return 1;
}

/* Running ones first, then those on their way. */
static void keep(const struct workspace *w, int index,
		 struct assign_node *nodes, size_t n, struct assign_result *r)
{
	static const enum assign_health order[] = { ASSIGN_RUNNING, ASSIGN_IDLE };

	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		for (size_t i = 0; i < n && r->granted < w->domus; i++) {
			if (!nodes[i].eligible || nodes[i].workspace >= 0 ||
			    nodes[i].health != order[k] ||
			    strcmp(nodes[i].current, w->name))
				continue;
			nodes[i].workspace = index;
			r->granted++;
		}
	}
}

/* The id WORKSPACE-NODE must still be a name. */
static int fits(const struct workspace *w, const struct assign_node *n)
{
	return (!n->free_mib || w->memory_mib <= n->free_mib) &&
	       strlen(w->name) + 1 + strlen(n->name) <= PARSE_NAME_MAX;
}

static void extend(const struct workspace *w, int index,
		   struct assign_node *nodes, size_t n, struct assign_result *r)
{
	int idle = 0;

	for (size_t i = 0; i < n && r->granted < w->domus; i++) {
		if (!nodes[i].eligible || nodes[i].workspace >= 0)
			continue;
		if (!fits(w, &nodes[i])) {
			idle++;
			continue;
		}
		nodes[i].workspace = index;
		r->granted++;
	}
	if (r->granted == w->domus)
		return;
	if (idle)
		snprintf(r->reason, ASSIGN_REASON,
			 "%d of %d domus: %d idle PCs have no %d MiB free",
			 r->granted, w->domus, idle, w->memory_mib);
	else
		snprintf(r->reason, ASSIGN_REASON,
			 "%d of %d domus: no more PCs", r->granted, w->domus);
}

/* What a broken PC has it keeps, as long as it is still wanted. */
static void keep_broken(const struct workspace *ws, size_t n_ws,
			const struct assign_result *results,
			struct assign_node *node)
{
	if (!node->eligible || node->health != ASSIGN_BROKEN)
		return;
	for (size_t i = 0; i < n_ws; i++)
		if (!results[i].reason[0] && ws[i].domus > 0 &&
		    !strcmp(node->current, ws[i].name))
			node->workspace = (int)i;
}

void assign(const struct workspace *ws, size_t n_ws,
	    const struct config_limits *limits, struct assign_node *nodes,
	    size_t n_nodes, struct assign_result *results)
{
	memset(results, 0, n_ws * sizeof(*results));
	for (size_t i = 0; i < n_nodes; i++)
		nodes[i].workspace = -1;
	for (size_t k = 0; k < n_ws; k++)
		refused(&ws[k], limits, results[k].reason);
	for (size_t i = 0; i < n_nodes; i++)
		keep_broken(ws, n_ws, results, &nodes[i]);
	for (size_t k = 0; k < n_ws; k++)
		if (!results[k].reason[0])
			keep(&ws[k], (int)k, nodes, n_nodes, &results[k]);
	for (size_t k = 0; k < n_ws; k++)
		if (!results[k].reason[0])
			extend(&ws[k], (int)k, nodes, n_nodes, &results[k]);
}
