/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's conversation with central: lease a task, keep the lease, send
 * output, deliver the result. Whatever fails is tried again, later and later;
 * only central's word that the lease is gone ends a task without a result.
 *
 * Times are of the boot clock: when the domain was paused, all is due at once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "clock.h"
#include "hash.h"
#include "log.h"
#include "parse.h"
#include "worker.h"

#define LEASE_WAIT_SEC  20
#define REQUEST_SEC     (LEASE_WAIT_SEC + 15)
#define BACKOFF_MIN_MS  500
#define BACKOFF_MAX_MS  30000
#define TICK_MS         500 /* how often we look at the spool */
#define RENEWS          3   /* in the time of a lease */
#define RESENDS_MAX     3   /* of output that arrived wrong */
#define MEMORY_KEPT_MIB 16  /* for us and for the domain's system */

struct worker {
	const struct worker_config *config;
	struct httpc *http;
	char name[256];
	int cpus, memory_mib;
	int failures; /* requests in a row */
};

struct work {
	struct worker *w;
	struct task task;
	struct run run;
	struct output output;
	int64_t renew_ms, result_ms; /* when due */
	int running;
	json_t *result; /* once it has ended */
	int resends;
	int over;
};

int lease_backoff_ms(int n)
{
	uint32_t r = 0;
	int ms = BACKOFF_MIN_MS;

	while (--n > 0 && ms < BACKOFF_MAX_MS)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	/* Half of it is chance: a hundred workers must not come back as one. */
	(void)!getrandom(&r, sizeof(r), GRND_NONBLOCK);
	return ms / 2 + (int)(r % (uint32_t)(ms / 2 + 1));
}

/* Notes how a request went; says when that changes. Returns how long to wait
 * before the next try. */
static int noted(struct worker *w, int rc, const struct errinfo *err)
{
	if (!rc) {
		if (w->failures)
			log_info("central is back after %d failures",
				 w->failures);
		w->failures = 0;
		return 0;
	}
	if (!w->failures++)
		log_warn("central: %s", errinfo_text(err, rc));
	return lease_backoff_ms(w->failures);
}

static int is_gone(int rc)
{
	return rc == -ESTALE || rc == -ENOENT;
}

static int request(struct work *k, const char *what, const json_t *body,
		   json_t **reply, struct errinfo *err)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/work/leases/%s/%s", k->task.lease,
		 what);
	return httpc_json(k->w->http, "POST", path, body, reply, err);
}

static void lost(struct work *k)
{
	log_warn("task %lld/%lld: the lease is gone, dropped", k->task.job,
		 k->task.index);
	k->over = 1;
}

static void renew(struct work *k)
{
	struct errinfo err = ERRINFO_INIT;
	json_t *body = json_pack("{s:n}", "done"), *reply = NULL;
	const json_t *sec;
	int rc = request(k, "renew", body, &reply, &err);
	int wait = is_gone(rc) ? 0 : noted(k->w, rc, &err);

	json_decref(body);
	if (is_gone(rc)) {
		lost(k);
		return;
	}
	sec = json_object_get(reply, "lease_sec");
	if (json_integer_value(sec) > 0 && json_integer_value(sec) < 86400)
		k->task.lease_sec = (int)json_integer_value(sec);
	if (!rc)
		wait = k->task.lease_sec * 1000 / RENEWS;
	if (json_is_true(json_object_get(reply, "cancel")) && k->running &&
	    k->run.control >= 0) {
		log_info("task %lld/%lld: cancelled", k->task.job, k->task.index);
		(void)!write(k->run.control, &(char){ RUN_CANCEL }, 1);
	}
	json_decref(reply);
	k->renew_ms = clock_boot_ms() + wait;
}

static void send_output(struct work *k)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = output_push(k->w->http, k->task.lease, &k->output, &err);

	if (is_gone(rc))
		lost(k);
	else if (rc)
		k->output.next_ms = clock_boot_ms() + noted(k->w, rc, &err);
	else
		noted(k->w, 0, NULL);
}

static json_t *make_result(const struct work *k, const struct run_result *r)
{
	uint8_t digest[HASH_LEN];
	char hex[HASH_HEX];
	uint64_t size = 0;

	if (hash_fd(k->output.fd, digest, &size))
		return NULL;
	format_hex(digest, sizeof(digest), hex);
	return json_pack("{s:i,s:i,s:s,s:I,s:s,s:I,s:I,s:I}", "exit",
			 (int)r->exit, "signal", (int)r->signal, "error",
			 r->error, "size", (json_int_t)size, "sha256", hex,
			 "wall_ms", (json_int_t)r->wall_ms, "cpu_ms",
			 (json_int_t)r->cpu_ms, "max_rss_kib",
			 (json_int_t)r->max_rss_kib);
}

static void take_result(struct work *k)
{
	struct run_result r;

	run_collect(&k->run, &r);
	k->running = 0;
	k->output.final = 1;
	k->output.next_ms = 0;
	k->result = make_result(k, &r);
	if (!k->result) { /* cannot be told: the lease will run out */
		log_err("task %lld/%lld: no memory for its result", k->task.job,
			k->task.index);
		k->over = 1;
		return;
	}
	log_info("task %lld/%lld: ended: exit %d signal %d%s%s, %lld ms",
		 k->task.job, k->task.index, r.exit, r.signal,
		 *r.error ? ", " : "", r.error, (long long)r.wall_ms);
}

