/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker-pool SOCKET N LOG: N workers as processes, on the operators' socket,
 * until SIGTERM. They run nothing: a task's output is "INDEX LEASE\n". They
 * misbehave as PCs do: some leases are dropped, some tasks fail, some results
 * are told twice; and any answer may be missing, as the central may be killed.
 *
 * Each result that was acknowledged is a line "INDEX LEASE" in LOG.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"
#include "httpc.h"

#define OPS_MAX 400 /* a request is given up after so many tries */

static volatile sig_atomic_t stopping;

static void on_term(int signo)
{
	(void)signo;
	stopping = 1;
}

/* Again and again until the central gave an answer: 0, or what it refused. */
static int ask(struct httpc *c, const char *method, const char *path,
	       const json_t *body, json_t **out)
{
	struct errinfo err = ERRINFO_INIT;
	int rc, i;

	for (i = 0; i < OPS_MAX && !stopping; i++) {
		rc = httpc_json(c, method, path, body, out, &err);
		if (!rc || rc == -ESTALE || rc == -EINVAL || rc == -ENOENT)
			return rc;
		usleep(20000);
	}
	return -EIO;
}

static int send_output(struct httpc *c, const char *lease, size_t offset,
		       const char *text, size_t len)
{
	struct httpc_reply reply = { 0, BUF_INIT };
	struct errinfo err = ERRINFO_INIT;
	char path[128];
	int rc, i, status;

	snprintf(path, sizeof(path), "/v1/work/leases/%s/output?offset=%zu",
		 lease, offset);
	for (i = 0; i < OPS_MAX && !stopping; i++) {
		rc = httpc_request(c, "PUT", path, NULL, text, len, 4096,
				   &reply, &err);
		status = reply.status;
		buf_dispose(&reply.body);
		reply = (struct httpc_reply){ 0, BUF_INIT };
		if (!rc && status != 503)
			return status == 200 ? 0 : -ESTALE;
		usleep(20000);
	}
	return -EIO;
}

static int send_result(struct httpc *c, const char *lease, int status,
		       const char *text)
{
	char path[128], hex[HASH_HEX];
	json_t *body;
	int rc;

	hash_bytes_hex(text, strlen(text), hex);
	snprintf(path, sizeof(path), "/v1/work/leases/%s/result", lease);
	body = json_pack("{si si ss sI ss si si si}", "exit", status, "signal", 0,
			 "error", "", "size", (json_int_t)strlen(text), "sha256",
			 hex, "wall_ms", 1, "cpu_ms", 1, "max_rss_kib", 1);
	rc = ask(c, "POST", path, body, NULL);
	if (!rc && random() % 10 == 0)
		rc = ask(c, "POST", path, body, NULL);
	json_decref(body);
	return rc;
}

static int run_task(struct httpc *c, const json_t *task, int log)
{
	const char *lease = json_string_value(json_object_get(task, "lease"));
	long long index = json_integer_value(json_object_get(task, "index"));
	int status = random() % 20 == 0, rc;
	char text[128];
	size_t half;

	if (random() % 25 == 0)
		return 0; /* powered off */
	snprintf(text, sizeof(text), "%lld %s\n", index, lease);
	half = strlen(text) / 2;
	rc = send_output(c, lease, 0, text, half);
	usleep((useconds_t)(random() % 300000));
	if (!rc)
		rc = send_output(c, lease, half, text + half,
				 strlen(text) - half);
	if (!rc)
		rc = send_result(c, lease, status, text);
	if (rc == -EINVAL)
		return rc;
	if (!rc && !status)
		return fileio_write_all(log, text, strlen(text));
	return 0;
}

static int work(const char *url, int number, int log)
{
	struct httpc_config hc = { .url = url, .timeout_sec = 10 };
	struct errinfo err = ERRINFO_INIT;
	struct httpc *c;
	json_t *me, *task;
	char name[32];
	int rc;

	srandom((unsigned int)getpid());
	rc = httpc_new(&hc, &c, &err);
	snprintf(name, sizeof(name), "lab/pc%d/a", number);
	me = json_pack("{ss}", "worker", name);
	while (!rc && !stopping) {
		task = NULL;
		rc = ask(c, "POST", "/v1/work/lease?wait=1", me, &task);
		if (!rc && task)
			rc = run_task(c, task, log);
		json_decref(task);
	}
	json_decref(me);
	httpc_free(c);
	return stopping ? 0 : rc;
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	int i, n, log, status, bad = 0;
	auto_free char *url = NULL;

	if (argc != 4 || asprintf(&url, "unix:%s", argv[1]) < 0)
		return 2;
	n = atoi(argv[2]);
	log = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0)
		return 2;
	for (i = 0; i < n; i++) {
		if (fork() == 0) {
			sigaction(SIGTERM, &term, NULL);
			_exit(work(url, i, log) ? 1 : 0);
		}
	}
	/* The group is ours: run us in one of our own (setsid). */
	signal(SIGTERM, SIG_IGN);
	while (wait(&status) > 0)
		bad |= status;
	return bad ? 1 : 0;
}
