/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl job: list, show, wait, cancel. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "parse.h"

#include "ctl.h"

#define LIST_MAX     20
#define POLL_SEC     10 /* of one long poll */
#define TRY_AGAIN_MS 1000

static void add_job(struct table *t, const json_t *j)
{
	int64_t ended = ctl_int(j, "ended_ms"), created;
	char age[FORMAT_MAX];

	created = ctl_int(j, "created_ms");
	table_add(t, "%lld", (long long)ctl_int(j, "id"));
	table_add(t, "%s", ctl_str(j, "name"));
	table_add(t, "%s", ctl_str(j, "state"));
	table_add(t, "%lld/%lld", (long long)ctl_int(j, "done"),
		  (long long)ctl_int(j, "count"));
	table_add(t, "%lld", (long long)ctl_int(j, "leased"));
	table_add(t, "%lld", (long long)ctl_int(j, "failed"));
	table_add(t, "%lld", (long long)ctl_int(j, "priority"));
	table_add(t, "%s", format_since(age, created));
	table_add(t, "%s",
		  format_age(age, (ended ? ended : clock_unix_ms()) - created));
}

int job_list(int argc, char **argv, void *arg)
{
	static const struct option options[] = { { "all", 0, NULL, 'a' },
						 { NULL, 0, NULL, 0 } };
	static const char *const titles[] = {
		">JOB",    "NAME",      "!STATE", ">DONE", ">RUNNING",
		">FAILED", ">PRIORITY", ">AGE",   ">TOOK", NULL
	};
	struct ctl *ctl = arg;
	json_t *doc, *list;
	struct table *t;
	int opt, status, all = 0;
	size_t i, n;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "a", options, NULL)) != -1) {
		if (opt != 'a')
			return CMD_EXIT_USAGE;
		all = 1;
	}
	if (argc != optind)
		return cmd_misuse("no arguments");
	doc = ctl_get(ctl, "/v1/jobs");
	if (!doc)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(doc);
	list = json_object_get(doc, "jobs");
	n = json_array_size(list);
	t = table_new(titles);
	for (i = 0; i < n && (all || i < LIST_MAX); i++)
		add_job(t, json_array_get(list, i));
	status = table_print(t);
	if (i < n)
		fprintf(stderr, "and %zu older ones (--all)\n", n - i);
	json_decref(doc);
	return status;
}

/* How a task ended, in a word. */
static void add_outcome(struct table *t, const json_t *task)
{
	if (json_is_null(json_object_get(task, "exit")))
		table_add(t, "-");
	else if (ctl_int(task, "signal"))
		table_add(t, "signal %lld", (long long)ctl_int(task, "signal"));
	else
		table_add(t, "%lld", (long long)ctl_int(task, "exit"));
}

static void add_ms(struct table *t, const json_t *task, const char *name)
{
	if (json_is_null(json_object_get(task, name)))
		table_add(t, "-");
	else
		table_add(t, "%.1fs", (double)ctl_int(task, name) / 1000);
}

static void add_task(struct table *t, const json_t *task)
{
	const char *worker = ctl_str(task, "worker");
	const json_t *progress = json_object_get(task, "progress");
	char size[FORMAT_MAX];

	table_add(t, "%lld", (long long)ctl_int(task, "index"));
	if (json_is_number(progress) && !strcmp(ctl_str(task, "state"), "leased"))
		table_add(t, "leased %d%%",
			  (int)(json_number_value(progress) * 100));
	else
		table_add(t, "%s", ctl_str(task, "state"));
	table_add(t, "%lld", (long long)ctl_int(task, "attempt"));
	add_outcome(t, task);
	add_ms(t, task, "wall_ms");
	add_ms(t, task, "cpu_ms");
	if (json_is_null(json_object_get(task, "size")))
		table_add(t, "-");
	else
		table_add(t, "%s", format_size(size, ctl_int(task, "size")));
	table_add(t, "%s", *worker ? worker : "-");
	table_add(t, "%s", ctl_str(task, "error"));
}

static int show_job(json_t *job, json_t *tasks)
{
	static const char *const titles[] = { ">TASK",   "!STATE", ">ATTEMPT",
					      ">EXIT",   ">WALL",  ">CPU",
					      ">OUTPUT", "WORKER", "ERROR",
					      NULL };
	const json_t *argv = json_object_get(job, "command");
	struct table *t;
	char age[FORMAT_MAX];
	json_t *task;
	size_t i;

	printf("job %lld \"%s\": ", (long long)ctl_int(job, "id"),
	       ctl_str(job, "name"));
	table_print_state(stdout, ctl_str(job, "state"));
	printf(", %lld of %lld done, %lld failed, submitted %s ago\ncommand:",
	       (long long)ctl_int(job, "done"), (long long)ctl_int(job, "count"),
	       (long long)ctl_int(job, "failed"),
	       format_since(age, ctl_int(job, "created_ms")));
	for (i = 0; i < json_array_size(argv); i++)
		printf(" %s", json_string_value(json_array_get(argv, i)));
	printf("\n\n");
	t = table_new(titles);
	json_array_foreach(json_object_get(tasks, "tasks"), i, task)
	{
		add_task(t, task);
	}
	return table_print(t);
}

