/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store-node - a node's row, and the boots it was fenced from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "sql.h"
#include "store.h"

#define COLUMNS                                                                           \
	"state, since_ms, seen_ms, steps, error, firmware, epoch, boot_id,"               \
	" key, tunnel_key, seq, host, image, domus, gen, wanted, override, once_used_ms," \
	" granted_once"

enum column {
	COL_STATE,
	COL_SINCE,
	COL_SEEN,
	COL_STEPS,
	COL_ERROR,
	COL_FIRMWARE,
	COL_EPOCH,
	COL_BOOT_ID,
	COL_KEY,
	COL_TUNNEL_KEY,
	COL_SEQ,
	COL_HOST,
	COL_IMAGE,
	COL_DOMUS,
	COL_GEN,
	COL_WANTED,
	COL_OVERRIDE,
	COL_ONCE_USED,
	COL_GRANTED,
};

static void get_text(sqlite3_stmt *st, enum column col, char *out, size_t size)
{
	const char *s = (const char *)sqlite3_column_text(st, (int)col);

	if (s && strlen(s) < size)
		strcpy(out, s);
}

static json_t *get_json(sqlite3_stmt *st, enum column col)
{
	const char *s = (const char *)sqlite3_column_text(st, (int)col);

	return s ? json_loads(s, 0, NULL) : NULL;
}

static void get_steps(sqlite3_stmt *st, struct node *n)
{
	json_t *list = get_json(st, COL_STEPS);

	for (size_t i = 0; i < NODE_STEPS; i++)
		n->steps_ms[i] = json_integer_value(json_array_get(list, i));
	json_decref(list);
}

static void get_key(sqlite3_stmt *st, struct node *n)
{
	const void *key = sqlite3_column_blob(st, COL_KEY);

	if (key && sqlite3_column_bytes(st, COL_KEY) == TRUST_PUBLIC_LEN)
		memcpy(n->key, key, TRUST_PUBLIC_LEN);
	else
		n->boot_id[0] = '\0';
	key = sqlite3_column_blob(st, COL_TUNNEL_KEY);
	n->has_tunnel_key =
		key && sqlite3_column_bytes(st, COL_TUNNEL_KEY) == WG_KEY_LEN;
	if (n->has_tunnel_key)
		memcpy(n->tunnel_key, key, WG_KEY_LEN);
}

static void load_row(sqlite3_stmt *st, struct node *n)
{
	char state[16] = "";
	int value;
	json_t *wanted;

	get_text(st, COL_STATE, state, sizeof(state));
	value = node_state_parse(state);
	n->state = value < 0 ? NODE_UNKNOWN : (enum node_state)value;
	n->since_ms = sqlite3_column_int64(st, COL_SINCE);
	n->seen_ms = sqlite3_column_int64(st, COL_SEEN);
	get_steps(st, n);
	get_text(st, COL_ERROR, n->error, sizeof(n->error));
	get_text(st, COL_FIRMWARE, n->firmware, sizeof(n->firmware));
	n->epoch = sqlite3_column_int64(st, COL_EPOCH);
	get_text(st, COL_BOOT_ID, n->boot_id, sizeof(n->boot_id));
	get_key(st, n);
	n->seq = sqlite3_column_int64(st, COL_SEQ);
	n->host = get_json(st, COL_HOST);
	n->image = get_json(st, COL_IMAGE);
	n->domus = get_json(st, COL_DOMUS);
	n->gen = sqlite3_column_int64(st, COL_GEN);
	wanted = get_json(st, COL_WANTED);
	if (json_is_array(wanted)) {
		json_decref(n->wanted);
		n->wanted = wanted;
	} else {
		json_decref(wanted);
	}
	value = sqlite3_column_int(st, COL_OVERRIDE);
	if (value >= NODE_AS_CONFIGURED && value <= NODE_ONCE_GRID)
		n->override = (enum node_override)value;
	n->once_used_ms = sqlite3_column_int64(st, COL_ONCE_USED);
	n->granted_once = sqlite3_column_int(st, COL_GRANTED);
}

int store_node_load(struct store *s, struct node *n, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	rc = sql_query(store_db(s), &st, err,
		       "SELECT " COLUMNS " FROM nodes WHERE name = ?", "s",
		       n->conf->name);
	if (!rc)
		rc = sql_step(st, err);
	if (rc < 0)
		return errinfo_wrap(err, rc, "node %s", n->conf->name);
	if (rc)
		load_row(st, n);
	return 0;
}

