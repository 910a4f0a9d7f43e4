/* SPDX-License-Identifier: Apache-2.0 */
/* Sites, nodes, images and workspaces (docs/protocol.md §4, §8). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "parse.h"

#include "central.h"

#define NODES_MAX        4096 /* of one segment */
#define FOREIGN_MAX      32
#define FOREIGN_TEXT_MAX 160
#define REFUSALS_MAX     1024
#define REASON_MAX       512

static int try_desired(struct httpd_req *r, struct front *f, const char *site,
		       int64_t gen, int last)
{
	json_t *doc;

	if (f->c->desired_gen == gen && !last)
		return 0;
	doc = sites_desired(f->c, site);
	if (doc)
		httpd_reply_json(r, 200, doc);
	else
		httpd_reply_error(r, 500, "out of memory");
	return 1;
}

void api_site_desired(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	const char *text = httpd_query(r, "gen");
	struct caller caller;
	uint64_t gen = 0;

	if (!auth_require(r, f, WHO_SITE, &caller))
		return;
	if (text && parse_u64(text, 0, INT64_MAX, &gen)) {
		httpd_reply_error(r, 400, "'gen' is not a number");
		return;
	}
	wait_start(r, f, caller.name, text ? (int64_t)gen : -1, try_desired);
}

static int nodes_ok(const json_t *nodes)
{
	const char *id;
	size_t i;

	if (!json_is_array(nodes) || json_array_size(nodes) > NODES_MAX)
		return 0;
	for (i = 0; i < json_array_size(nodes); i++) {
		id = json_string_value(
			json_object_get(json_array_get(nodes, i), "id"));
		if (!id || !parse_is_name(id))
			return 0;
	}
	return 1;
}

/* Absent is well: a site with nothing to refuse. */
static int refusals_ok(const json_t *list)
{
	const char *name, *reason;
	const json_t *item;
	size_t i;

	if (!list)
		return 1;
	if (!json_is_array(list) || json_array_size(list) > REFUSALS_MAX)
		return 0;
	for (i = 0; i < json_array_size(list); i++) {
		item = json_array_get(list, i);
		name = json_string_value(json_object_get(item, "workspace"));
		reason = json_string_value(json_object_get(item, "reason"));
		if (!name || !parse_is_name(name) || !reason ||
		    strlen(reason) > REASON_MAX ||
		    !json_is_integer(json_object_get(item, "granted")))
			return 0;
	}
	return 1;
}

/* What it shows goes to people: texts, and not many. */
static int foreign_ok(const json_t *list)
{
	static const char *const texts[] = { "address", "mac", "server", "file" };
	const json_t *item;
	size_t i;

	if (!list)
		return 1;
	if (!json_is_array(list) || json_array_size(list) > FOREIGN_MAX)
		return 0;
	json_array_foreach(list, i, item)
	{
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			const json_t *v = json_object_get(item, texts[k]);

			if (!json_is_string(v) ||
			    json_string_length(v) > FOREIGN_TEXT_MAX)
				return 0;
		}
	}
	return 1;
}

void api_site_report(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct caller caller;
	const char *segment;
	json_t *body, *nodes, *refusals, *foreign;

	if (!auth_require(r, f, WHO_SITE, &caller))
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	segment = json_string_value(json_object_get(body, "segment"));
	nodes = json_object_get(body, "nodes");
	refusals = json_object_get(body, "refusals");
	foreign = json_object_get(body, "foreign");
	if (!segment || !parse_is_name(segment) || !nodes_ok(nodes) ||
	    !refusals_ok(refusals) || !foreign_ok(foreign)) {
		httpd_reply_error(r, 400,
				  "a report is {\"segment\": NAME, "
				  "\"nodes\": [{\"id\": NAME ...}], "
				  "\"refusals\": [{\"workspace\": NAME, "
				  "\"granted\": n, \"reason\": \"...\"}], "
				  "\"foreign\": [{\"address\": ...}]}");
		return;
	}
	/* A site speaks for its own segment only. */
	if (caller.who == WHO_SITE && strcmp(caller.name, segment)) {
		httpd_reply_error(r, 403,
				  "this token is of site '%s', the report of "
				  "segment '%s'",
				  caller.name, segment);
		return;
	}
	json_object_set_new(f->c->reports, segment,
			    json_pack("{sI sO sO* sO*}", "received_ms",
				      (json_int_t)clock_boot_ms(), "nodes", nodes,
				      "refusals", refusals, "foreign", foreign));
	httpd_reply_json(r, 200, json_object());
}

