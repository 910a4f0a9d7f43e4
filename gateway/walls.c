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

static int compile(const struct config *c, const struct acl_domu *domus,
		   size_t n_domus, config_error_fn fn, void *arg,
		   struct walls *w, struct errinfo *err)
{
	auto_free struct acl_node *nodes = NULL;
	struct acl_facts facts;
	int rc;

	w->policy = c->policy[0] ? acl_policy_load(c->policy)
				 : acl_policy_default();
	if (!w->policy || facts_from_config(c, &facts, &nodes))
		return errinfo_set(err, -ENOMEM, "out of memory");
	facts.domus = domus;
	facts.n_domus = n_domus;
	w->utc_offset_sec = facts.utc_offset_sec;
	rc = acl_compile(w->policy, &facts, &w->rules, err);
	if (fn)
		tell_problems(w->policy, fn, arg);
	return rc;
}

static int new_walls(const struct config *c, const struct acl_domu *domus,
		     size_t n_domus, config_error_fn fn, void *arg,
		     struct walls **out, struct errinfo *err)
{
	struct walls *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (w)
		rc = compile(c, domus, n_domus, fn, arg, w, err);
	if (rc)
		walls_free(w);
	else
		*out = w;
	return rc;
}

int walls_new(const struct config *c, config_error_fn fn, void *arg,
	      struct walls **out, struct errinfo *err)
{
	return new_walls(c, NULL, 0, fn, arg, out, err);
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

/* Whether its domU's packets are let through now. */
static int wants_open(const struct gateway *gw, const struct node *n)
{
	return node_is_up(n) && node_is_allowed(n) &&
	       (!gw->config->tunnel.line || n->has_tunnel_key);
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

static void note(const struct gateway *gw, struct node *n)
{
	n->is_open = wants_open(gw, n);
	strcpy(n->open_image, n->is_open ? n->domu_image : "");
}

int walls_apply(struct gateway *gw, struct errinfo *err)
{
	auto_free struct acl_domu *domus =
		calloc(gw->n_nodes + 1, sizeof(*domus));
	struct walls *w = NULL;
	size_t n = 0;
	int rc;

	if (!domus)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < gw->n_nodes; i++)
		if (wants_open(gw, gw->nodes[i]))
			domus[n++] = domu_of(gw->nodes[i]);
	rc = new_walls(gw->config, domus, n, NULL, NULL, &w, err);
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

/* What is closed is closed first. */
static size_t add_changes(const struct gateway *gw, int closing,
			  struct acl_change *list, size_t n)
{
	for (size_t i = 0; i < gw->n_nodes; i++) {
		const struct node *node = gw->nodes[i];
		int open = wants_open(gw, node);

		if (closing ? open || !node->is_open
			    : !open || (node->is_open &&
					!strcmp(node->open_image,
						node->domu_image)))
			continue;
		list[n++] = (struct acl_change){
			.kind = closing ? ACL_DELETE_DOMU : ACL_ADD_DOMU,
			.domu = domu_of(node),
		};
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
	n = add_changes(gw, 1, list, 0);
	n = add_changes(gw, 0, list, n);
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
