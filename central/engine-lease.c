/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: given out, renewed, run out.
 *
 *	queued --lease--> leased --result ok--> done
 *	  ^                 |  |---retries used up, or given up--> failed
 *	  |                 |  '---job is cancelled--> cancelled
 *	  '--result failed, or the lease ran out
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "parse.h"

#include "engine-db.h"

#define WORKER_LEN_MAX 200

struct pick {
	int64_t job, index, attempt;
	char lease[ENGINE_LEASE_HEX];
};

static int make_lease(char out[ENGINE_LEASE_HEX])
{
	uint8_t raw[16];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return -EIO;
	format_hex(raw, sizeof(raw), out);
	return 0;
}

/* 1: found, 0: nothing to do. Two small index look-ups, however many tasks. */
static int pick_task(struct engine *e, const struct engine_worker *w,
		     struct pick *p, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	rc = sql_int(e->db, &p->job, err,
		     "SELECT id FROM job WHERE queued > 0"
		     " AND (?1 = 0 OR memory_mib <= ?1)"
		     " ORDER BY priority DESC, id LIMIT 1",
		     "i", w->memory_mib);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = sql_query(e->db, &st, err,
		       "SELECT idx, attempts + 1 FROM task"
		       " WHERE job = ? AND state = 0"
		       " ORDER BY idx LIMIT 1",
		       "i", p->job);
	if (!rc)
		rc = sql_step(st, err);
	if (rc <= 0)
		return rc;
	p->index = sqlite3_column_int64(st, 0);
	p->attempt = sqlite3_column_int64(st, 1);
	return 1;
}

static int give_out(struct engine *e, const struct engine_worker *w,
		    struct pick *p, struct errinfo *err)
{
	int64_t now = e->now_ms(e->arg);
	int64_t expires = now + e->lease_sec * 1000LL;
	int rc;

	rc = make_lease(p->lease);
	if (!rc)
		rc = sql_run(e->db, err,
			     "INSERT INTO attempt (lease, job, idx,"
			     " number, worker, workspace, leased_ms,"
			     " expires_ms) VALUES (?,?,?,?,?,?,?,?)",
			     "siiissii", p->lease, p->job, p->index, p->attempt,
			     w->name, w->workspace, now, expires);
	if (!rc)
		rc = sql_run(e->db, err,
			     "UPDATE task SET state = 1, attempts = ?,"
			     " lease = ?, error = '', since_ms = ?"
			     " WHERE job = ? AND idx = ?",
			     "isiii", p->attempt, p->lease, now, p->job,
			     p->index);
	return rc;
}

/* What the worker gets. */
static int task_document(struct engine *e, const struct pick *p, json_t **out,
			 struct errinfo *err)
{
	json_t *job = NULL, *command, *env;
	int rc;

	rc = engine_job(e, p->job, &job, err);
	if (rc)
		return rc;
	command = engine_spec_expand(json_object_get(job, "command"), p->index);
	env = engine_spec_expand(json_object_get(job, "env"), p->index);
	*out = json_pack("{ss si sI sI sI so so sO sO}", "lease", p->lease,
			 "lease_sec", e->lease_sec, "job", p->job, "index",
			 p->index, "attempt", p->attempt, "command", command,
			 "env", env, "inputs", json_object_get(job, "inputs"),
			 "limits", json_object_get(job, "limits"));
	json_decref(job);
	return *out ? 0 : -ENOMEM;
}

int engine_lease(struct engine *e, const struct engine_worker *w, json_t **task,
		 struct errinfo *err)
{
	struct pick p;
	int rc;

	*task = NULL;
	if (!w->name || !*w->name || strlen(w->name) > WORKER_LEN_MAX)
		return errinfo_set(err, -EINVAL,
				   "'worker' is not a string of 1 to %d bytes",
				   WORKER_LEN_MAX);
	rc = pick_task(e, w, &p, err);
	if (rc <= 0)
		return rc;
	rc = engine_db_begin(e, err);
	if (rc)
		return rc;
	rc = engine_db_end(e, give_out(e, w, &p, err), err);
	if (rc)
		return rc;
	if (p.attempt > 1)
		engine_output_drop(e, p.job, p.index, p.attempt - 1);
	return task_document(e, &p, task, err);
}

