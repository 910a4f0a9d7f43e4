/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - what its files share.
 *
 *	worker          leases, renews, uploads; blocks in libcurl only
 *	  `- runner     one per task: fetches inputs, builds the sandbox, takes
 *	     |          the output, enforces limits; never waits for central
 *	     `- init    pid 1 of the task's pid namespace: reaps, reports
 *	        `- job  the command, unprivileged
 *
 * Each dies with its parent, and all of a task die with its init.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "errinfo.h"
#include "httpc.h"

/* Where the tokens are: in our memory only, never in the job's sight. */
struct worker_config {
	char node[136]; /* SEGMENT/NODE */
	char domu[64];
	char ip[20]; /* a.b.c.d/len */
	char gateway[16];
	char url[256];
	char pin[128]; /* may be "" */
	char token[256];
	char user[33];   /* name or number jobs run as */
	char state[128]; /* directory in RAM: cache and mount points */
};

/* From a file (path), or from xenstore (path NULL). */
int config_load(struct worker_config *c, const char *path, struct errinfo *err);
/* One value by its key; caller frees; NULL with a reason. */
char *config_get(const char *path, const char *key, struct errinfo *err);

#define LEASE_LEN      32
#define INPUTS_MAX     64
#define ARGV_MAX       1024
#define OUTPUT_CEILING (64L * 1024 * 1024)

struct task_input {
	const char *name, *sha256;
	uint64_t size;
	int mode;
};

struct task {
	json_t *doc; /* owns the strings below */
	const char *lease;
	int lease_sec;
	long long job, index, attempt;
	char **argv; /* NULL terminated; array is ours */
	char **envp; /* NULL terminated; strings and array ours */
	struct task_input inputs[INPUTS_MAX];
	int ninputs;
	int wall_sec, cpu_sec; /* 0: no limit */
	int memory_mib;
	uint64_t output_max;
};

/* Takes ownership of doc, always. */
int task_parse(json_t *doc, struct task *t, struct errinfo *err);
void task_dispose(struct task *t);

#define RUN_ERROR_MAX 400 /* central takes 500 bytes */

/* How a task ended; what the runner writes into its result pipe. */
struct run_result {
	int32_t exit;   /* -1: none */
	int32_t signal; /* 0: none */
	int64_t wall_ms, cpu_ms, max_rss_kib;
	char error[RUN_ERROR_MAX]; /* why we ended it; "" if we did not */
};

struct run {
	const struct worker_config *config;
	pid_t pid;   /* of the runner */
	int control; /* RUN_CANCEL, or closed: end the task */
	int result;  /* a struct run_result, then EOF */
	int spool;   /* memfd: output so far */
	int cgroup;  /* directory, or -1 */
};

#define RUN_CANCEL 'c'

/* Starts a runner. The caller disposes of the run in any case. */
int run_start(const struct worker_config *c, const struct task *t,
	      struct run *r, struct errinfo *err);
/* The result is readable: collects it and the runner. */
void run_collect(struct run *r, struct run_result *res);
/* Kills what still runs, frees all. */
void run_dispose(struct run *r);

/* Fetches all inputs into the cache, verified; waits for central as long as it
 * takes. stop is a descriptor: readable or hung up means give up (-ECANCELED). */
int fetch_inputs(const struct worker_config *c, const struct task *t, int stop,
		 struct errinfo *err);
/* Path of a cached input; caller frees. */
char *fetch_path(const struct worker_config *c, const struct task_input *in);

/* Moves this process into fresh namespaces with a root of its own. */
int sandbox_enter(const struct worker_config *c, const struct task *t,
		  uid_t uid, gid_t gid, struct errinfo *err);
/* In the new pid namespace's init: what only it can mount. */
int sandbox_mount_proc(void);
/* Where the domU's scratch disk is mounted; NULL if it has none. Caller frees. */
char *scratch_dir(const struct worker_config *c);
/* An empty directory there for one task, in place of the last one's; caller
 * frees; NULL with a reason. */
char *scratch_make(const char *dir, uid_t uid, gid_t gid, struct errinfo *err);
/* Becomes the job; returns only on failure, with a reason. */
int sandbox_exec(const struct task *t, uid_t uid, gid_t gid, int have_cgroup,
		 struct errinfo *err);
int sandbox_user(const char *name, uid_t *uid, gid_t *gid, struct errinfo *err);

/* cgroup v2 for one task at a time. All return -1 or do nothing where the
 * kernel gives us none: the resource limits of processes remain. */
int cgroup_open(const struct worker_config *c, const struct task *t);
int cgroup_enter(int dir, pid_t pid);
void cgroup_kill(int dir);
int64_t cgroup_cpu_ms(int dir);   /* -1: unknown */
int64_t cgroup_peak_kib(int dir); /* -1: unknown */
int cgroup_oom_killed(int dir);
void cgroup_close(const struct worker_config *c, int dir);

struct output {
	int fd;          /* the spool */
	uint64_t sent;   /* what central has */
	int64_t next_ms; /* not before, on the boot clock */
	int final;       /* no more will come */
};

/* Sends what is due; 0, or why not (-ESTALE: the lease is gone). */
int output_push(struct httpc *h, const char *lease, struct output *o,
		struct errinfo *err);
int output_is_due(const struct output *o, int64_t now_ms);
int output_is_sent(const struct output *o);

/* Leases and works off tasks for ever. */
int lease_loop(const struct worker_config *c, struct errinfo *err);
/* Milliseconds to wait after the n-th failure in a row (from 1). */
int lease_backoff_ms(int n);

#endif
