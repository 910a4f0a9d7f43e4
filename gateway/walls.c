/* SPDX-License-Identifier: Apache-2.0 */
/* walls - one place where a changed state becomes a changed way. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "cleanup.h"
#include "facts.h"
#include "gateway.h"
#include "log.h"
#include "tunnel.h"
#include "walls.h"

#define COUNT_TICKS 5 /* seconds between looks at counters */

struct walls {
	struct acl_policy *policy;
	struct acl_rules *rules;
	int utc_offset_sec;
	unsigned int ticks;
};

static void tell_problems(const struct acl_policy *p, config_error_fn fn,
			  void *arg)
{
	const struct acl_problem *b;
	char text[CONFIG_TEXT * 2];

	for (size_t i = 0; (b = acl_policy_problem(p, i)); i++) {
		char place[32] = "";

		if (b->line)
			snprintf(place, sizeof(place), "%d:%d:", b->line, b->col);
		snprintf(text, sizeof(text), "%s:%s %s%s", acl_policy_name(p),
			 place, b->warning ? "warning: " : "", b->text);
		fn(text, arg);
	}
}

static int has_lease(const struct node *n)
{
	return node_is_up(n) && node_is_allowed(n);
}

/* Whether its domU's packets are let through now. */
static int wants_open(const struct gateway *gw, const struct node *n)
{
	return has_lease(n) && (!gw->config->tunnel.line || n->has_tunnel_key);
}

static struct acl_domu domu_of(const struct node *n)
{
	return (struct acl_domu){
		.address = n->conf->domu_address,
		.node = n->conf->name,
		.image = n->domu_image,
		.line = n->conf->line,
	};
}

static struct acl_node node_of(const struct node *n)
{
	struct acl_node out = {
		.name = n->conf->name,
		.address = n->conf->address,
		.line = n->conf->line,
		.enrolled = has_lease(n),
	};

	memcpy(out.mac, n->conf->mac, sizeof(out.mac));
	return out;
}

/* What the nodes' states say; before there are nodes, nobody is enrolled. */
static int add_states(const struct gateway *gw, struct acl_facts *facts,
		      struct acl_node *nodes, struct acl_domu **domus)
{
	for (size_t i = 0; i < facts->n_nodes; i++)
		nodes[i].enrolled = 0;
	if (!gw)
		return 0;
	*domus = calloc(gw->n_nodes + 1, sizeof(**domus));
	if (!*domus)
		return -ENOMEM;
	facts->domus = *domus;
	for (size_t i = 0; i < gw->n_nodes; i++) {
		nodes[i] = node_of(gw->nodes[i]);
		if (wants_open(gw, gw->nodes[i]))
			(*domus)[facts->n_domus++] = domu_of(gw->nodes[i]);
	}
	return 0;
}

static int compile(const struct config *c, const struct gateway *gw,
		   config_error_fn fn, void *arg, struct walls *w,
		   struct errinfo *err)
{
	auto_free struct acl_node *nodes = NULL;
	auto_free struct acl_domu *domus = NULL;
	struct acl_facts facts;
	int rc;

	w->policy = c->policy[0] ? acl_policy_load(c->policy)
				 : acl_policy_default();
	if (!w->policy || facts_from_config(c, &facts, &nodes) ||
	    add_states(gw, &facts, nodes, &domus))
		return errinfo_set(err, -ENOMEM, "out of memory");
	w->utc_offset_sec = facts.utc_offset_sec;
	rc = acl_compile(w->policy, &facts, &w->rules, err);
	if (fn)
		tell_problems(w->policy, fn, arg);
	return rc;
}

/* gw: whose nodes are of c, or NULL. */
static int new_walls(const struct config *c, const struct gateway *gw,
		     config_error_fn fn, void *arg, struct walls **out,
		     struct errinfo *err)
{
	struct walls *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (w)
		rc = compile(c, gw, fn, arg, w, err);
	if (rc)
		walls_free(w);
	else
		*out = w;
	return rc;
}

int walls_new(const struct config *c, config_error_fn fn, void *arg,
	      struct walls **out, struct errinfo *err)
{
	return new_walls(c, NULL, fn, arg, out, err);
}

void walls_free(struct walls *w)
{
	if (!w)
		return;
	acl_rules_free(w->rules);
	acl_policy_free(w->policy);
	free(w);
}