static void bind_json(sqlite3_stmt *st, int col, const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	if (text)
		sqlite3_bind_text(st, col, text, -1, free);
	else
		sqlite3_bind_null(st, col);
}

static void bind_steps(sqlite3_stmt *st, int col, const struct node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < NODE_STEPS; i++)
		json_array_append_new(list, json_integer(n->steps_ms[i]));
	bind_json(st, col, list);
	json_decref(list);
}

/* Parameter 1 is the name, so a column's parameter is its place + 2. */
static void bind_row(sqlite3_stmt *st, const struct node *n)
{
	const int p = 2;

	sqlite3_bind_text(st, 1, n->conf->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, p + COL_STATE, node_state_name(n->state), -1,
			  SQLITE_STATIC);
	sqlite3_bind_int64(st, p + COL_SINCE, n->since_ms);
	sqlite3_bind_int64(st, p + COL_SEEN, n->seen_ms);
	bind_steps(st, p + COL_STEPS, n);
	sqlite3_bind_text(st, p + COL_ERROR, n->error, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, p + COL_FIRMWARE, n->firmware, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, p + COL_EPOCH, n->epoch);
	sqlite3_bind_text(st, p + COL_BOOT_ID, n->boot_id, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, p + COL_KEY, n->key, sizeof(n->key), SQLITE_STATIC);
	if (n->has_tunnel_key)
		sqlite3_bind_blob(st, p + COL_TUNNEL_KEY, n->tunnel_key,
				  sizeof(n->tunnel_key), SQLITE_STATIC);
	sqlite3_bind_int64(st, p + COL_SEQ, n->seq);
	bind_json(st, p + COL_HOST, n->host);
	bind_json(st, p + COL_IMAGE, n->image);
	bind_json(st, p + COL_DOMUS, n->domus);
	sqlite3_bind_int64(st, p + COL_GEN, n->gen);
	bind_json(st, p + COL_WANTED, n->wanted);
	sqlite3_bind_int(st, p + COL_OVERRIDE, (int)n->override);
	sqlite3_bind_int64(st, p + COL_ONCE_USED, n->once_used_ms);
	sqlite3_bind_int(st, p + COL_GRANTED, n->granted_once);
}

int store_node_save(struct store *s, const struct node *n, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	rc = sql_query(store_db(s), &st, err,
		       "INSERT OR REPLACE INTO nodes (name, " COLUMNS
		       ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		       " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
		       "");
	if (rc)
		return rc;
	bind_row(st, n);
	return sql_step(st, err);
}

static int add_fenced(struct store *s, const char *node, const char *boot_id,
		      struct errinfo *err)
{
	int rc;

	rc = sql_run(store_db(s), err,
		     "INSERT OR IGNORE INTO boots (node, boot_id)"
		     " VALUES (?, ?)",
		     "ss", node, boot_id);
	if (rc)
		return rc;
	return sql_run(store_db(s), err,
		       "DELETE FROM boots WHERE node = ?1 AND id NOT IN"
		       " (SELECT id FROM boots WHERE node = ?1"
		       " ORDER BY id DESC LIMIT ?2)",
		       "si", node, (int64_t)STORE_BOOTS_MAX);
}

/* NORMAL may lose the last commits with the power; an epoch given to a node
 * must not be given again. */
int store_boot_change(struct store *s, const struct node *n,
		      const char *older_boot_id, struct errinfo *err)
{
	int rc;

	rc = sql_exec(store_db(s), err,
		      "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
	if (rc)
		goto out;
	if (*older_boot_id)
		rc = add_fenced(s, n->conf->name, older_boot_id, err);
	if (!rc)
		rc = store_node_save(s, n, err);
	if (!rc)
		rc = sql_exec(store_db(s), err, "COMMIT");
	if (rc)
		sql_exec(store_db(s), NULL, "ROLLBACK");
out:
	sql_exec(store_db(s), NULL, "PRAGMA synchronous = NORMAL");
	return rc;
}

int store_boot_is_fenced(struct store *s, const char *node, const char *boot_id)
{
	int64_t one;
	int rc;

	rc = sql_int(store_db(s), &one, NULL,
		     "SELECT 1 FROM boots WHERE node = ? AND boot_id = ?", "ss",
		     node, boot_id);
	return rc == -ENOENT ? 0 : rc ? rc : 1;
}
