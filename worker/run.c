/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task from its inputs to its end: the runner, the init of the task's pid
 * namespace, and what each tells its parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "log.h"
#include "worker.h"

#define TICK_MS  1000
#define PAUSE_MS 5000 /* a tick that took longer: we were paused */
#define END_MS   3000 /* a runner may take to end its task */

/* What init writes when the job has ended and all others are gone. */
struct report {
	int32_t status; /* as of waitpid() */
	int32_t pad;
	int64_t cpu_ms, max_rss_kib;
	char error[RUN_ERROR_MAX]; /* the job was never executed */
};

struct runner {
	const struct task *t;
	struct run_result *res;
	uid_t uid;
	gid_t gid;
	int control, spool, cgroup;
	int out; /* the job's stdout and stderr */
	int report;
	pid_t init;
	uint64_t size; /* spooled */
	int64_t last_ms, active_ms;
	int over;
};

static void drop_fd(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

static void set_error(struct run_result *res, const char *text)
{
	/* The first reason is the reason. */
	if (!*res->error)
		log_quote(res->error, sizeof(res->error), text, strlen(text));
}

static void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (parent && getppid() != parent)
		_exit(1);
}

static int64_t tv_ms(struct timeval tv)
{
	return tv.tv_sec * 1000LL + tv.tv_usec / 1000;
}

/* Init and job. */

static _Noreturn void report_error(int fd, const struct errinfo *err, int rc)
{
	struct report rep = { .status = -1 };

	snprintf(rep.error, sizeof(rep.error), "%s", errinfo_text(err, rc));
	(void)fileio_write_all(fd, &rep, sizeof(rep));
	_exit(1);
}

static _Noreturn void job_main(const struct runner *r, int out, int report)
{
	struct errinfo err = ERRINFO_INIT;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int rc;

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		rc = errinfo_set_errno(&err, -errno, "sandbox: descriptors");
	else
		rc = sandbox_exec(r->t, r->uid, r->gid, r->cgroup >= 0, &err);
	report_error(report, &err, rc);
}

/* Waits for the job; then ends and reaps whatever it left behind, so that the
 * counters hold all of it. */
static void reap(pid_t job, struct report *rep)
{
	struct rusage ru;
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0 || errno == EINTR) {
		if (pid != job)
			continue;
		rep->status = status;
		kill(-1, SIGKILL);
	}
	getrusage(RUSAGE_CHILDREN, &ru);
	rep->cpu_ms = tv_ms(ru.ru_utime) + tv_ms(ru.ru_stime);
	rep->max_rss_kib = ru.ru_maxrss;
}

static _Noreturn void init_main(const struct runner *r, int go, int out,
				int report)
{
	struct report rep = { .status = -1 };
	struct errinfo err = ERRINFO_INIT;
	pid_t job;
	char c;

	die_with_parent(0);
	/* Not before we are in our cgroup, and not if our parent is gone. */
	if (read(go, &c, 1) != 1)
		_exit(1);
	if (sandbox_mount_proc()) {
		errinfo_set_errno(&err, -errno, "sandbox: mount /proc");
		report_error(report, &err, -EIO);
	}
	job = fork();
	if (!job)
		job_main(r, out, report);
	if (job < 0)
		report_error(report, &err,
			     errinfo_set_errno(&err, -errno, "fork"));
	close(out);
	reap(job, &rep);
	(void)fileio_write_all(report, &rep, sizeof(rep));
	_exit(0);
}

/* The runner. */

static void end_task(struct runner *r, const char *why)
{
	if (why)
		set_error(r->res, why);
	if (r->init > 0)
		kill(r->init, SIGKILL);
	cgroup_kill(r->cgroup);
}

/* Only time in which we ran counts: a domain that was paused for minutes does
 * not cost its task the wall limit. */
static void count_time(struct runner *r)
{
	int64_t now = clock_boot_ms(), passed = now - r->last_ms;

	r->last_ms = now;
	r->active_ms += passed > PAUSE_MS ? TICK_MS : passed;
}

