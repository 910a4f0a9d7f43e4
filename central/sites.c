/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sites should run (workspaces, resolved) and what they say they run
 * (reports, kept in memory: a gateway tells all of it again within seconds).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

#include "central.h"

#define WORKERS_SEEN_MAX 65536
#define SILENT_MS        45000 /* three reports missed */

/* --- desired ------------------------------------------------------------- */

/* What was taken back must not go on. */
static int resolve_to_nothing(struct central *c, json_t *w, struct errinfo *err)
{
	const char *name = json_string_value(json_object_get(w, "name"));
	int rc = engine_workspace_resolved(c->engine, name, "", "", err);

	if (rc)
		return rc;
	log_info("workspace %s: its version was revoked", name);
	json_object_set_new(w, "manifest", json_string(""));
	json_object_set_new(w, "image_version", json_string(""));
	return 0;
}

/*
 * A channel that cannot be resolved now leaves the workspace at what it was
 * last: a broken repository must not end work that runs.
 */
static int resolve_one(struct central *c, json_t *w, struct errinfo *err)
{
	const char *name = json_string_value(json_object_get(w, "name"));
	const char *was = json_string_value(json_object_get(w, "manifest"));
	struct errinfo why = ERRINFO_INIT;
	struct images_target t;
	int rc;

	rc = images_resolve(
		c->images, json_string_value(json_object_get(w, "image")),
		json_string_value(json_object_get(w, "channel")), &t, &why);
	json_object_set_new(w, "error", json_string(rc ? why.text : ""));
	if (rc && was[0] && images_is_revoked(c->images, was))
		return resolve_to_nothing(c, w, err);
	if (rc || !strcmp(was, t.manifest))
		return 0;
	rc = engine_workspace_resolved(c->engine, name, t.manifest, t.version,
				       err);
	if (rc)
		return rc;
	log_info("workspace %s: %s %s, manifest %.12s", name,
		 json_string_value(json_object_get(w, "image")), t.version,
		 t.manifest);
	json_object_set_new(w, "manifest", json_string(t.manifest));
	json_object_set_new(w, "image_version", json_string(t.version));
	return 0;
}

/* All that goes to sites, as one text: what its generation stands for. An
 * error is for people and changes nothing there. */
static int update_gen(struct central *c, struct errinfo *err)
{
	auto_free char *text = NULL;
	json_t *list = json_deep_copy(c->workspaces), *all, *w;
	size_t i;

	json_array_foreach(list, i, w)
	{
		json_object_del(w, "error");
	}
	all = json_pack("{so ss ss si}", "workspaces", list, "url",
			c->config->worker_url, "pin", c->pin, "sites",
			(int)c->config->n_sites);
	text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(all);
	return text ? engine_site_gen(c->engine, text, &c->desired_gen, err)
		    : -ENOMEM;
}

int sites_update(struct central *c, struct errinfo *err)
{
	int64_t was = c->desired_gen;
	json_t *list, *w;
	size_t i;
	int rc;

	rc = engine_workspaces(c->engine, &list, err);
	if (rc)
		return rc;
	json_array_foreach(list, i, w)
	{
		rc = resolve_one(c, w, err);
		if (rc)
			break;
	}
	json_decref(c->workspaces);
	c->workspaces = list;
	if (!rc)
		rc = auth_load_workers(c);
	if (!rc)
		rc = update_gen(c, err);
	if (!rc && c->desired_gen != was)
		wait_kick(c);
	return rc;
}

static int site_number(const struct central *c, const char *site)
{
	size_t i;

	for (i = 0; i < c->config->n_sites; i++)
		if (!strcmp(c->config->sites[i].name, site))
			return (int)i;
	return 0;
}

/* Each site is asked for its share: k domUs over n sites, the first ones take
 * what does not divide. */
static json_int_t share(const struct central *c, const json_t *w, int number)
{
	json_int_t k = json_integer_value(json_object_get(w, "domus"));
	json_int_t n = c->config->n_sites ? (json_int_t)c->config->n_sites : 1;

	return k / n + (number < k % n);
}

json_t *sites_desired(struct central *c, const char *site)
{
	int number = site_number(c, site);
	json_t *list = json_array(), *w, *d;
	size_t i;

	json_array_foreach(c->workspaces, i, w)
	{
		if (!*json_string_value(json_object_get(w, "manifest")))
			continue;
		d = json_deep_copy(w);
		json_object_del(d, "token");
		json_object_del(d, "error");
		json_object_set_new(d, "domus",
				    json_integer(share(c, w, number)));
		json_object_set_new(d, "worker",
				    json_pack("{ss ss sO}", "url",
					      c->config->worker_url, "pin",
					      c->pin, "token",
					      json_object_get(w, "token")));
		json_array_append_new(list, d);
	}
	return json_pack("{sI so}", "gen", (json_int_t)c->desired_gen,
			 "workspaces", list);
}

/* --- reported ------------------------------------------------------------ */

/* "SEGMENT/NODE" of a worker "SEGMENT/NODE/DOMU"; caller frees. */
static char *node_of(const char *worker)
{
	const char *slash = strrchr(worker, '/');

	return strndup(worker, slash ? (size_t)(slash - worker) : strlen(worker));
}

void sites_worker_asked(struct central *c, const char *worker)
{
	auto_free char *node = node_of(worker);

	/* Names come from the network: bounded, and only a hint for people. */
	if (json_object_size(c->worker_ms) >= WORKERS_SEEN_MAX)
		json_object_clear(c->worker_ms);
	if (node)
		json_object_set_new(c->worker_ms, node,
				    json_integer(clock_unix_ms()));
}

