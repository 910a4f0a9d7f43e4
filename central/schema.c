/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, as steps: PRAGMA user_version says how many were taken. A step
 * that was released never changes; a change is a new step.
 *
 * A job's numbers are kept by a trigger on task.state, in the same transaction
 * as the move itself, so that they cannot disagree with the tasks; its state
 * is derived from them in the view. It ended with the last task that became
 * final.
 */
#include "cleanup.h"

#include "engine-db.h"

#define STEP_1                                                                \
	"CREATE TABLE job ("                                                  \
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"                              \
	" name TEXT NOT NULL,"                                                \
	" key TEXT UNIQUE,"                                                   \
	" first INTEGER NOT NULL,"                                            \
	" count INTEGER NOT NULL,"                                            \
	" priority INTEGER NOT NULL,"                                         \
	" retries INTEGER NOT NULL,"                                          \
	" command TEXT NOT NULL,"                                             \
	" env TEXT NOT NULL,"                                                 \
	" inputs TEXT NOT NULL,"                                              \
	" wall_sec INTEGER NOT NULL,"                                         \
	" cpu_sec INTEGER NOT NULL,"                                          \
	" memory_mib INTEGER NOT NULL,"                                       \
	" output_max INTEGER NOT NULL,"                                       \
	" cancel INTEGER NOT NULL DEFAULT 0,"                                 \
	" changes INTEGER NOT NULL DEFAULT 1,"                                \
	" created_ms INTEGER NOT NULL,"                                       \
	" started_ms INTEGER,"                                                \
	" ended_ms INTEGER,"                                                  \
	" queued INTEGER NOT NULL,"                                           \
	" leased INTEGER NOT NULL DEFAULT 0,"                                 \
	" done INTEGER NOT NULL DEFAULT 0,"                                   \
	" failed INTEGER NOT NULL DEFAULT 0,"                                 \
	" cancelled INTEGER NOT NULL DEFAULT 0,"                              \
	" CHECK (queued >= 0 AND leased >= 0 AND"                             \
	"        queued + leased + done + failed + cancelled = count)"        \
	") STRICT;"                                                           \
	"CREATE INDEX job_ready ON job (priority DESC, id) WHERE queued > 0;" \
                                                                              \
	"CREATE TABLE task ("                                                 \
	" job INTEGER NOT NULL REFERENCES job (id),"                          \
	" idx INTEGER NOT NULL,"                                              \
	" state INTEGER NOT NULL DEFAULT 0," /* enum task_state */            \
	" attempts INTEGER NOT NULL DEFAULT 0,"                               \
	" failures INTEGER NOT NULL DEFAULT 0,"                               \
	" lease TEXT," /* of the last attempt */                              \
	" error TEXT NOT NULL DEFAULT '',"                                    \
	" since_ms INTEGER NOT NULL,"                                         \
	" PRIMARY KEY (job, idx)"                                             \
	") STRICT, WITHOUT ROWID;"                                            \
	"CREATE INDEX task_ready ON task (job, idx) WHERE state = 0;"         \
                                                                              \
	"CREATE TABLE attempt ("                                              \
	" lease TEXT PRIMARY KEY,"                                            \
	" job INTEGER NOT NULL,"                                              \
	" idx INTEGER NOT NULL,"                                              \
	" number INTEGER NOT NULL,"                                           \
	" state INTEGER NOT NULL DEFAULT 0," /* enum attempt_state */         \
	" worker TEXT NOT NULL,"                                              \
	" workspace TEXT NOT NULL,"                                           \
	" leased_ms INTEGER NOT NULL,"                                        \
	" expires_ms INTEGER NOT NULL,"                                       \
	" progress REAL,"                                                     \
	" result TEXT," /* SHA-256 of the result as it came */                \
	" exit INTEGER, signal INTEGER, error TEXT,"                          \
	" wall_ms INTEGER, cpu_ms INTEGER, max_rss_kib INTEGER,"              \
	" size INTEGER, sha256 TEXT,"                                         \
	" ended_ms INTEGER,"                                                  \
	" UNIQUE (job, idx, number)"                                          \
	") STRICT, WITHOUT ROWID;"                                            \
	"CREATE INDEX attempt_running ON attempt (expires_ms)"                \
	" WHERE state = 0;"                                                   \
                                                                              \
	"CREATE TRIGGER task_is_final BEFORE UPDATE OF state ON task"         \
	" WHEN OLD.state > 1 BEGIN"                                           \
	"  SELECT RAISE(ABORT, 'a final task cannot change');"                \
	"END;"                                                                \
	"CREATE TRIGGER task_moves AFTER UPDATE OF state ON task"             \
	" WHEN OLD.state <> NEW.state BEGIN"                                  \
	"  UPDATE job SET"                                                    \
	"   queued = queued - (OLD.state = 0) + (NEW.state = 0),"             \
	"   leased = leased - (OLD.state = 1) + (NEW.state = 1),"             \
	"   done = done + (NEW.state = 2),"                                   \
	"   failed = failed + (NEW.state = 3),"                               \
	"   cancelled = cancelled + (NEW.state = 4),"                         \
	"   changes = changes + 1,"                                           \
	"   started_ms = coalesce(started_ms,"                                \
	"     CASE WHEN NEW.state = 1 THEN NEW.since_ms END),"                \
	"   ended_ms = CASE WHEN NEW.state > 1 AND"                           \
	"     done + failed + cancelled = count - 1 THEN NEW.since_ms END"    \
	"  WHERE id = NEW.job;"                                               \
	"END;"                                                                \
	"CREATE VIEW job_state AS SELECT *, CASE"                             \
	"  WHEN queued + leased > 0 AND started_ms IS NULL THEN 'queued'"     \
	"  WHEN queued + leased > 0 THEN 'running'"                           \
	"  WHEN cancelled > 0 THEN 'cancelled'"                               \
	"  WHEN failed > 0 THEN 'failed'"                                     \
	"  ELSE 'done' END AS state FROM job;"                                \
                                                                              \
	"CREATE TABLE workspace ("                                            \
	" name TEXT PRIMARY KEY,"                                             \
	" token TEXT NOT NULL,"                                               \
	" domus INTEGER NOT NULL,"                                            \
	" image TEXT NOT NULL,"                                               \
	" channel TEXT NOT NULL,"                                             \
	" memory_mib INTEGER NOT NULL,"                                       \
	" vcpus INTEGER NOT NULL,"                                            \
	" weight INTEGER NOT NULL,"                                           \
	" cap INTEGER NOT NULL,"                                              \
	" manifest TEXT NOT NULL DEFAULT '',"                                 \
	" image_version TEXT NOT NULL DEFAULT ''"                             \
	") STRICT, WITHOUT ROWID;"                                            \
                                                                              \
	"CREATE TABLE site ("                                                 \
	" one INTEGER PRIMARY KEY CHECK (one = 1),"                           \
	" gen INTEGER NOT NULL,"                                              \
	" digest TEXT NOT NULL"                                               \
	") STRICT;"                                                           \
	"INSERT INTO site VALUES (1, 0, '');"

const char *const engine_schema[] = {
	STEP_1,
};
const int engine_schema_n = (int)ARRAY_SIZE(engine_schema);