static void check_limits(struct runner *r)
{
	char why[64];

	if (r->t->wall_sec && r->active_ms > r->t->wall_sec * 1000LL) {
		snprintf(why, sizeof(why), "wall limit of %d s", r->t->wall_sec);
		end_task(r, why);
	} else if (r->t->cpu_sec &&
		   cgroup_cpu_ms(r->cgroup) > r->t->cpu_sec * 1000LL) {
		snprintf(why, sizeof(why), "CPU limit of %d s", r->t->cpu_sec);
		end_task(r, why);
	}
}

/* 0 at the end of output. */
static int take_output(struct runner *r)
{
	static char data[64 * 1024];
	ssize_t n = read(r->out, data, sizeof(data));
	uint64_t room = r->t->output_max - r->size;
	char why[64];

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n)
		return 0;
	if ((uint64_t)n > room) {
		snprintf(why, sizeof(why), "output limit of %llu bytes",
			 (unsigned long long)r->t->output_max);
		end_task(r, why);
		n = (ssize_t)room;
	}
	if (fileio_write_all(r->spool, data, (size_t)n)) {
		end_task(r, "no memory for output");
		return 1;
	}
	r->size += (uint64_t)n;
	return 1;
}

static void take_control(struct runner *r)
{
	char c = 0;

	if (read(r->control, &c, 1) == 1 && c == RUN_CANCEL)
		end_task(r, "cancelled");
	else
		end_task(r, "stopped");
	r->control = -1;
}

static void take_report(struct runner *r)
{
	struct run_result *res = r->res;
	struct report rep;

	r->over = 1;
	/* None, if init itself was killed: by us, or by the kernel. */
	if (fileio_read_all(r->report, &rep, sizeof(rep))) {
		res->signal = SIGKILL;
		return;
	}
	rep.error[sizeof(rep.error) - 1] = '\0';
	if (*rep.error)
		set_error(res, rep.error);
	else if (WIFEXITED(rep.status))
		res->exit = WEXITSTATUS(rep.status);
	else if (WIFSIGNALED(rep.status))
		res->signal = WTERMSIG(rep.status);
	res->cpu_ms = rep.cpu_ms;
	res->max_rss_kib = rep.max_rss_kib;
}

static void watch(struct runner *r)
{
	r->last_ms = clock_boot_ms();
	while (!r->over || r->out >= 0) {
		struct pollfd p[] = {
			{ r->control, POLLIN, 0 },
			{ r->out, POLLIN, 0 },
			{ r->over ? -1 : r->report, POLLIN, 0 },
		};

		poll(p, ARRAY_SIZE(p), TICK_MS);
		count_time(r);
		if (p[0].revents)
			take_control(r);
		if (p[1].revents && !take_output(r))
			drop_fd(&r->out);
		if (p[2].revents)
			take_report(r);
		check_limits(r);
	}
}

static void add_counters(struct runner *r)
{
	int64_t cpu = cgroup_cpu_ms(r->cgroup);
	int64_t peak = cgroup_peak_kib(r->cgroup);
	char why[64];

	r->res->wall_ms = r->active_ms;
	if (cpu >= 0)
		r->res->cpu_ms = cpu;
	if (peak >= 0)
		r->res->max_rss_kib = peak;
	if (cgroup_oom_killed(r->cgroup)) {
		snprintf(why, sizeof(why), "memory limit of %d MiB",
			 r->t->memory_mib);
		set_error(r->res, why);
	}
	if (r->res->signal == SIGXCPU ||
	    (r->res->signal && r->t->cpu_sec &&
	     r->res->cpu_ms > r->t->cpu_sec * 1000LL)) {
		snprintf(why, sizeof(why), "CPU limit of %d s", r->t->cpu_sec);
		set_error(r->res, why);
	}
}