void api_segments(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct caller caller;

	if (auth_require(r, f, WHO_OPERATOR, &caller))
		httpd_reply_json(r, 200, sites_segments(f->c));
}

void api_nodes(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	json_t *doc = NULL;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	rc = sites_nodes(f->c, &doc, &err);
	api_reply(r, rc, doc, &err);
}

void api_node(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	json_t *doc = NULL;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	rc = sites_node(f->c, httpd_param(r, 0), httpd_param(r, 1), &doc, &err);
	api_reply(r, rc, doc, &err);
}

void api_images(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct caller caller;

	if (auth_require(r, f, WHO_OPERATOR, &caller))
		httpd_reply_json(
			r, 200,
			json_pack("{sO}", "images", images_list(f->c->images)));
}

void api_workspaces(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct caller caller;

	if (auth_require(r, f, WHO_OPERATOR, &caller))
		httpd_reply_json(r, 200, sites_workspaces(f->c));
}

static void reply_workspace(struct httpd_req *r, struct central *c,
			    const char *name)
{
	json_t *doc = sites_workspaces(c), *w;
	size_t i;

	json_array_foreach(json_object_get(doc, "workspaces"), i, w)
	{
		if (!strcmp(json_string_value(json_object_get(w, "name")), name)) {
			httpd_reply_json(r, 200, json_incref(w));
			break;
		}
	}
	if (i == json_array_size(json_object_get(doc, "workspaces")))
		httpd_reply_error(r, 500, "the workspace vanished");
	json_decref(doc);
}

void api_workspace_put(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	json_t *body;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	rc = engine_workspace_put(f->c->engine, httpd_param(r, 0), body, &err);
	if (!rc) {
		images_poll(f->c->images, clock_unix_ms());
		rc = sites_update(f->c, &err);
	}
	if (rc)
		api_fail(r, rc, &err);
	else
		reply_workspace(r, f->c, httpd_param(r, 0));
}

void api_workspace_delete(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	struct caller caller;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	rc = engine_workspace_delete(f->c->engine, httpd_param(r, 0), &err);
	if (!rc)
		rc = sites_update(f->c, &err);
	if (rc) {
		api_fail(r, rc, &err);
		return;
	}
	log_info("workspace %s: deleted", httpd_param(r, 0));
	httpd_reply_json(r, 200, json_object());
}

static void add_node_metrics(const json_t *nodes, struct buf *b)
{
	json_t *counts = json_object(), *node, *n;
	const char *state;
	size_t i;

	json_array_foreach((json_t *)nodes, i, node)
	{
		state = json_string_value(json_object_get(node, "state"));
		if (!state || !parse_is_name(state))
			continue;
		n = json_object_get(counts, state);
		json_object_set_new(counts, state,
				    json_integer(json_integer_value(n) + 1));
	}
	buf_adds(b, "# HELP nightshift_nodes Nodes by state.\n"
		    "# TYPE nightshift_nodes gauge\n");
	json_object_foreach(counts, state, n)
	{
		buf_addf(b, "nightshift_nodes{state=\"%s\"} %lld\n", state,
			 (long long)json_integer_value(n));
	}
	json_decref(counts);
}

/* Prometheus' text format 0.0.4. */
void api_metrics(struct httpd_req *r, void *arg)
{
	struct front *f = arg;
	struct errinfo err = ERRINFO_INIT;
	auto_buf struct buf b = BUF_INIT;
	json_t *totals = NULL, *nodes = NULL, *n;
	struct caller caller;
	const char *state;
	int rc;

	if (!auth_require(r, f, WHO_OPERATOR, &caller))
		return;
	rc = engine_totals(f->c->engine, &totals, &err);
	if (!rc)
		rc = sites_nodes(f->c, &nodes, &err);
	if (rc) {
		json_decref(totals);
		api_fail(r, rc, &err);
		return;
	}
	buf_adds(&b, "# HELP nightshift_tasks Tasks of all jobs by state.\n"
		     "# TYPE nightshift_tasks gauge\n");
	json_object_foreach(totals, state, n)
	{
		buf_addf(&b, "nightshift_tasks{state=\"%s\"} %lld\n", state,
			 (long long)json_integer_value(n));
	}
	add_node_metrics(json_object_get(nodes, "nodes"), &b);
	json_decref(totals);
	json_decref(nodes);
	httpd_reply_text(r, 200, "text/plain; version=0.0.4", b.data, b.len);
}
