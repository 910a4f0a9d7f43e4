/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite in a few calls. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#include "engine-db.h"

static int db_error(struct engine *e, struct errinfo *err, const char *what)
{
	int rc = -EIO;

	switch (sqlite3_errcode(e->db)) {
	case SQLITE_FULL:
		rc = -ENOSPC;
		break;
	case SQLITE_NOMEM:
		rc = -ENOMEM;
		break;
	case SQLITE_BUSY:
		rc = -EBUSY;
		break;
	}
	return errinfo_set(err, rc, "%s/engine.db: %s: %s", e->dir, what,
			   sqlite3_errmsg(e->db));
}

void engine_db_finish(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
	*st = NULL;
}

static int bind_all(sqlite3_stmt *st, const char *types, va_list ap)
{
	const char *s;
	int i, r = SQLITE_OK;

	for (i = 0; types[i] && r == SQLITE_OK; i++) {
		switch (types[i]) {
		case 'i':
			r = sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
			break;
		case 'd':
			r = sqlite3_bind_double(st, i + 1, va_arg(ap, double));
			break;
		default:
			s = va_arg(ap, const char *);
			r = sqlite3_bind_text(st, i + 1, s, -1, SQLITE_TRANSIENT);
		}
	}
	return r;
}

static int prepare(struct engine *e, sqlite3_stmt **st, struct errinfo *err,
		   const char *sql, const char *types, va_list ap)
{
	if (sqlite3_prepare_v2(e->db, sql, -1, st, NULL) != SQLITE_OK ||
	    bind_all(*st, types, ap) != SQLITE_OK)
		return db_error(e, err, "prepare");
	return 0;
}

int engine_db_query(struct engine *e, sqlite3_stmt **st, struct errinfo *err,
		    const char *sql, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(e, st, err, sql, types, ap);
	va_end(ap);
	return rc;
}

int engine_db_step(struct engine *e, sqlite3_stmt *st, struct errinfo *err)
{
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	}
	return db_error(e, err, "step");
}

int engine_db_run(struct engine *e, struct errinfo *err, const char *sql,
		  const char *types, ...)
{
	auto_stmt sqlite3_stmt *st = NULL;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(e, &st, err, sql, types, ap);
	va_end(ap);
	if (rc)
		return rc;
	rc = engine_db_step(e, st, err);
	return rc < 0 ? rc : 0;
}

int engine_db_int(struct engine *e, int64_t *out, struct errinfo *err,
		  const char *sql, const char *types, ...)
{
	auto_stmt sqlite3_stmt *st = NULL;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(e, &st, err, sql, types, ap);
	va_end(ap);
	if (rc)
		return rc;
	rc = engine_db_step(e, st, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return -ENOENT;
	*out = engine_db_col(st, 0);
	return 0;
}

int engine_db_begin(struct engine *e, struct errinfo *err)
{
	return engine_db_run(e, err, "BEGIN IMMEDIATE", "");
}

int engine_db_end(struct engine *e, int rc, struct errinfo *err)
{
	if (!rc)
		rc = engine_db_run(e, err, "COMMIT", "");
	if (!rc) {
		e->changes++;
		return 0;
	}
	/* Some errors have rolled back by themselves: no matter. */
	engine_db_run(e, NULL, "ROLLBACK", "");
	return rc;
}

int64_t engine_db_col(sqlite3_stmt *st, int i)
{
	return sqlite3_column_int64(st, i);
}

const char *engine_db_text(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);

	return s ? s : "";
}

json_t *engine_db_json(sqlite3_stmt *st, int i)
{
	return json_loads(engine_db_text(st, i), JSON_DECODE_ANY, NULL);
}

static int step_schema(struct engine *e, int version, struct errinfo *err)
{
	char pragma[64];
	int rc;

	rc = engine_db_begin(e, err);
	if (rc)
		return rc;
	if (sqlite3_exec(e->db, engine_schema[version], NULL, NULL, NULL) !=
	    SQLITE_OK)
		rc = db_error(e, err, "schema");
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
	if (!rc)
		rc = engine_db_run(e, err, pragma, "");
	return engine_db_end(e, rc, err);
}

int engine_db_open(struct engine *e, struct errinfo *err)
{
	auto_free char *path = NULL;
	int64_t version = 0;
	int rc;

	if (asprintf(&path, "%s/engine.db", e->dir) < 0)
		return -ENOMEM;
	if (sqlite3_open(path, &e->db) != SQLITE_OK)
		return db_error(e, err, "open");
	sqlite3_busy_timeout(e->db, 5000);
	if (sqlite3_exec(e->db,
			 "PRAGMA journal_mode = WAL;"
			 "PRAGMA synchronous = FULL;"
			 "PRAGMA foreign_keys = ON;",
			 NULL, NULL, NULL) != SQLITE_OK)
		return db_error(e, err, "open");
	rc = engine_db_int(e, &version, err, "PRAGMA user_version", "");
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
