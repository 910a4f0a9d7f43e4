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

#include "cleanup.h"
#include "clock.h"
#include "sql.h"
#include "store.h"

#define SCHEMA_VERSION 2
#define BUSY_MS        2000

struct store {
	sqlite3 *db;
	char path[PATH_MAX];
};

static const char schema[] =
	"CREATE TABLE nodes ("
	" name TEXT PRIMARY KEY, state TEXT NOT NULL, since_ms INTEGER,"
	" seen_ms INTEGER, steps TEXT, error TEXT, firmware TEXT,"
	" epoch INTEGER, boot_id TEXT, key BLOB, tunnel_key BLOB, seq INTEGER, host TEXT,"
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
	"PRAGMA user_version = 2;";

struct sqlite3 *store_db(struct store *s)
{
	return s->db;
}

/* -EBADMSG unless SQLite finds it sound. */
static int check_sound(struct store *s, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;

	if (sql_query(s->db, &st, NULL, "PRAGMA quick_check(1)", "") ||
	    sql_step(st, NULL) != 1 || strcmp(sql_text(st, 0), "ok"))
		return errinfo_set(err, -EBADMSG, "%s: corrupt", s->path);
	return 0;
}

/* A fresh, a sound or (-EBADMSG) an unusable database. */
static int check(struct store *s, struct errinfo *err)
{
	int64_t version = 0;
	int rc;

	rc = check_sound(s, err);
	if (!rc)
		rc = sql_exec(s->db, err,
			      "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = NORMAL;");
	if (!rc)
		rc = sql_int(s->db, &version, err, "PRAGMA user_version", "");
	if (rc)
		return rc;
	if (!version) {
		rc = sql_exec(s->db, err, "BEGIN IMMEDIATE");
		if (!rc)
			rc = sql_exec(s->db, err, schema);
		return rc ? rc : sql_exec(s->db, err, "COMMIT");
	}
	if (version != SCHEMA_VERSION)
		return errinfo_set(err, -EBADMSG,
				   "%s: version %lld, this program reads %d",
				   s->path, (long long)version, SCHEMA_VERSION);
	return 0;
}

static int open_once(struct store *s, struct errinfo *err)
{
	int rc = sql_open(s->path, BUSY_MS, &s->db, err);

	return rc ? rc : check(s, err);
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
	int64_t id;
	int rc;

	rc = sql_run(s->db, err,
		     "INSERT INTO events (ms, node, text) VALUES (?, ?, ?)",
		     "iss", clock_unix_ms(), node, text);
	id = sqlite3_last_insert_rowid(s->db);
	if (rc || id % 100)
		return rc;
	return sql_run(s->db, err, "DELETE FROM events WHERE id <= ?", "i",
		       id - STORE_EVENTS_MAX);
}

int store_get(struct store *s, const char *key, char **value, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	*value = NULL;
	rc = sql_query(s->db, &st, err, "SELECT value FROM texts WHERE key = ?",
		       "s", key);
	if (!rc)
		rc = sql_step(st, err);
	if (rc <= 0)
		return rc;
	*value = strdup(sql_text(st, 0));
	return *value ? 0 : -ENOMEM;
}

int store_set(struct store *s, const char *key, const char *value,
	      struct errinfo *err)
{
	return sql_run(s->db, err,
		       "INSERT OR REPLACE INTO texts (key, value) VALUES (?, ?)",
		       "ss", key, value);
}
