/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of the engine, and what happened while it was away. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"

#include "engine-db.h"

#define LEASE_SEC_DFLT    60
#define ATTEMPTS_MAX_DFLT 20

static int64_t system_now(void *arg)
{
	(void)arg;
	return clock_unix_ms();
}

static int make_dirs(const struct engine *e, struct errinfo *err)
{
	static const char *const names[] = { "", "/files", "/output" };
	auto_free char *path = NULL;
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(names) && !rc; i++) {
		free(TAKE(path));
		if (asprintf(&path, "%s%s", e->dir, names[i]) < 0)
			return -ENOMEM;
		rc = fileio_mkdirs(path, 0700, err);
	}
	return rc;
}

/* Two engines on one directory would sweep each other's outputs. */
static int lock_dir(struct engine *e, struct errinfo *err)
{
	auto_free char *path = NULL;

	if (asprintf(&path, "%s/lock", e->dir) < 0)
		return -ENOMEM;
	e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (e->lock_fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	if (flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errinfo_set(err, -EBUSY,
				   "%s: another process uses this directory",
				   e->dir);
	return 0;
}

/*
 * Workers could not renew while nobody was here: each gets the time of two
 * renewals. Not more, or a central that falls over again and again would never
 * give a lost task to somebody else.
 */
static int extend_leases(struct engine *e, struct errinfo *err)
{
	int64_t grace_ms = e->lease_sec * 1000LL * 2 / 3;

	return sql_run(e->db, err,
		       "UPDATE attempt SET expires_ms = ?1"
		       " WHERE state = 0 AND expires_ms < ?1",
		       "i", e->now_ms(e->arg) + grace_ms);
}

int engine_open(const struct engine_config *config, struct engine **out,
		struct errinfo *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return -ENOMEM;
	e->lock_fd = -1;
	e->lease_sec = config->lease_sec ? config->lease_sec : LEASE_SEC_DFLT;
	e->attempts_max =
		config->attempts_max ? config->attempts_max : ATTEMPTS_MAX_DFLT;
	e->now_ms = config->now_ms ? config->now_ms : system_now;
	e->arg = config->arg;
	e->changes = 1;
	e->dir = strdup(config->dir);
	rc = e->dir ? make_dirs(e, err) : -ENOMEM;
	if (!rc)
		rc = lock_dir(e, err);
	if (!rc)
		rc = engine_db_open(e, err);
	if (!rc)
		rc = extend_leases(e, err);
	if (!rc)
		rc = engine_output_sweep(e, err);
	if (rc) {
		engine_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	sqlite3_close(e->db);
	if (e->lock_fd >= 0)
		close(e->lock_fd);
	free(e->dir);
	free(e);
}

uint64_t engine_changes(const struct engine *e)
{
	return e->changes;
}

int engine_totals(struct engine *e, json_t **out, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	rc = sql_query(e->db, &st, err,
		       "SELECT sum(queued), sum(leased), sum(done), "
		       "sum(failed), sum(cancelled) FROM job",
		       "");
	if (!rc)
		rc = sql_step(st, err);
	if (rc < 0)
		return rc;
	*out = json_pack("{sI sI sI sI sI}", "queued",
			 sqlite3_column_int64(st, 0), "leased",
			 sqlite3_column_int64(st, 1), "done",
			 sqlite3_column_int64(st, 2), "failed",
			 sqlite3_column_int64(st, 3), "cancelled",
			 sqlite3_column_int64(st, 4));
	return *out ? 0 : -ENOMEM;
}