int walls_load(const struct walls *w, struct errinfo *err)
{
	return acl_apply(w->rules, err);
}

static void note(const struct gateway *gw, struct node *n)
{
	n->is_enrolled = has_lease(n);
	n->is_open = wants_open(gw, n);
	strcpy(n->open_image, n->is_open ? n->domu_image : "");
}

int walls_apply(struct gateway *gw, struct errinfo *err)
{
	struct walls *w = NULL;
	int rc = new_walls(gw->config, gw, NULL, NULL, &w, err);

	if (!rc)
		rc = acl_apply(w->rules, err);
	if (rc) {
		walls_free(w);
		return rc;
	}
	walls_free(gw->walls);
	gw->walls = w;
	for (size_t i = 0; i < gw->n_nodes; i++)
		note(gw, gw->nodes[i]);
	return 0;
}

static void add_change(struct acl_change *list, size_t *n,
		       const struct node *node, enum acl_change_kind kind)
{
	list[(*n)++] = (struct acl_change){
		.kind = kind,
		.node = node_of(node),
		.domu = domu_of(node),
	};
}

static size_t list_changes(const struct gateway *gw, struct acl_change *list)
{
	size_t n = 0;

	for (size_t i = 0; i < gw->n_nodes; i++) {
		const struct node *node = gw->nodes[i];
		int open = wants_open(gw, node);

		if (has_lease(node) != node->is_enrolled)
			add_change(list, &n, node,
				   node->is_enrolled ? ACL_DISMISS_NODE
						     : ACL_ENROL_NODE);
		if (node->is_open && !open)
			add_change(list, &n, node, ACL_DELETE_DOMU);
		else if (open && (!node->is_open ||
				  strcmp(node->open_image, node->domu_image)))
			add_change(list, &n, node, ACL_ADD_DOMU);
	}
	return n;
}

static int change(struct gateway *gw, struct errinfo *err)
{
	auto_free struct acl_change *list =
		calloc(gw->n_nodes * 2 + 1, sizeof(*list));
	size_t n;
	int rc;

	if (!list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	n = list_changes(gw, list);
	if (!n)
		return 0;
	rc = acl_change(gw->walls->rules, list, n, err);
	/* Somebody may have taken our table away. */
	if (rc)
		return walls_apply(gw, err);
	for (size_t i = 0; i < gw->n_nodes; i++)
		note(gw, gw->nodes[i]);
	return 0;
}

int walls_follow(struct gateway *gw)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (!gw->walls)
		return 0;
	rc = change(gw, &err);
	if (!rc)
		rc = tunnel_sync(gw, &err);
	if (rc && !gw->walls_broken)
		log_err("walls: %s", errinfo_text(&err, rc));
	else if (!rc && gw->walls_broken)
		log_info("walls: are as they should be again");
	gw->walls_broken = rc != 0;
	return rc;
}

/* Also how we hear that somebody took our table away. */
static void count(struct gateway *gw)
{
	auto_free struct acl_dropped *list = NULL;
	struct errinfo err = ERRINFO_INIT;
	size_t n = 0;
	int rc = acl_dropped(&list, &n, &err);

	if (rc) {
		log_warn("walls: %s; building them again",
			 errinfo_text(&err, rc));
		rc = walls_apply(gw, &err);
	}
	if (rc && !gw->walls_broken)
		log_err("walls: %s", errinfo_text(&err, rc));
	if (rc)
		gw->walls_broken = 1;
	for (size_t i = 0; i < gw->n_nodes; i++) {
		struct node *node = gw->nodes[i];

		node->dropped = 0;
		for (size_t k = 0; k < n; k++)
			if (list[k].address == node->conf->address ||
			    list[k].address == node->conf->domu_address)
				node->dropped += list[k].packets;
	}
}

void walls_tick(struct gateway *gw)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (gw->walls && gw->walls->utc_offset_sec != acl_utc_offset(time(NULL))) {
		rc = walls_apply(gw, &err);
		log_info("walls: compiled for a new local time%s%s",
			 rc ? ": " : "", rc ? errinfo_text(&err, rc) : "");
	}
	if (gw->walls_broken)
		walls_follow(gw);
	if (gw->walls && ++gw->walls->ticks % COUNT_TICKS == 0)
		count(gw);
}
