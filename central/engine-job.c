/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: submitted, shown, cancelled. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#include "engine-db.h"

static int check_inputs(struct engine *e, const struct job_spec *s,
			struct errinfo *err)
{
	json_t *inputs = json_loads(s->inputs, 0, NULL), *in;
	uint64_t size;
	size_t i;
	int fd, rc = inputs ? 0 : -ENOMEM;

	json_array_foreach(inputs, i, in)
	{
		const char *name = json_string_value(json_object_get(in, "name"));

		rc = engine_file_open(
			e, json_string_value(json_object_get(in, "sha256")),
			&fd, &size, NULL);
		if (rc) {
			rc = errinfo_set(err, -EINVAL,
					 "input '%s': not uploaded yet (PUT "
					 "/v1/files/SHA256 first)",
					 name);
			break;
		}
		close(fd);
		if ((json_int_t)size !=
		    json_integer_value(json_object_get(in, "size"))) {
			rc = errinfo_set(err, -EINVAL,
					 "input '%s': the stored file has %llu "
					 "bytes",
					 name, (unsigned long long)size);
			break;
		}
	}
	json_decref(inputs);
	return rc;
}

static int insert_job(struct engine *e, const struct job_spec *s, int64_t *id,
		      struct errinfo *err)
{
	int64_t now = e->now_ms(e->arg);
	int rc;

	rc = sql_run(e->db, err,
		     "INSERT INTO job (name, key, first, count, priority, retries,"
		     " command, env, inputs, wall_sec, cpu_sec, memory_mib,"
		     " output_max, created_ms, queued) VALUES"
		     " (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?4)",
		     "ssiiiisssiiiii", s->name, s->key, s->first, s->count,
		     s->priority, s->retries, s->command, s->env, s->inputs,
		     s->wall_sec, s->cpu_sec, s->memory_mib, s->output_max, now);
	if (rc)
		return rc;
	*id = sqlite3_last_insert_rowid(e->db);
	return sql_run(
		e->db, err,
		"WITH RECURSIVE n (i) AS (SELECT ?2 UNION ALL"
		" SELECT i + 1 FROM n WHERE i + 1 < ?2 + ?3)"
		" INSERT INTO task (job, idx, since_ms) SELECT ?1, i, ?4 FROM n",
		"iiii", *id, s->first, s->count, now);
}

int engine_submit(struct engine *e, const json_t *spec, int64_t *id,
		  struct errinfo *err)
{
	struct job_spec s;
	int rc;

	rc = engine_spec_parse(spec, &s, err);
	if (rc)
		return rc;
	rc = s.key ? sql_int(e->db, id, err, "SELECT id FROM job WHERE key=?",
			     "s", s.key)
		   : -ENOENT;
	if (rc != -ENOENT)
		goto out;
	rc = check_inputs(e, &s, err);
	if (rc)
		goto out;
	rc = engine_db_begin(e, err);
	if (rc)
		goto out;
	rc = engine_db_end(e, insert_job(e, &s, id, err), err);
out:
	engine_spec_dispose(&s);
	return rc;
}

/* The columns of job_state, as both listings show them. */
#define JOB_COLUMNS                                                           \
	"id, name, state, count, queued, leased, done, failed, cancelled,"    \
	" priority, retries, first, cancel, changes, created_ms, started_ms," \
	" ended_ms, command, env, inputs, wall_sec, cpu_sec, memory_mib,"     \
	" output_max"

/* null where SQL has null */
static json_t *col_int(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL
		       ? json_null()
		       : json_integer(sqlite3_column_int64(st, i));
}

static json_t *job_json(sqlite3_stmt *st)
{
	json_t *limits = json_pack("{sI sI sI sI}", "wall_sec",
				   sqlite3_column_int64(st, 20), "cpu_sec",
				   sqlite3_column_int64(st, 21), "memory_mib",
				   sqlite3_column_int64(st, 22), "output_max",
				   sqlite3_column_int64(st, 23));

	return json_pack(
		"{sI ss ss sI sI sI sI sI sI sI sI sI sb sI sI so so so so so "
		"so}",
		"id", sqlite3_column_int64(st, 0), "name", sql_text(st, 1),
		"state", sql_text(st, 2), "count", sqlite3_column_int64(st, 3),
		"queued", sqlite3_column_int64(st, 4), "leased",
		sqlite3_column_int64(st, 5), "done", sqlite3_column_int64(st, 6),
		"failed", sqlite3_column_int64(st, 7), "cancelled",
		sqlite3_column_int64(st, 8), "priority",
		sqlite3_column_int64(st, 9), "retries",
		sqlite3_column_int64(st, 10), "first",
		sqlite3_column_int64(st, 11), "cancelling",
		(int)sqlite3_column_int64(st, 12), "changes",
		sqlite3_column_int64(st, 13), "created_ms",
		sqlite3_column_int64(st, 14), "started_ms", col_int(st, 15),
		"ended_ms", col_int(st, 16), "command", engine_db_json(st, 17),
		"env", engine_db_json(st, 18), "inputs", engine_db_json(st, 19),
		"limits", limits);
}

