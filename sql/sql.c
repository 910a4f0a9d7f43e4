/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql - statements, values, errors.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

#include "sql.h"

static int to_errno(int r)
{
	switch (r & 0xff) { /* without what extends it */
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

int sql_open(const char *path, int busy_ms, sqlite3 **out, struct errinfo *err)
{
	int r = sqlite3_open(path, out);

	if (r != SQLITE_OK) {
		sqlite3_close(*out);
		*out = NULL;
		return errinfo_set(err, to_errno(r), "%s: %s", path,
				   sqlite3_errstr(r));
	}
	sqlite3_busy_timeout(*out, busy_ms);
	return 0;
}

int sql_error(sqlite3 *db, struct errinfo *err)
{
	return errinfo_set(err, to_errno(sqlite3_errcode(db)), "%s: %s",
			   sqlite3_db_filename(db, "main"), sqlite3_errmsg(db));
}

int sql_exec(sqlite3 *db, struct errinfo *err, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_error(db, err);
	return 0;
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

static int prepare(sqlite3 *db, sqlite3_stmt **st, struct errinfo *err,
		   const char *sql, const char *types, va_list ap)
{
	if (sqlite3_prepare_v2(db, sql, -1, st, NULL) != SQLITE_OK ||
	    bind_all(*st, types, ap) != SQLITE_OK)
		return sql_error(db, err);
	return 0;
}

int sql_query(sqlite3 *db, sqlite3_stmt **st, struct errinfo *err,
	      const char *sql, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(db, st, err, sql, types, ap);
	va_end(ap);
	return rc;
}

int sql_step(sqlite3_stmt *st, struct errinfo *err)
{
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	}
	return sql_error(sqlite3_db_handle(st), err);
}

int sql_run(sqlite3 *db, struct errinfo *err, const char *sql,
	    const char *types, ...)
{
	auto_stmt sqlite3_stmt *st = NULL;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(db, &st, err, sql, types, ap);
	va_end(ap);
	if (!rc)
		rc = sql_step(st, err);
	return rc < 0 ? rc : 0;
}

int sql_int(sqlite3 *db, int64_t *out, struct errinfo *err, const char *sql,
	    const char *types, ...)
{
	auto_stmt sqlite3_stmt *st = NULL;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = prepare(db, &st, err, sql, types, ap);
	va_end(ap);
	if (!rc)
		rc = sql_step(st, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return -ENOENT;
	*out = sqlite3_column_int64(st, 0);
	return 0;
}

void sql_finish(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
	*st = NULL;
}

const char *sql_text(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s ? s : "";
}
