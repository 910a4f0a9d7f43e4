/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine - the embedded job engine: jobs as arrays of tasks, leases, results,
 * input files and workspaces, in one SQLite database and one state directory.
 *
 *	DIR/engine.db			everything but bytes (WAL)
 *	DIR/files/HH/HEX64		input files, named by their SHA-256
 *	DIR/output/JOB/INDEX.ATTEMPT	stdout+stderr of an attempt
 *
 * What it promises:
 *  - Nothing is acknowledged (a call returns 0) before it is committed and
 *    synced: the process may be killed at any moment.
 *  - A task has at most one current lease. Only the current lease can renew,
 *    write output or return a result; a result is accepted exactly once, and
 *    told again the very same, it is confirmed again.
 *  - A task that is done, failed or cancelled never changes again (the schema
 *    forbids it), and a job's state and numbers follow from its tasks'.
 *
 * A lease that runs out gives the task back to the queue and costs no retry,
 * but a task is given out attempts_max times at most. At engine_open each
 * lease gets two thirds of its time at least: a worker could not renew while
 * nobody was here.
 *
 * Documents in and out are the JSON of docs/protocol.md §7 and §8. *out objects
 * are the caller's (json_decref). Not for several threads; no forks with it
 * open. One process at a time per DIR (-EBUSY otherwise).
 *
 * Errors: -EINVAL wrong request, -ENOENT no such thing, -ESTALE the lease is
 * gone, -EFBIG over a bound, -ENOSPC disk full, -EIO. The text is for people.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "errinfo.h"

#define ENGINE_COUNT_MAX   100000 /* tasks of a job */
#define ENGINE_ARGV_MAX    256
#define ENGINE_INPUTS_MAX  64
#define ENGINE_FILE_MAX    (64 * 1024 * 1024)
#define ENGINE_OUTPUT_MAX  (64 * 1024 * 1024) /* bound of limits.output_max */
#define ENGINE_OUTPUT_DFLT (1024 * 1024)
#define ENGINE_PAGE        2000
#define ENGINE_LEASE_HEX   33 /* with the final NUL */
#define ENGINE_TOKEN_HEX   65

struct engine;

struct engine_config {
	const char *dir;              /* made if missing; copied */
	int lease_sec;                /* 0: 60 */
	int attempts_max;             /* 0: 20 */
	int64_t (*now_ms)(void *arg); /* NULL: the system's clock */
	void *arg;
};

int engine_open(const struct engine_config *config, struct engine **out,
		struct errinfo *err);
void engine_close(struct engine *e); /* NULL is fine */

/* Rises with every change of a job or task, for long polls. */
uint64_t engine_changes(const struct engine *e);

/* Gives back the tasks whose lease ran out; how many in *n (may be NULL).
 * Call it every second. */
int engine_expire(struct engine *e, int *n, struct errinfo *err);

/* --- jobs ---------------------------------------------------------------- */

/* spec: body of POST /v1/jobs, checked strictly. */
int engine_submit(struct engine *e, const json_t *spec, int64_t *id,
		  struct errinfo *err);
int engine_job(struct engine *e, int64_t id, json_t **out, struct errinfo *err);
/* {"jobs": [...]}, newest first. */
int engine_jobs(struct engine *e, json_t **out, struct errinfo *err);
/* {"tasks": [...], "next"}, by index, from `from` on: ENGINE_PAGE of them at
 * most; "next" is where to go on, or null. */
int engine_tasks(struct engine *e, int64_t id, int64_t from, json_t **out,
		 struct errinfo *err);
/* Queued tasks at once; leased ones are told at their next renewal. */
int engine_cancel(struct engine *e, int64_t id, struct errinfo *err);
/* Output of the task's last attempt; fd is the caller's. */
int engine_task_output(struct engine *e, int64_t id, int64_t index, int *fd,
		       uint64_t *size, struct errinfo *err);

/* --- workers ------------------------------------------------------------- */

struct engine_worker {
	const char *name;      /* SEGMENT/NODE/DOMU */
	const char *workspace; /* whose token it showed, "" for operators */
	int64_t memory_mib;    /* 0: unknown, fits all */
};

/* Highest priority, then lowest job id, then lowest index. *task is NULL when
 * there is nothing to do. */
int engine_lease(struct engine *e, const struct engine_worker *w, json_t **task,
		 struct errinfo *err);
/* -ESTALE unless `lease` is current, and of this workspace ("": any). */
int engine_lease_check(struct engine *e, const char *lease,
		       const char *workspace, struct errinfo *err);
/* done: 0..1, or negative for unknown. *cancel: stop the task. */
int engine_renew(struct engine *e, const char *lease, double done, int *cancel,
		 struct errinfo *err);
/* Stores bytes at an offset of at most the stored size; *size is what is
 * stored now. Beyond it nothing is stored: go on from *size. */
int engine_output(struct engine *e, const char *lease, uint64_t offset,
		  const void *data, size_t len, uint64_t *size,
		  struct errinfo *err);
/* -EINVAL also when stored output is not what the result says. */
int engine_result(struct engine *e, const char *lease, const json_t *doc,
		  struct errinfo *err);
/* {"SEGMENT/NODE/DOMU": {"job", "index", "since_ms"}} of all running tasks. */
int engine_running(struct engine *e, json_t **out, struct errinfo *err);

/* --- input files --------------------------------------------------------- */

int engine_file_put(struct engine *e, const char *hex, const void *data,
		    size_t len, struct errinfo *err);
int engine_file_open(struct engine *e, const char *hex, int *fd, uint64_t *size,
		     struct errinfo *err);

/* --- workspaces and small values ----------------------------------------- */

/* spec: body of PUT /v1/workspaces/NAME. The token is made the first time. */
int engine_workspace_put(struct engine *e, const char *name, const json_t *spec,
			 struct errinfo *err);
int engine_workspace_delete(struct engine *e, const char *name,
			    struct errinfo *err);
/* Array of workspaces by name, each with its "token" and what it was last
 * resolved to ("manifest", "image_version", "" before the first time). */
int engine_workspaces(struct engine *e, json_t **out, struct errinfo *err);
int engine_workspace_resolved(struct engine *e, const char *name,
			      const char *manifest, const char *image_version,
			      struct errinfo *err);
/* The generation of what sites should run: rises when `text` differs from the
 * one before. */
int engine_site_gen(struct engine *e, const char *text, int64_t *gen,
		    struct errinfo *err);

/* {"queued", "leased", "done", "failed", "cancelled"} over all jobs. */
int engine_totals(struct engine *e, json_t **out, struct errinfo *err);

#endif