/* Central refused the result: what it stores is not our output (it lost some
 * when it was killed). Once more from the start, a few times. */
static void refused(struct work *k, const struct errinfo *err)
{
	if (k->resends++ == RESENDS_MAX) {
		log_err("task %lld/%lld: result refused: %s", k->task.job,
			k->task.index, err->text);
		k->over = 1;
		return;
	}
	k->output.sent = 0;
	k->output.next_ms = 0;
	k->result_ms = clock_boot_ms() + lease_backoff_ms(k->resends);
}

static void send_result(struct work *k)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = request(k, "result", k->result, NULL, &err);

	if (is_gone(rc)) {
		lost(k);
	} else if (rc == -EINVAL || rc == -EFBIG) {
		refused(k, &err);
	} else if (rc) {
		k->result_ms = clock_boot_ms() + noted(k->w, rc, &err);
	} else {
		noted(k->w, 0, NULL);
		log_info("task %lld/%lld: result delivered", k->task.job,
			 k->task.index);
		k->over = 1;
	}
}

/* Until the job ends, or until something is due. */
static void wait_for_job(const struct work *k)
{
	struct pollfd p = { k->run.result, POLLIN, 0 };
	int64_t now = clock_boot_ms(), until = now + TICK_MS;

	if (k->renew_ms < until)
		until = k->renew_ms;
	if (!k->running && k->output.next_ms < until &&
	    !output_is_sent(&k->output))
		until = k->output.next_ms;
	if (!k->running && output_is_sent(&k->output) && k->result_ms < until)
		until = k->result_ms;
	poll(&p, 1, until > now ? (int)(until - now) : 0);
}

static void step(struct work *k)
{
	struct pollfd p = { k->run.result, POLLIN, 0 };

	wait_for_job(k);
	if (k->running && poll(&p, 1, 0) > 0)
		take_result(k);
	if (!k->over && clock_boot_ms() >= k->renew_ms)
		renew(k);
	if (!k->over && output_is_due(&k->output, clock_boot_ms()))
		send_output(k);
	if (!k->over && k->result && output_is_sent(&k->output) &&
	    clock_boot_ms() >= k->result_ms)
		send_result(k);
}

static void work_off(struct worker *w, json_t *doc)
{
	struct errinfo err = ERRINFO_INIT;
	struct work k = { .w = w };
	int rc = task_parse(doc, &k.task, &err);

	if (!rc)
		rc = run_start(w->config, &k.task, &k.run, &err);
	if (rc) {
		/* Nobody hears of it but our log: the lease runs out. */
		log_err("%s", errinfo_text(&err, rc));
		task_dispose(&k.task);
		usleep((useconds_t)lease_backoff_ms(4) * 1000U);
		return;
	}
	log_info("task %lld/%lld: started, attempt %lld", k.task.job,
		 k.task.index, k.task.attempt);
	k.running = 1;
	k.output.fd = k.run.spool;
	k.renew_ms = clock_boot_ms() + k.task.lease_sec * 1000LL / RENEWS;
	while (!k.over)
		step(&k);
	run_dispose(&k.run);
	json_decref(k.result);
	task_dispose(&k.task);
}

/* 0 with *task NULL: nothing to do now. */
static int ask(struct worker *w, json_t **task, struct errinfo *err)
{
	json_t *body = json_pack("{s:s,s:i,s:i}", "worker", w->name, "cpus",
				 w->cpus, "memory_mib", w->memory_mib);
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/v1/work/lease?wait=%d", LEASE_WAIT_SEC);
	rc = httpc_json(w->http, "POST", path, body, task, err);
	json_decref(body);
	return rc;
}

static int init(struct worker *w, const struct worker_config *c,
		struct errinfo *err)
{
	const struct httpc_config http = {
		.url = c->url,
		.pin = *c->pin ? c->pin : NULL,
		.token = c->token,
		.timeout_sec = REQUEST_SEC,
	};
	struct sysinfo si;
	uint64_t mib;

	if (sysinfo(&si))
		return errinfo_set_errno(err, -errno, "sysinfo");
	mib = (uint64_t)si.totalram * si.mem_unit >> 20;
	w->config = c;
	w->memory_mib = mib > 2UL * MEMORY_KEPT_MIB ? (int)mib - MEMORY_KEPT_MIB
						    : MEMORY_KEPT_MIB;
	w->cpus = get_nprocs();
	snprintf(w->name, sizeof(w->name), "%s/%s", c->node, c->domu);
	return httpc_new(&http, &w->http, err);
}

int lease_loop(const struct worker_config *c, struct errinfo *err)
{
	struct worker w = { 0 };
	int rc = init(&w, c, err);

	if (rc)
		return rc;
	log_info("%s: %d cpus, %d MiB, work from %s", w.name, w.cpus,
		 w.memory_mib, c->url);
	for (;;) {
		struct errinfo why = ERRINFO_INIT;
		int64_t t0 = clock_boot_ms();
		json_t *task = NULL;
		int wait;

		rc = ask(&w, &task, &why);
		wait = noted(&w, rc, &why);
		if (task)
			work_off(&w, task);
		else if (!rc && clock_boot_ms() - t0 < BACKOFF_MIN_MS)
			wait = BACKOFF_MIN_MS; /* it did not wait for us */
		if (wait)
			usleep((useconds_t)wait * 1000U);
	}
}