static int start_init(struct runner *r, struct errinfo *err)
{
	int go[2], out[2], report[2];

	if (pipe2(go, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
	    pipe2(report, O_CLOEXEC))
		return errinfo_set_errno(err, -errno, "pipe");
	r->init = fork();
	if (r->init < 0)
		return errinfo_set_errno(err, -errno, "fork");
	if (!r->init) {
		close(go[1]);
		close(out[0]);
		close(report[0]);
		init_main(r, go[0], out[1], report[1]);
	}
	close(go[0]);
	close(out[1]);
	close(report[1]);
	r->out = out[0];
	r->report = report[0];
	if (cgroup_enter(r->cgroup, r->init))
		return errinfo_set_errno(err, -errno, "cgroup");
	if (write(go[1], "g", 1) != 1)
		return errinfo_set_errno(err, -errno, "pipe");
	close(go[1]);
	return 0;
}

static int run_task(const struct worker_config *c, struct runner *r,
		    struct errinfo *err)
{
	int rc = fetch_inputs(c, r->t, r->control, err);

	if (!rc)
		rc = sandbox_user(c->user, &r->uid, &r->gid, err);
	if (!rc)
		rc = sandbox_enter(c, r->t, r->uid, r->gid, err);
	if (!rc)
		rc = start_init(r, err);
	if (rc)
		return rc;
	watch(r);
	waitpid(r->init, NULL, 0);
	add_counters(r);
	return 0;
}

static _Noreturn void runner_main(const struct worker_config *c,
				  const struct task *t, const struct run *run,
				  int control, int result)
{
	struct run_result res = { .exit = -1 };
	struct errinfo err = ERRINFO_INIT;
	struct runner r = { .t = t,
			    .res = &res,
			    .control = control,
			    .spool = run->spool,
			    .cgroup = run->cgroup,
			    .out = -1,
			    .report = -1 };
	int rc = run_task(c, &r, &err);

	if (rc) {
		end_task(&r, errinfo_text(&err, rc));
		/* Why it ended early is not the job's doing. */
		res.exit = -1;
	}
	(void)fileio_write_all(result, &res, sizeof(res));
	_exit(0);
}

/* The worker's side. */

int run_start(const struct worker_config *c, const struct task *t,
	      struct run *r, struct errinfo *err)
{
	int control[2] = { -1, -1 }, result[2] = { -1, -1 };
	pid_t self = getpid();
	int rc;

	*r = (struct run){ c, -1, -1, -1, -1, -1 };
	r->spool = memfd_create("output", MFD_CLOEXEC);
	if (r->spool < 0 || pipe2(control, O_CLOEXEC) || pipe2(result, O_CLOEXEC))
		goto err_close;
	r->cgroup = cgroup_open(c, t);
	r->pid = fork();
	if (r->pid < 0)
		goto err_close;
	if (!r->pid) {
		die_with_parent(self);
		close(control[1]);
		close(result[0]);
		runner_main(c, t, r, control[0], result[1]);
	}
	close(control[0]);
	close(result[1]);
	r->control = control[1];
	r->result = result[0];
	return 0;
err_close:
	rc = errinfo_set_errno(err, -errno, "cannot start a task");
	for (int i = 0; i < 2; i++) {
		drop_fd(&control[i]);
		drop_fd(&result[i]);
	}
	return rc;
}

void run_collect(struct run *r, struct run_result *res)
{
	if (fileio_read_all(r->result, res, sizeof(*res))) {
		*res = (struct run_result){ .exit = -1 };
		set_error(res, "the runner died");
	}
	res->error[sizeof(res->error) - 1] = '\0';
	drop_fd(&r->result);
	waitpid(r->pid, NULL, 0);
	r->pid = -1;
}

void run_dispose(struct run *r)
{
	drop_fd(&r->control);
	if (r->pid > 0) {
		/* It ends by itself, or it hangs in a fetch and is killed. */
		struct pollfd p = { r->result, POLLIN, 0 };

		poll(&p, 1, END_MS);
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		r->pid = -1;
	}
	drop_fd(&r->result);
	drop_fd(&r->spool);
	cgroup_close(r->config, r->cgroup);
	r->cgroup = -1;
}
