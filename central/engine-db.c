/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's database: opening, transactions, stored documents. */
#include <errno.h>
#include <stdio.h>

#include "cleanup.h"

#include "engine-db.h"

#define BUSY_MS 5000

int engine_db_begin(struct engine *e, struct errinfo *err)
{
	return sql_run(e->db, err, "BEGIN IMMEDIATE", "");
}

int engine_db_end(struct engine *e, int rc, struct errinfo *err)
{
	if (!rc)
		rc = sql_run(e->db, err, "COMMIT", "");
	if (!rc) {
		e->changes++;
		return 0;
	}
	/* Some errors have rolled back by themselves: no matter. */
	sql_run(e->db, NULL, "ROLLBACK", "");
	return rc;
}

json_t *engine_db_json(sqlite3_stmt *st, int i)
{
	return json_loads(sql_text(st, i), JSON_DECODE_ANY, NULL);
}

static int step_schema(struct engine *e, int version, struct errinfo *err)
{
	char pragma[64];
	int rc;

	rc = engine_db_begin(e, err);
	if (rc)
		return rc;
	rc = sql_exec(e->db, err, engine_schema[version]);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
	if (!rc)
		rc = sql_run(e->db, err, pragma, "");
	return engine_db_end(e, rc, err);
}

int engine_db_open(struct engine *e, struct errinfo *err)
{
	auto_free char *path = NULL;
	int64_t version = 0;
	int rc;

	if (asprintf(&path, "%s/engine.db", e->dir) < 0)
		return -ENOMEM;
	rc = sql_open(path, BUSY_MS, &e->db, err);
	if (!rc)
		rc = sql_exec(e->db, err,
			      "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA foreign_keys = ON;");
	if (!rc)
		rc = sql_int(e->db, &version, err, "PRAGMA user_version", "");
	if (rc)
		return rc;
	if (version > engine_schema_n)
		return errinfo_set(err, -EINVAL,
				   "%s: made by a newer version (schema %d, "
				   "this one knows %d)",
				   path, (int)version, engine_schema_n);
	for (; version < engine_schema_n && !rc; version++)
		rc = step_schema(e, (int)version, err);
	return rc;
}