/* The running tasks by their node. */
static json_t *tasks_by_node(struct central *c, struct errinfo *err)
{
	json_t *running, *out = json_object(), *task;
	const char *worker;

	if (engine_running(c->engine, &running, err)) {
		json_decref(out);
		return NULL;
	}
	json_object_foreach(running, worker, task)
	{
		auto_free char *node = node_of(worker);

		if (node)
			json_object_set(out, node, task);
	}
	json_decref(running);
	return out;
}

/* A node as shown: with its task, and lost if its gateway fell silent. */
static json_t *shown_node(const struct central *c, const json_t *node,
			  const char *segment, int64_t silent_ms,
			  const json_t *tasks)
{
	const char *id = json_string_value(json_object_get(node, "id"));
	json_t *out = json_deep_copy(node), *task;
	auto_free char *key = NULL;

	if (asprintf(&key, "%s/%s", segment, id) < 0)
		return out;
	task = json_object_get(tasks, key);
	if (task)
		json_object_set(out, "task", task);
	else
		json_object_set_new(out, "task", json_null());
	json_object_set_new(out, "segment", json_string(segment));
	json_object_set_new(out, "worker_ms",
			    json_integer(json_integer_value(
				    json_object_get(c->worker_ms, key))));
	if (silent_ms < SILENT_MS)
		return out;
	json_object_set_new(out, "state", json_string("lost"));
	json_object_set_new(out, "error",
			    json_sprintf("the gateway of %s is silent for "
					 "%lld s",
					 segment, (long long)(silent_ms / 1000)));
	return out;
}

int sites_nodes(struct central *c, json_t **out, struct errinfo *err)
{
	json_t *tasks = tasks_by_node(c, err), *list, *report, *node;
	int64_t now = clock_boot_ms();
	const char *segment;
	size_t i;

	if (!tasks)
		return -EIO;
	list = json_array();
	json_object_foreach(c->reports, segment, report)
	{
		int64_t silent = now - json_integer_value(json_object_get(
					       report, "received_ms"));

		json_array_foreach(json_object_get(report, "nodes"), i, node)
		{
			json_array_append_new(list, shown_node(c, node, segment,
							       silent, tasks));
		}
	}
	json_decref(tasks);
	*out = json_pack("{so}", "nodes", list);
	return *out ? 0 : -ENOMEM;
}

json_t *sites_segments(const struct central *c)
{
	json_t *list = json_array(), *report, *foreign, *one;
	const char *segment;

	json_object_foreach(c->reports, segment, report)
	{
		int64_t heard = json_integer_value(
			json_object_get(report, "received_ms"));

		foreign = json_object_get(report, "foreign");
		one = json_pack("{ss sI sI sO?}", "segment", segment, "nodes",
				(json_int_t)json_array_size(
					json_object_get(report, "nodes")),
				"heard_ms",
				(json_int_t)(clock_unix_ms() -
					     (clock_boot_ms() - heard)),
				"foreign", foreign);
		/* A gateway of before says nothing of it. */
		if (!foreign)
			json_object_set_new(one, "foreign", json_array());
		json_array_append_new(list, one);
	}
	return json_pack("{so}", "segments", list);
}

int sites_node(struct central *c, const char *segment, const char *node,
	       json_t **out, struct errinfo *err)
{
	json_t *all, *n;
	size_t i;
	int rc;

	rc = sites_nodes(c, &all, err);
	if (rc)
		return rc;
	rc = errinfo_set(err, -ENOENT, "no node %.63s/%.63s has been reported",
			 segment, node);
	json_array_foreach(json_object_get(all, "nodes"), i, n)
	{
		if (strcmp(json_string_value(json_object_get(n, "segment")),
			   segment) ||
		    strcmp(json_string_value(json_object_get(n, "id")), node))
			continue;
		*out = json_incref(n);
		rc = 0;
	}
	json_decref(all);
	return rc;
}

/* How many domUs of the workspace run, by the last reports. */
static json_int_t count_running(const struct central *c, const char *name)
{
	json_t *report, *node, *domu;
	const char *segment, *text;
	json_int_t count = 0;
	size_t i, j;

	json_object_foreach(c->reports, segment, report)
	{
		json_array_foreach(json_object_get(report, "nodes"), i, node)
		{
			json_array_foreach(json_object_get(node, "domus"), j, domu)
			{
				text = json_string_value(
					json_object_get(domu, "workspace"));
				if (!text || strcmp(text, name))
					continue;
				text = json_string_value(
					json_object_get(domu, "state"));
				count += text && !strcmp(text, "running");
			}
		}
	}
	return count;
}

/* Why sites run fewer of its domUs than asked, by the last reports. */
static json_t *refusals_of(const struct central *c, const char *name)
{
	json_t *list = json_array(), *report, *item, *copy;
	const char *segment, *text;
	size_t i;

	json_object_foreach(c->reports, segment, report)
	{
		json_array_foreach(json_object_get(report, "refusals"), i, item)
		{
			text = json_string_value(
				json_object_get(item, "workspace"));
			if (!text || strcmp(text, name))
				continue;
			copy = json_pack(
				"{ss sO sO}", "segment", segment, "granted",
				json_object_get(item, "granted"), "reason",
				json_object_get(item, "reason"));
			json_array_append_new(list, copy);
		}
	}
	return list;
}

json_t *sites_workspaces(struct central *c)
{
	json_t *list = json_deep_copy(c->workspaces), *w;
	size_t i;

	json_array_foreach(list, i, w)
	{
		const char *name = json_string_value(json_object_get(w, "name"));

		json_object_del(w, "token");
		json_object_set_new(w, "running",
				    json_integer(count_running(c, name)));
		json_object_set_new(w, "refusals", refusals_of(c, name));
	}
	return json_pack("{so}", "workspaces", list);
}
