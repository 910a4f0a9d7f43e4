/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - opening, checking, setting aside; events and named texts.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "cleanup.h"
#include "clock.h"
#include "parse.h"
#include "store.h"

#define SCHEMA_VERSION 1
#define BUSY_MS        2000

struct store {
	sqlite3 *db;
	char path[PATH_MAX];
};

static const char schema[] =
	"CREATE TABLE nodes ("
	" name TEXT PRIMARY KEY, state TEXT NOT NULL, since_ms INTEGER,"
	" seen_ms INTEGER, steps TEXT, error TEXT, firmware TEXT,"
	" epoch INTEGER, boot_id TEXT, key BLOB, seq INTEGER, host TEXT,"
	" image TEXT, domus TEXT, gen INTEGER, wanted TEXT, override INTEGER,"
	" once_used_ms INTEGER, granted_once INTEGER) WITHOUT ROWID;"
	"CREATE TABLE boots ("
	" id INTEGER PRIMARY KEY, node TEXT NOT NULL, boot_id TEXT NOT NULL,"
	" UNIQUE (node, boot_id));"
	"CREATE TABLE events ("
	" id INTEGER PRIMARY KEY, ms INTEGER NOT NULL, node TEXT NOT NULL,"
	" text TEXT NOT NULL);"
	"CREATE TABLE texts (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
	" WITHOUT ROWID;"
	"PRAGMA user_version = 1;";

static int map_error(int r)
{
	switch (r & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return -EIO;
	}
}

static int fail(struct store *s, struct errinfo *err)
{
	return errinfo_set(err, map_error(sqlite3_extended_errcode(s->db)),
			   "%s: %s", s->path, sqlite3_errmsg(s->db));
}

int store_exec(struct store *s, const char *sql, struct errinfo *err)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(s, err);
	return 0;
}

int store_prepare(struct store *s, const char *sql, sqlite3_stmt **out,
		  struct errinfo *err)
{
	if (sqlite3_prepare_v2(s->db, sql, -1, out, NULL) != SQLITE_OK)
		return fail(s, err);
	return 0;
}

int store_finish(struct store *s, sqlite3_stmt *st, struct errinfo *err)
{
	int rc = 0;

	if (sqlite3_step(st) != SQLITE_DONE)
		rc = fail(s, err);
	sqlite3_finalize(st);
	return rc;
}

/* First column of the first row: 0, or -EBADMSG for anything unexpected. */
static int query_text(struct store *s, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *st;
	const char *text;
	int rc = -EBADMSG;

	if (store_prepare(s, sql, &st, NULL))
		return rc;
	if (sqlite3_step(st) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(st, 0);
		snprintf(out, size, "%s", text ? text : "");
		rc = 0;
	}
	sqlite3_finalize(st);
	return rc;
}

/* A fresh, a sound or (-EBADMSG) an unusable database. */
static int check(struct store *s, struct errinfo *err)
{
	char text[64];
	int rc, version;

	if (query_text(s, "PRAGMA quick_check(1)", text, sizeof(text)) ||
	    strcmp(text, "ok"))
		return errinfo_set(err, -EBADMSG, "%s: corrupt", s->path);
	rc = store_exec(s,
			"PRAGMA journal_mode = WAL;"
			"PRAGMA synchronous = NORMAL;",
			err);
	if (rc)
		return rc;
	if (query_text(s, "PRAGMA user_version", text, sizeof(text)))
		return fail(s, err);
	if (!strcmp(text, "0")) {
		rc = store_exec(s, "BEGIN IMMEDIATE", err);
		if (!rc)
			rc = store_exec(s, schema, err);
		return rc ? rc : store_exec(s, "COMMIT", err);
	}
	if (parse_int(text, SCHEMA_VERSION, SCHEMA_VERSION, &version))
		return errinfo_set(err, -EBADMSG,
				   "%s: version %s, this program reads %d",
				   s->path, text, SCHEMA_VERSION);
	return 0;
}

static int open_once(struct store *s, struct errinfo *err)
{
	int r;

	r = sqlite3_open_v2(s->path, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (r != SQLITE_OK)
		return errinfo_set(err, map_error(r), "%s: %s", s->path,
				   sqlite3_errstr(r));
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return check(s, err);
}

static void close_db(struct store *s)
{
	sqlite3_close_v2(s->db);
	s->db = NULL;
}

/* The journal belongs to its database: all three go together. */
static int set_aside(const struct store *s, char *to, struct errinfo *err)
{
	static const char *const suffixes[] = { "-wal", "-shm" };
	char from[PATH_MAX + 8], dest[PATH_MAX + 8];
	int n;

	n = snprintf(to, PATH_MAX, "%s.bad-%lld", s->path,
		     (long long)(clock_unix_ms() / 1000));
	if (n < 0 || n >= PATH_MAX)
		return errinfo_set(err, -ENAMETOOLONG, "%s", s->path);
	if (rename(s->path, to))
		return errinfo_set_errno(err, -errno, "%s", s->path);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(from, sizeof(from), "%s%s", s->path, suffixes[i]);
		snprintf(dest, sizeof(dest), "%s%s", to, suffixes[i]);
		if (rename(from, dest) && errno != ENOENT)
			return errinfo_set_errno(err, -errno, "%s", from);
	}
	return 0;
}

int store_open(const char *state, struct store **out, char *aside,
	       struct errinfo *err)
{
	struct store *s = calloc(1, sizeof(*s));
	int rc, n;

	*aside = '\0';
	if (!s)
		return errinfo_set(err, -ENOMEM, "out of memory");
	n = snprintf(s->path, sizeof(s->path), "%s/gateway.db", state);
	rc = n >= (int)sizeof(s->path) ? -ENAMETOOLONG : open_once(s, err);
	if (rc == -EBADMSG) {
		close_db(s);
		rc = set_aside(s, aside, err);
		if (!rc)
			rc = open_once(s, err);
	}
	if (rc) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	close_db(s);
	free(s);
}

int store_event(struct store *s, const char *node, const char *text,
		struct errinfo *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = store_prepare(s,
			   "INSERT INTO events (ms, node, text)"
			   " VALUES (?, ?, ?)",
			   &st, err);
	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, clock_unix_ms());
	sqlite3_bind_text(st, 2, node, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, text, -1, SQLITE_STATIC);
	rc = store_finish(s, st, err);
	if (rc || sqlite3_last_insert_rowid(s->db) % 100)
		return rc;
	rc = store_prepare(s, "DELETE FROM events WHERE id <= ?", &st, err);
	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1,
			   sqlite3_last_insert_rowid(s->db) - STORE_EVENTS_MAX);
	return store_finish(s, st, err);
}

int store_get(struct store *s, const char *key, char **value, struct errinfo *err)
{
	sqlite3_stmt *st;
	int rc;

	*value = NULL;
	rc = store_prepare(s, "SELECT value FROM texts WHERE key = ?", &st, err);
	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		*value = strdup((const char *)sqlite3_column_text(st, 0));
		rc = *value ? 0 : -ENOMEM;
		break;
	case SQLITE_DONE:
		break;
	default:
		rc = fail(s, err);
	}
	sqlite3_finalize(st);
	return rc;
}

int store_set(struct store *s, const char *key, const char *value,
	      struct errinfo *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = store_prepare(s,
			   "INSERT OR REPLACE INTO texts (key, value)"
			   " VALUES (?, ?)",
			   &st, err);
	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	return store_finish(s, st, err);
}