int engine_job(struct engine *e, int64_t id, json_t **out, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	int rc;

	rc = sql_query(e->db, &st, err,
		       "SELECT " JOB_COLUMNS " FROM job_state WHERE id = ?",
		       "i", id);
	if (!rc)
		rc = sql_step(st, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return errinfo_set(err, -ENOENT, "no job %lld", (long long)id);
	*out = job_json(st);
	return *out ? 0 : -ENOMEM;
}

int engine_jobs(struct engine *e, json_t **out, struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	json_t *list = json_array();
	int rc;

	rc = sql_query(e->db, &st, err,
		       "SELECT " JOB_COLUMNS " FROM job_state ORDER BY id DESC",
		       "");
	while (!rc && (rc = sql_step(st, err)) > 0)
		rc = json_array_append_new(list, job_json(st)) ? -ENOMEM : 0;
	if (rc) {
		json_decref(list);
		return rc;
	}
	*out = json_pack("{so}", "jobs", list);
	return *out ? 0 : -ENOMEM;
}

static const char *task_state_name(int64_t state)
{
	static const char *const names[] = { "queued", "leased", "done",
					     "failed", "cancelled" };

	return state >= 0 && state < (int64_t)ARRAY_SIZE(names) ? names[state]
								: "unknown";
}

/* A task's own error (it gave up) goes before its last attempt's. */
static json_t *task_json(sqlite3_stmt *st)
{
	const char *error = sql_text(st, 5);

	if (!*error)
		error = sql_text(st, 9);
	return json_pack("{sI ss sI sI sI ss ss so so so so so so so so}",
			 "index", sqlite3_column_int64(st, 0), "state",
			 task_state_name(sqlite3_column_int64(st, 1)),
			 "attempt", sqlite3_column_int64(st, 2), "failures",
			 sqlite3_column_int64(st, 3), "since_ms",
			 sqlite3_column_int64(st, 4), "error", error, "worker",
			 sql_text(st, 6), "exit", col_int(st, 7), "signal",
			 col_int(st, 8), "wall_ms", col_int(st, 10), "cpu_ms",
			 col_int(st, 11), "max_rss_kib", col_int(st, 12),
			 "size", col_int(st, 13), "sha256",
			 sqlite3_column_type(st, 14) == SQLITE_NULL
				 ? json_null()
				 : json_string(sql_text(st, 14)),
			 "progress",
			 sqlite3_column_type(st, 15) == SQLITE_NULL
				 ? json_null()
				 : json_real(sqlite3_column_double(st, 15)));
}

int engine_tasks(struct engine *e, int64_t id, int64_t from, json_t **out,
		 struct errinfo *err)
{
	auto_stmt sqlite3_stmt *st = NULL;
	json_t *list, *next = json_null();
	int64_t found;
	int rc;

	rc = sql_int(e->db, &found, err, "SELECT id FROM job WHERE id = ?", "i",
		     id);
	if (rc == -ENOENT)
		return errinfo_set(err, rc, "no job %lld", (long long)id);
	list = json_array();
	if (!rc)
		rc = sql_query(
			e->db, &st, err,
			"SELECT t.idx, t.state, t.attempts, t.failures,"
			" t.since_ms, t.error, a.worker, a.exit, a.signal,"
			" a.error, a.wall_ms, a.cpu_ms, a.max_rss_kib, a.size,"
			" a.sha256, a.progress"
			" FROM task t LEFT JOIN attempt a ON a.lease = t.lease"
			" WHERE t.job = ? AND t.idx >= ? ORDER BY t.idx"
			" LIMIT ?",
			"iii", id, from, (int64_t)ENGINE_PAGE + 1);
	while (!rc && (rc = sql_step(st, err)) > 0) {
		if (json_array_size(list) == ENGINE_PAGE) {
			next = json_integer(sqlite3_column_int64(st, 0));
			rc = 0;
			break;
		}
		rc = json_array_append_new(list, task_json(st)) ? -ENOMEM : 0;
	}
	if (rc) {
		json_decref(list);
		return rc;
	}
	*out = json_pack("{so so}", "tasks", list, "next", next);
	return *out ? 0 : -ENOMEM;
}

int engine_cancel(struct engine *e, int64_t id, struct errinfo *err)
{
	int64_t now = e->now_ms(e->arg), found;
	int rc;

	rc = sql_int(e->db, &found, err, "SELECT id FROM job WHERE id = ?", "i",
		     id);
	if (rc == -ENOENT)
		return errinfo_set(err, rc, "no job %lld", (long long)id);
	if (!rc)
		rc = engine_db_begin(e, err);
	if (rc)
		return rc;
	rc = sql_run(e->db, err,
		     "UPDATE job SET cancel = 1, changes = changes + 1"
		     " WHERE id = ? AND cancel = 0"
		     " AND queued + leased > 0",
		     "i", id);
	if (!rc)
		rc = sql_run(e->db, err,
			     "UPDATE task SET state = 4, since_ms = ?"
			     " WHERE job = ? AND state = 0",
			     "ii", now, id);
	return engine_db_end(e, rc, err);
}

int engine_task_output(struct engine *e, int64_t id, int64_t index, int *fd,
		       uint64_t *size, struct errinfo *err)
{
	auto_free char *path = NULL;
	struct stat sb;
	int64_t attempt;
	int rc;

	rc = sql_int(e->db, &attempt, err,
		     "SELECT attempts FROM task WHERE job = ? AND idx=?", "ii",
		     id, index);
	if (rc == -ENOENT)
		return errinfo_set(err, rc, "no task %lld of a job %lld",
				   (long long)index, (long long)id);
	if (rc)
		return rc;
	path = engine_output_path(e, id, index, attempt);
	if (!path)
		return -ENOMEM;
	/* No output at all makes no file. */
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT)
		*fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &sb) < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	*size = S_ISREG(sb.st_mode) ? (uint64_t)sb.st_size : 0;
	return 0;
}
