/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql - SQLite in a few calls.
 *
 * Values are bound by a string of types, one letter each: 'i' int64_t,
 * 's' const char * (copied; NULL binds null), 'd' double. What a string cannot
 * say is bound by SQLite's own calls on the statement.
 *
 * Errors: -ENOSPC, -ENOMEM, -EBUSY, -EROFS, -EBADMSG (corrupt, or no database
 * at all), -EIO; the text names the file.
 */
#ifndef SQL_H
#define SQL_H

#include <stdint.h>

#include <sqlite3.h>

#include "errinfo.h"

/* Made if it is not there. A lock held by others is waited for. On an error
 * *out is NULL. */
int sql_open(const char *path, int busy_ms, sqlite3 **out, struct errinfo *err);

/* What the last call on db failed with. */
int sql_error(sqlite3 *db, struct errinfo *err);

/* Statements without values, and without rows that matter. */
int sql_exec(sqlite3 *db, struct errinfo *err, const char *sql);
/* One statement; a row it may yield is passed over. */
int sql_run(sqlite3 *db, struct errinfo *err, const char *sql,
	    const char *types, ...);
/* One number; -ENOENT, without a text, if there is no row. */
int sql_int(sqlite3 *db, int64_t *out, struct errinfo *err, const char *sql,
	    const char *types, ...);
/* Row by row: sql_step gives 1 (a row), 0 (no more) or an error. *st is to be
 * finished also after an error. */
int sql_query(sqlite3 *db, sqlite3_stmt **st, struct errinfo *err,
	      const char *sql, const char *types, ...);
int sql_step(sqlite3_stmt *st, struct errinfo *err);

void sql_finish(sqlite3_stmt **st);
#define auto_stmt __attribute__((cleanup(sql_finish)))

const char *sql_text(sqlite3_stmt *st, int column); /* "" for null */

#endif
