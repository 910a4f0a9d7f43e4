/* SPDX-License-Identifier: Apache-2.0 */
/* Workspaces, and the generation of what sites should run. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "hash.h"
#include "parse.h"

#include "engine-db.h"

#define DOMUS_MAX 100000

struct workspace_spec {
	const char *image, *channel; /* borrowed from the document */
	int64_t domus, memory_mib, vcpus, weight, cap;
};

static int parse_name(const json_t *spec, const char *name, const char **out,
		      struct errinfo *err)
{
	*out = json_string_value(json_object_get(spec, name));
	if (!*out || !parse_is_name(*out))
		return errinfo_set(err, -EINVAL, "'%s' is not a name", name);
	return 0;
}

static int parse_spec(const json_t *spec, struct workspace_spec *w,
		      struct errinfo *err)
{
	static const char *const names[] = { "domus", "image",  "channel",
					     "vcpus", "weight", "memory_mib",
					     "cap",   NULL };
	const struct {
		const char *name;
		int64_t min, max, *out;
	} t[] = {
		{ "domus", 0, DOMUS_MAX, &w->domus },
		{ "memory_mib", 16, 1024 * 1024, &w->memory_mib },
		{ "vcpus", 1, 512, &w->vcpus },
		{ "weight", 1, 65535, &w->weight },
		{ "cap", 0, 51200, &w->cap },
	};
	size_t i;
	int rc;

	*w = (struct workspace_spec){
		.domus = 1, .memory_mib = 256, .vcpus = 1, .weight = 256
	};
	if (!json_is_object(spec))
		return errinfo_set(err, -EINVAL, "not an object");
	rc = engine_spec_only(spec, names, "workspace", err);
	if (!rc)
		rc = parse_name(spec, "image", &w->image, err);
	if (!rc)
		rc = parse_name(spec, "channel", &w->channel, err);
	for (i = 0; i < ARRAY_SIZE(t) && !rc; i++)
		rc = engine_spec_int(spec, t[i].name, t[i].min, t[i].max,
				     t[i].out, err);
	return rc;
}

int engine_workspace_put(struct engine *e, const char *name, const json_t *spec,
			 struct errinfo *err)
{
	struct workspace_spec w;
	char token[ENGINE_TOKEN_HEX];
	uint8_t raw[32];
	int rc;

	if (!parse_is_name(name))
		return errinfo_set(err, -EINVAL,
				   "a workspace's name is 1 to %d of "
				   "[a-z0-9._-]",
				   PARSE_NAME_MAX);
	rc = parse_spec(spec, &w, err);
	if (rc)
		return rc;
	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return -EIO;
	format_hex(raw, sizeof(raw), token);
	/* Another image or channel forgets what the old one resolved to. */
	return sql_run(
		e->db, err,
		"INSERT INTO workspace (name, token, domus, image, channel,"
		" memory_mib, vcpus, weight, cap) VALUES (?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (name) DO UPDATE SET domus = excluded.domus,"
		" manifest = iif(image = excluded.image AND"
		"  channel = excluded.channel, manifest, ''),"
		" image_version = iif(image = excluded.image AND"
		"  channel = excluded.channel, image_version, ''),"
		" image = excluded.image, channel = excluded.channel,"
		" memory_mib = excluded.memory_mib, vcpus = excluded.vcpus,"
		" weight = excluded.weight, cap = excluded.cap",
		"ssissiiii", name, token, w.domus, w.image, w.channel,
		w.memory_mib, w.vcpus, w.weight, w.cap);
}

int engine_workspace_delete(struct engine *e, const char *name,
			    struct errinfo *err)
{
	int rc;

	rc = sql_run(e->db, err, "DELETE FROM workspace WHERE name = ?", "s",
		     name);
	if (!rc && !sqlite3_changes(e->db))
		rc = errinfo_set(err, -ENOENT, "no workspace '%.63s'", name);
	return rc;
}

static json_t *workspace_json(sqlite3_stmt *st)
{
	return json_pack(
		"{ss ss sI ss ss sI sI sI sI ss ss}", "name", sql_text(st, 0),
		"token", sql_text(st, 1), "domus", sqlite3_column_int64(st, 2),
		"image", sql_text(st, 3), "channel", sql_text(st, 4),
		"memory_mib", sqlite3_column_int64(st, 5), "vcpus",
		sqlite3_column_int64(st, 6), "weight",
		sqlite3_column_int64(st, 7), "cap", sqlite3_column_int64(st, 8),
		"manifest", sql_text(st, 9), "image_version", sql_text(st, 10));
}

int engine_workspaces(struct engine *e, json_t **out, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	json_t *list = json_array();
	int rc;

	rc = sql_query(e->db, &st, err,
		       "SELECT name, token, domus, image, channel,"
		       " memory_mib, vcpus, weight, cap, manifest,"
		       " image_version FROM workspace ORDER BY name",
		       "");
	while (!rc && (rc = sql_step(st, err)) > 0)
		rc = json_array_append_new(list, workspace_json(st)) ? -ENOMEM
								     : 0;
	if (rc) {
		json_decref(list);
		return rc;
	}
	*out = list;
	return 0;
}

int engine_workspace_resolved(struct engine *e, const char *name,
			      const char *manifest, const char *image_version,
			      struct errinfo *err)
{
	return sql_run(e->db, err,
		       "UPDATE workspace SET manifest = ?,"
		       " image_version = ? WHERE name = ?",
		       "sss", manifest, image_version, name);
}

int engine_site_gen(struct engine *e, const char *text, int64_t *gen,
		    struct errinfo *err)
{
	char digest[HASH_HEX];
	int rc;

	hash_bytes_hex(text, strlen(text), digest);
	rc = sql_run(e->db, err,
		     "UPDATE site SET gen = gen + 1, digest = ?1"
		     " WHERE digest <> ?1",
		     "s", digest);
	if (!rc)
		rc = sql_int(e->db, gen, err, "SELECT gen FROM site", "");
	return rc;
}
