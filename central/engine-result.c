/* SPDX-License-Identifier: Apache-2.0 */
/* A result: checked, accepted once, confirmed as often as it is repeated. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hash.h"

#include "engine-db.h"

#define ERROR_LEN_MAX 500

struct result {
	int64_t exit, signal, size, wall_ms, cpu_ms, max_rss_kib;
	const char *error, *sha256; /* borrowed from the document */
	char digest[HASH_HEX];      /* of the document's canonical form */
};

static int digest_result(const json_t *doc, struct result *r)
{
	auto_free char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return -ENOMEM;
	hash_bytes_hex(text, strlen(text), r->digest);
	return 0;
}

static int parse_result(const json_t *doc, struct result *r, struct errinfo *err)
{
	const struct {
		const char *name;
		int64_t min, max, *out;
	} t[] = {
		{ "exit", -1, 255, &r->exit },
		{ "signal", 0, 128, &r->signal },
		{ "size", 0, ENGINE_OUTPUT_MAX, &r->size },
		{ "wall_ms", 0, INT64_MAX, &r->wall_ms },
		{ "cpu_ms", 0, INT64_MAX, &r->cpu_ms },
		{ "max_rss_kib", 0, INT64_MAX, &r->max_rss_kib },
	};
	size_t i;
	int rc;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		if (i < 3 && !json_object_get(doc, t[i].name))
			return errinfo_set(err, -EINVAL, "'%s' is missing",
					   t[i].name);
		rc = engine_spec_int(doc, t[i].name, t[i].min, t[i].max,
				     t[i].out, err);
		if (rc)
			return rc;
	}
	r->sha256 = json_string_value(json_object_get(doc, "sha256"));
	if (!r->sha256 || !hash_is_hex(r->sha256))
		return errinfo_set(err, -EINVAL,
				   "'sha256' is not 64 lower-case hex digits");
	r->error = json_string_value(json_object_get(doc, "error"));
	if (!r->error)
		r->error = "";
	if (strlen(r->error) > ERROR_LEN_MAX)
		return errinfo_set(err, -EINVAL,
				   "'error' is longer than %d bytes",
				   ERROR_LEN_MAX);
	return digest_result(doc, r);
}

/* The same result again is confirmed: its answer may have been lost. */
static int confirm_repeat(struct engine *e, const char *lease,
			  const struct result *r, struct errinfo *err)
{
	int64_t one;
	int rc;

	rc = sql_int(e->db, &one, err,
		     "SELECT 1 FROM attempt WHERE lease = ?"
		     " AND state = 1 AND result = ?",
		     "ss", lease, r->digest);
	return rc == -ENOENT ? errinfo_set(err, -ESTALE, "the lease is gone")
			     : rc;
}

static enum task_state next_state(const struct engine *e,
				  const struct lease_row *l,
				  const struct result *r, char *error, size_t len)
{
	if (!r->exit && !r->signal && !*r->error)
		return TASK_DONE;
	if (l->cancel)
		return TASK_CANCELLED;
	if (l->failures >= l->retries)
		return TASK_FAILED;
	if (l->attempts >= e->attempts_max) {
		snprintf(error, len, "given up: leased %lld times",
			 (long long)l->attempts);
		return TASK_FAILED;
	}
	return TASK_QUEUED;
}

static int accept_result(struct engine *e, const char *lease,
			 const struct lease_row *l, const struct result *r,
			 struct errinfo *err)
{
	char error[128] = "";
	enum task_state to = next_state(e, l, r, error, sizeof(error));
	int rc;

	rc = sql_run(e->db, err,
		     "UPDATE attempt SET state = 1, result = ?,"
		     " exit = ?, signal = ?, error = ?, wall_ms = ?,"
		     " cpu_ms = ?, max_rss_kib = ?, size = ?, sha256 = ?,"
		     " ended_ms = ?, progress = NULL WHERE lease = ?",
		     "siisiiiisis", r->digest, r->exit, r->signal, r->error,
		     r->wall_ms, r->cpu_ms, r->max_rss_kib, r->size, r->sha256,
		     e->now_ms(e->arg), lease);
	if (!rc)
		rc = engine_task_move(e, l, to, to != TASK_DONE, error, err);
	return rc;
}

int engine_result(struct engine *e, const char *lease, const json_t *doc,
		  struct errinfo *err)
{
	struct lease_row l;
	struct result r;
	int rc;

	rc = parse_result(doc, &r, err);
	if (rc)
		return rc;
	rc = engine_lease_find(e, lease, &l, err);
	if (rc)
		return rc;
	if (l.state != ATTEMPT_RUNNING)
		return confirm_repeat(e, lease, &r, err);
	rc = engine_output_match(e, l.job, l.index, l.attempt, (uint64_t)r.size,
				 r.sha256, err);
	if (rc)
		return rc;
	rc = engine_db_begin(e, err);
	if (rc)
		return rc;
	return engine_db_end(e, accept_result(e, lease, &l, &r, err), err);
}
