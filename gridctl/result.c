/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl job result: outputs, each checked before a byte of it is shown. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "hash.h"
#include "parse.h"

#include "ctl.h"

#define OUTPUT_MAX (64U * 1024 * 1024)

struct want {
	int64_t job, index; /* index -1: all */
	const char *dir;    /* or NULL: standard output */
};

static int fetch(struct ctl *ctl, int64_t job, const json_t *task,
		 struct httpc_reply *reply, struct errinfo *err)
{
	long long index = (long long)ctl_int(task, "index");
	char path[96], hex[HASH_HEX];
	int rc;

	snprintf(path, sizeof(path), "/v1/jobs/%lld/tasks/%lld/output",
		 (long long)job, index);
	rc = httpc_request(ctl->central, "GET", path, NULL, NULL, 0, OUTPUT_MAX,
			   reply, err);
	if (rc)
		return rc;
	if (reply->status != 200)
		return errinfo_set(err, -EIO, "task %lld: status %d", index,
				   reply->status);
	hash_bytes_hex(reply->body.len ? reply->body.data : "", reply->body.len,
		       hex);
	if (strcmp(hex, ctl_str(task, "sha256")))
		return errinfo_set(err, -EBADMSG,
				   "task %lld: its output has not the SHA-256 "
				   "of its result (%.12s...)",
				   index, ctl_str(task, "sha256"));
	return 0;
}

static int put(const struct want *w, const json_t *task,
	       const struct httpc_reply *reply, struct errinfo *err)
{
	auto_free char *path = NULL;
	const char *data = reply->body.len ? reply->body.data : "";

	if (!w->dir) {
		fwrite(data, 1, reply->body.len, stdout);
		return 0;
	}
	if (asprintf(&path, "%s/%lld.out", w->dir,
		     (long long)ctl_int(task, "index")) < 0)
		return -ENOMEM;
	return fileio_write_atomic(path, data, reply->body.len, 0644, err);
}

static int take_one(struct ctl *ctl, const struct want *w, const json_t *task,
		    struct errinfo *err)
{
	struct httpc_reply reply = { 0, BUF_INIT };
	int rc;

	rc = fetch(ctl, w->job, task, &reply, err);
	if (!rc)
		rc = put(w, task, &reply, err);
	buf_dispose(&reply.body);
	return rc;
}

/* Tasks that are not done are told on stderr, their output taken if any. */
static int take_all(struct ctl *ctl, const struct want *w, const json_t *list)
{
	struct errinfo err = ERRINFO_INIT;
	int status = CMD_EXIT_OK, rc, found = 0;
	const json_t *task;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		task = json_array_get(list, i);
		if (w->index >= 0 && ctl_int(task, "index") != w->index)
			continue;
		found = 1;
		if (strcmp(ctl_str(task, "state"), "done")) {
			fprintf(stderr, "gridctl: task %lld: %s%s%s\n",
				(long long)ctl_int(task, "index"),
				ctl_str(task, "state"),
				*ctl_str(task, "error") ? ": " : "",
				ctl_str(task, "error"));
			status = CMD_EXIT_FAILED;
		}
		if (!json_is_string(json_object_get(task, "sha256")))
			continue;
		rc = take_one(ctl, w, task, &err);
		if (rc)
			return ctl_fail(&err, rc);
	}
	if (!found) {
		fprintf(stderr, "gridctl: job %lld has no task %lld\n",
			(long long)w->job, (long long)w->index);
		return CMD_EXIT_FAILED;
	}
	return status;
}

static int parse_args(int argc, char **argv, struct want *w)
{
	uint64_t index;
	int opt;

	*w = (struct want){ 0, -1, NULL };
	optind = 0;
	while ((opt = getopt(argc, argv, "o:")) != -1) {
		if (opt != 'o')
			return CMD_EXIT_USAGE;
		w->dir = optarg;
	}
	if (argc - optind < 1 || argc - optind > 2)
		return cmd_misuse("one JOB, and one INDEX at most");
	if (!ctl_id(argv[optind], &w->job))
		return CMD_EXIT_USAGE;
	if (argc - optind == 1)
		return CMD_EXIT_OK;
	if (parse_u64(argv[optind + 1], 0, INT64_MAX, &index))
		return cmd_misuse("'%s' is not a task's index", argv[optind + 1]);
	w->index = (int64_t)index;
	return CMD_EXIT_OK;
}

int job_result(int argc, char **argv, void *arg)
{
	struct errinfo err = ERRINFO_INIT;
	struct ctl *ctl = arg;
	struct want w;
	json_t *tasks;
	int rc, status;

	status = parse_args(argc, argv, &w);
	if (status)
		return status;
	tasks = ctl_tasks(ctl, w.job);
	if (!tasks)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(tasks);
	rc = w.dir ? fileio_mkdirs(w.dir, 0755, &err) : 0;
	status = rc ? ctl_fail(&err, rc)
		    : take_all(ctl, &w, json_object_get(tasks, "tasks"));
	json_decref(tasks);
	return status;
}