int job_show(int argc, char **argv, void *arg)
{
	struct ctl *ctl = arg;
	json_t *job, *tasks;
	char path[64];
	int status;
	int64_t id;

	if (argc != 2)
		return cmd_misuse("one JOB");
	if (!ctl_id(argv[1], &id))
		return CMD_EXIT_USAGE;
	snprintf(path, sizeof(path), "/v1/jobs/%lld", (long long)id);
	job = ctl_get(ctl, path);
	if (!job)
		return CMD_EXIT_FAILED;
	tasks = ctl_tasks(ctl, id);
	if (tasks && ctl->json) {
		json_object_update(job, tasks);
		json_decref(tasks);
		return ctl_print_json(job);
	}
	status = tasks ? show_job(job, tasks) : CMD_EXIT_FAILED;
	json_decref(job);
	json_decref(tasks);
	return status;
}

static int is_final(const json_t *job)
{
	return !ctl_int(job, "queued") && !ctl_int(job, "leased");
}

/*
 * The job once it changed, or NULL. A central that is away for a moment does
 * not end the wait: it comes back with everything it knew.
 */
static json_t *poll_job(struct ctl *ctl, int64_t id, int64_t seen, int sec,
			int *rc)
{
	struct errinfo err = ERRINFO_INIT;
	json_t *job = NULL;
	char path[128];

	snprintf(path, sizeof(path), "/v1/jobs/%lld?wait=%d&seen=%lld",
		 (long long)id, sec, (long long)(seen < 0 ? 0 : seen));
	*rc = httpc_json(ctl->central, "GET", path, NULL, &job, &err);
	switch (*rc) {
	case 0:
		return job;
	case -ENOENT:
	case -EACCES:
	case -EPERM:
	case -EINVAL:
		ctl_fail(&err, *rc);
		return NULL;
	}
	if (seen < 0) { /* never reached: rather say so at once */
		ctl_fail(&err, *rc);
		return NULL;
	}
	*rc = 0;
	usleep(TRY_AGAIN_MS * 1000);
	return NULL;
}

static int end_wait(struct ctl *ctl, struct progress *p, json_t *job)
{
	int status = strcmp(ctl_str(job, "state"), "done") ? CMD_EXIT_FAILED
							   : CMD_EXIT_OK;

	progress_show(p, job, 1);
	if (ctl->json)
		ctl_print_json(json_incref(job));
	json_decref(job);
	return status;
}

int job_wait_for(struct ctl *ctl, int64_t id, uint64_t timeout_sec)
{
	int64_t deadline = clock_boot_ms() + (int64_t)timeout_sec * 1000;
	int64_t seen = -1, left;
	struct progress p;
	json_t *job;
	int rc, sec;

	if (!ctl_central(ctl))
		return CMD_EXIT_FAILED;
	progress_start(&p);
	for (;;) {
		left = timeout_sec ? (deadline - clock_boot_ms()) / 1000
				   : POLL_SEC;
		/* The bar's rate moves on a terminal, also between changes. */
		sec = left < 0 ? 0 : left > POLL_SEC ? POLL_SEC : (int)left;
		if (p.tty && sec > 1)
			sec = 1;
		job = poll_job(ctl, id, seen, sec, &rc);
		if (rc)
			return CMD_EXIT_FAILED;
		if (job && is_final(job))
			return end_wait(ctl, &p, job);
		if (job) {
			seen = ctl_int(job, "changes");
			progress_show(&p, job, 0);
		}
		json_decref(job);
		if (timeout_sec && clock_boot_ms() >= deadline)
			break;
	}
	fprintf(stderr, "%sgridctl: job %lld has not ended within %llu s\n",
		p.tty ? "\n" : "", (long long)id,
		(unsigned long long)timeout_sec);
	return CTL_EXIT_TIMEOUT;
}

int job_wait(int argc, char **argv, void *arg)
{
	static const struct option options[] = { { "timeout", 1, NULL, 't' },
						 { NULL, 0, NULL, 0 } };
	uint64_t timeout = 0;
	int64_t id;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "t:", options, NULL)) != -1) {
		if (opt != 't')
			return CMD_EXIT_USAGE;
		if (parse_duration(optarg, &timeout) || !timeout)
			return cmd_misuse("'%s' is not a time, like 90s or 15m",
					  optarg);
	}
	if (argc - optind != 1)
		return cmd_misuse("one JOB");
	if (!ctl_id(argv[optind], &id))
		return CMD_EXIT_USAGE;
	return job_wait_for(arg, id, timeout);
}

int job_cancel(int argc, char **argv, void *arg)
{
	int i, status = CMD_EXIT_OK;
	char path[64];
	int64_t id;

	if (argc < 2)
		return cmd_misuse("which jobs?");
	for (i = 1; i < argc; i++)
		if (!ctl_id(argv[i], &id))
			return CMD_EXIT_USAGE;
	for (i = 1; i < argc && !status; i++) {
		ctl_id(argv[i], &id);
		snprintf(path, sizeof(path), "/v1/jobs/%lld/cancel",
			 (long long)id);
		status = ctl_send(arg, "POST", path, NULL, NULL);
	}
	return status;
}