int engine_lease_find(struct engine *e, const char *lease, struct lease_row *l,
		      struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	rc = sql_query(e->db, &st, err,
		       "SELECT a.job, a.idx, a.number, a.state,"
		       " t.attempts, t.failures, j.retries, j.output_max,"
		       " j.cancel FROM attempt a"
		       " JOIN task t ON t.job = a.job AND t.idx = a.idx"
		       " JOIN job j ON j.id = a.job WHERE a.lease = ?",
		       "s", lease);
	if (!rc)
		rc = sql_step(st, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return errinfo_set(err, -ESTALE, "the lease is gone");
	l->job = sqlite3_column_int64(st, 0);
	l->index = sqlite3_column_int64(st, 1);
	l->attempt = sqlite3_column_int64(st, 2);
	l->state = (int)sqlite3_column_int64(st, 3);
	l->attempts = sqlite3_column_int64(st, 4);
	l->failures = sqlite3_column_int64(st, 5);
	l->retries = sqlite3_column_int64(st, 6);
	l->output_max = sqlite3_column_int64(st, 7);
	l->cancel = (int)sqlite3_column_int64(st, 8);
	return 0;
}

int engine_lease_current(struct engine *e, const char *lease,
			 struct lease_row *l, struct errinfo *err)
{
	int rc = engine_lease_find(e, lease, l, err);

	if (!rc && l->state != ATTEMPT_RUNNING)
		rc = errinfo_set(err, -ESTALE, "the lease is gone");
	return rc;
}

int engine_lease_check(struct engine *e, const char *lease,
		       const char *workspace, struct errinfo *err)
{
	int64_t n;
	int rc;

	rc = sql_int(e->db, &n, err,
		     "SELECT 1 FROM attempt WHERE lease = ?1"
		     " AND (?2 = '' OR workspace = ?2)",
		     "ss", lease, workspace);
	return rc == -ENOENT ? errinfo_set(err, -ESTALE, "the lease is gone")
			     : rc;
}

int engine_renew(struct engine *e, const char *lease, double done, int *cancel,
		 struct errinfo *err)
{
	struct lease_row l;
	int rc;

	rc = engine_lease_current(e, lease, &l, err);
	if (rc)
		return rc;
	*cancel = l.cancel;
	/* A cancelled task's lease is not made longer: it ends soon. */
	if (l.cancel)
		return 0;
	return sql_run(e->db, err,
		       "UPDATE attempt SET expires_ms = ?1, progress ="
		       " CASE WHEN ?2 >= 0 THEN ?2 ELSE progress END"
		       " WHERE lease = ?3",
		       "ids", e->now_ms(e->arg) + e->lease_sec * 1000LL, done,
		       lease);
}

int engine_task_move(struct engine *e, const struct lease_row *l,
		     enum task_state to, int failed, const char *error,
		     struct errinfo *err)
{
	return sql_run(e->db, err,
		       "UPDATE task SET state = ?, failures = failures +"
		       " ?, error = ?, since_ms = ?"
		       " WHERE job = ? AND idx = ?",
		       "iisiii", (int64_t)to, (int64_t)failed, error,
		       e->now_ms(e->arg), l->job, l->index);
}

static int expire_one(struct engine *e, const char *lease, struct errinfo *err)
{
	enum task_state to = TASK_QUEUED;
	struct lease_row l;
	char error[128] = "";
	int rc;

	rc = engine_lease_current(e, lease, &l, err);
	if (rc)
		return rc;
	if (l.cancel) {
		to = TASK_CANCELLED;
	} else if (l.attempts >= e->attempts_max) {
		to = TASK_FAILED;
		snprintf(error, sizeof(error),
			 "given up: leased %lld times, the last lease ran out",
			 (long long)l.attempts);
	}
	rc = sql_run(e->db, err,
		     "UPDATE attempt SET state = 2, ended_ms = ?"
		     " WHERE lease = ?",
		     "is", e->now_ms(e->arg), lease);
	if (!rc)
		rc = engine_task_move(e, &l, to, 0, error, err);
	return rc;
}

/* One transaction for all that ran out together: a segment that goes home. */
int engine_expire(struct engine *e, int *n, struct errinfo *err)
{
	char lease[ENGINE_LEASE_HEX];
	int64_t now = e->now_ms(e->arg);
	int rc, count = 0;

	if (n)
		*n = 0;
	rc = sql_int(e->db, &(int64_t){ 0 }, err,
		     "SELECT 1 FROM attempt WHERE state = 0"
		     " AND expires_ms <= ? LIMIT 1",
		     "i", now);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = engine_db_begin(e, err);
	if (rc)
		return rc;
	while (!rc) {
		auto_stmt sqlite3_stmt *st = NULL;

		rc = sql_query(e->db, &st, err,
			       "SELECT lease FROM attempt WHERE state=0"
			       " AND expires_ms <= ? LIMIT 1",
			       "i", now);
		if (!rc)
			rc = sql_step(st, err);
		if (rc <= 0)
			break;
		snprintf(lease, sizeof(lease), "%s", sql_text(st, 0));
		sql_finish(&st);
		rc = expire_one(e, lease, err);
		count++;
	}
	rc = engine_db_end(e, rc, err);
	if (!rc && n)
		*n = count;
	return rc;
}

int engine_running(struct engine *e, json_t **out, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	json_t *all = json_object();
	int rc;

	rc = sql_query(e->db, &st, err,
		       "SELECT worker, job, idx, leased_ms FROM attempt"
		       " WHERE state = 0 ORDER BY leased_ms",
		       "");
	while (!rc && (rc = sql_step(st, err)) > 0) {
		json_t *t = json_pack("{sI sI sI}", "job",
				      sqlite3_column_int64(st, 1), "index",
				      sqlite3_column_int64(st, 2), "since_ms",
				      sqlite3_column_int64(st, 3));

		rc = json_object_set_new(all, sql_text(st, 0), t) ? -ENOMEM : 0;
	}
	if (rc) {
		json_decref(all);
		return rc;
	}
	*out = all;
	return 0;
}
