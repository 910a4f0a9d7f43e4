/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine-db - what the engine's files share: the object and its database.
 */
#ifndef ENGINE_DB_H
#define ENGINE_DB_H

#include "engine.h"
#include "sql.h"

/* As stored in task.state; the final ones compare greater than LEASED. */
enum task_state {
	TASK_QUEUED,
	TASK_LEASED,
	TASK_DONE,
	TASK_FAILED,
	TASK_CANCELLED,
};

/* As stored in attempt.state. */
enum attempt_state {
	ATTEMPT_RUNNING,
	ATTEMPT_ENDED,   /* a result was accepted */
	ATTEMPT_EXPIRED, /* the lease ran out */
};

struct engine {
	sqlite3 *db;
	char *dir;
	int lock_fd; /* one process per directory */
	int lease_sec, attempts_max;
	int64_t (*now_ms)(void *arg);
	void *arg;
	uint64_t changes;
};

extern const char *const engine_schema[]; /* steps; version = how many */
extern const int engine_schema_n;

int engine_db_open(struct engine *e, struct errinfo *err);
/* A write transaction. end commits if rc is 0, else rolls back; returns the
 * first error. */
int engine_db_begin(struct engine *e, struct errinfo *err);
int engine_db_end(struct engine *e, int rc, struct errinfo *err);

json_t *engine_db_json(sqlite3_stmt *st, int i); /* a stored document */

/* --- engine-spec.c ------------------------------------------------------- */

struct job_spec {
	char *name, *key; /* key may be NULL */
	int64_t first, count, priority, retries;
	int64_t wall_sec, cpu_sec, memory_mib, output_max;
	char *command, *env, *inputs; /* JSON texts */
};

int engine_spec_parse(const json_t *spec, struct job_spec *s,
		      struct errinfo *err);
void engine_spec_dispose(struct job_spec *s);
/* Refuses members not in `names` (NULL-terminated). */
int engine_spec_only(const json_t *o, const char *const *names,
		     const char *what, struct errinfo *err);
/* Member of an object as a bounded integer; absent: *out stays. */
int engine_spec_int(const json_t *o, const char *name, int64_t min, int64_t max,
		    int64_t *out, struct errinfo *err);
/* A copy of a JSON string array or object with "{index}" replaced. */
json_t *engine_spec_expand(const json_t *v, int64_t index);

/* --- engine-output.c ----------------------------------------------------- */

char *engine_output_path(const struct engine *e, int64_t job, int64_t index,
			 int64_t attempt); /* NULL: out of memory */
void engine_output_drop(const struct engine *e, int64_t job, int64_t index,
			int64_t attempt);
int engine_output_match(const struct engine *e, int64_t job, int64_t index,
			int64_t attempt, uint64_t size, const char *hex,
			struct errinfo *err);
/* Deletes outputs that no task's last attempt owns. */
int engine_output_sweep(struct engine *e, struct errinfo *err);

/* --- engine-lease.c ------------------------------------------------------ */

struct lease_row {
	int64_t job, index, attempt, attempts, failures, retries, output_max;
	int state, cancel;
};

/* -ESTALE if there is no such lease. Ended ones are found as well. */
int engine_lease_find(struct engine *e, const char *lease, struct lease_row *l,
		      struct errinfo *err);
int engine_lease_current(struct engine *e, const char *lease,
			 struct lease_row *l, struct errinfo *err);
int engine_task_move(struct engine *e, const struct lease_row *l,
		     enum task_state to, int failed, const char *error,
		     struct errinfo *err);

#endif
