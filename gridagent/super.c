/* SPDX-License-Identifier: Apache-2.0 */
/*
 * super - the process that starts the others. It holds no key, reads no message
 * and no foreign byte: it only forks, waits, and hands main the socket of a
 * child that it had to start anew (which main itself, without rights, cannot).
 *
 * Each child is forked from this clean process, so that nothing one of them
 * learned lies in another's memory.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "ipc.h"
#include "log.h"

/* A child that dies sooner than this is started anew only after as long. */
#define RESTART_MS 1000

struct super {
	const struct options *o;
	const struct child *children;
	int n;
	pid_t pid[MSG_ROLES];
	int64_t started_ms[MSG_ROLES];
	struct ipc *main;
	int stopping;
	int status;
};

static const struct child *child_of(const struct super *s, pid_t pid)
{
	for (int i = 0; i < s->n; i++)
		if (s->pid[s->children[i].role] == pid)
			return &s->children[i];
	return NULL;
}

/* In the new process: from here to the sandbox it has super's rights. */
static void child_start(const struct super *s, const struct child *c,
			const struct child_fds *fds)
{
	struct errinfo err = ERRINFO_INIT;
	char empty[4096], name[16];
	sigset_t none;
	int uid, rc;

	log_init("gridagent", msg_role_name(c->role));
	snprintf(name, sizeof(name), "grid:%s", msg_role_name(c->role));
	prctl(PR_SET_NAME, name);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(empty, sizeof(empty), "%s/empty", s->o->state_dir);
	uid = c->uid_offset < 0 ? -1 : s->o->uid_base + c->uid_offset;
	rc = c->prepare(s->o, &err);
	if (!rc)
		rc = sandbox_enter(c->sandbox, uid, empty, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
		_exit(1);
	}
	rc = c->run(fds);
	fflush(NULL);
	_exit(rc); /* what libraries do at exit is not in the sandbox's list */
}

static int child_fork(struct super *s, const struct child *c,
		      const struct child_fds *fds, const int *theirs, int n)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		ipc_free(s->main);
		for (int i = 0; i < n; i++)
			close(theirs[i]);
		child_start(s, c, fds);
	}
	s->pid[c->role] = pid;
	s->started_ms[c->role] = clock_boot_ms();
	return 0;
}

static void fds_init(struct child_fds *fds)
{
	fds->super = -1;
	for (int i = 0; i < MSG_ROLES; i++)
		fds->peer[i] = -1;
}

/* The roles that a child stands for, as bits. */
static unsigned int roles_of(const struct child *c)
{
	return c->plays ? c->plays : 1U << c->role;
}

/* The sockets that super holds while it starts children. */
struct ends {
	int up[2];
	int pair[MSG_ROLES][2]; /* the first child's, the other's; -1: none */
};

static void ends_close(struct ends *e)
{
	for (int i = 0; i < MSG_ROLES; i++)
		for (int j = 0; j < 2; j++)
			if (e->pair[i][j] >= 0)
				close(e->pair[i][j]);
}

static int ends_open(struct ends *e, unsigned int roles)
{
	int rc = 0;

	memset(e->pair, -1, sizeof(e->pair));
	for (int i = 0; i < MSG_ROLES && !rc; i++)
		if (roles & 1U << i)
			rc = ipc_pair(e->pair[i]);
	if (rc)
		ends_close(e);
	return rc;
}

/* Forks a child that gets side `side` of the pairs of `roles`, and closes all
 * other ends there. */
static int child_start_with(struct super *s, const struct child *c,
			    const struct ends *e, int side, unsigned int roles)
{
	int others[2 * MSG_ROLES + 2], n = 0;
	struct child_fds fds;

	fds_init(&fds);
	for (int i = 0; i < MSG_ROLES; i++)
		for (int j = 0; j < 2; j++) {
			if (e->pair[i][j] < 0)
				continue;
			if (j == side && roles & 1U << i)
				fds.peer[i] = e->pair[i][j];
			else
				others[n++] = e->pair[i][j];
		}
	if (side && !c->plays)
		fds.peer[MSG_MAIN] = fds.peer[c->role];
	if (e->up[0] >= 0) {
		others[n++] = e->up[0];
		if (c->role == MSG_MAIN)
			fds.super = e->up[1];
		else
			others[n++] = e->up[1];
	}
	return child_fork(s, c, &fds, others, n);
}

static int start_all(struct super *s)
{
	unsigned int roles = 0;
	struct ends e;
	int rc;

	for (int i = 1; i < s->n; i++)
		roles |= roles_of(&s->children[i]);
	rc = ends_open(&e, roles);
	if (rc)
		return rc;
	rc = ipc_pair(e.up);
	if (!rc)
		rc = child_start_with(s, &s->children[0], &e, 0, roles);
	for (int i = 1; i < s->n && !rc; i++)
		rc = child_start_with(s, &s->children[i], &e, 1,
				      roles_of(&s->children[i]));
	ends_close(&e);
	close(e.up[1]);
	s->main = ipc_new(e.up[0], MSG_SUPER, MSG_MAIN, 0);
	return s->main ? rc : -ENOMEM;
}

static int restart(struct super *s, const struct child *c)
{
	struct ends e = { .up = { -1, -1 } };
	struct msg_super_child body;
	int rc;

	if (clock_boot_ms() - s->started_ms[c->role] < RESTART_MS)
		usleep(RESTART_MS * 1000);
	rc = ends_open(&e, roles_of(c));
	if (rc)
		return rc;
	rc = child_start_with(s, c, &e, 1, roles_of(c));
	for (int i = 0; i < MSG_ROLES && !rc; i++) {
		if (e.pair[i][0] < 0)
			continue;
		body.role = i;
		rc = ipc_send(s->main, MSG_SUPER_CHILD, 0, &body, NULL, 0,
			      &e.pair[i][0], 1);
	}
	ends_close(&e);
	return rc;
}

static void stop(struct super *s, int status)
{
	if (!s->stopping)
		s->status = status;
	s->stopping = 1;
}

/* Does main's end tell init what to do? */
static int has_word(int wstatus)
{
	return WIFEXITED(wstatus) && (WEXITSTATUS(wstatus) == AGENT_EXIT_FENCED ||
				      WEXITSTATUS(wstatus) == AGENT_EXIT_NO_NET);
}

static void on_exit_of(struct super *s, const struct child *c, int wstatus)
{
	int rc;

	s->pid[c->role] = 0;
	if (c->role == MSG_MAIN && has_word(wstatus)) {
		/* It is why the others ended, even if they were seen first. */
		s->stopping = 1;
		s->status = WEXITSTATUS(wstatus);
		return;
	}
	if (s->stopping)
		return;
	if (WIFSIGNALED(wstatus))
		log_warn("%s: killed by signal %d", msg_role_name(c->role),
			 WTERMSIG(wstatus));
	else
		log_warn("%s: ended with status %d", msg_role_name(c->role),
			 WEXITSTATUS(wstatus));
	if (!c->restart) {
		stop(s, EXIT_FAILURE);
		return;
	}
	rc = restart(s, c);
	if (rc) {
		log_err("%s: cannot be started anew: %s",
			msg_role_name(c->role), strerror(-rc));
		stop(s, EXIT_FAILURE);
		return;
	}
	log_info("%s: started anew", msg_role_name(c->role));
}

static void reap(struct super *s)
{
	const struct child *c;
	int wstatus;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0) {
		c = child_of(s, pid);
		if (c)
			on_exit_of(s, c, wstatus);
	}
}

static void end_all(struct super *s)
{
	int wstatus[MSG_ROLES] = { 0 };

	for (int i = 0; i < MSG_ROLES; i++)
		if (s->pid[i] > 0)
			kill(s->pid[i], SIGTERM);
	for (int i = 0; i < MSG_ROLES; i++)
		if (s->pid[i] > 0 && waitpid(s->pid[i], &wstatus[i], 0) < 0)
			wstatus[i] = 0;
	/* Main's end ends the others, and theirs may be seen before its own. */
	if (has_word(wstatus[MSG_MAIN]))
		s->status = WEXITSTATUS(wstatus[MSG_MAIN]);
}

int super_run(const struct options *o, const struct child *children, int n)
{
	struct super s = { .o = o, .children = children, .n = n };
	sigset_t set;
	int rc, sig;

	/* Whatever else was open in who started us is not for the children. */
	close_range(3, ~0U, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	rc = start_all(&s);
	if (rc) {
		log_err("cannot start: %s", strerror(-rc));
		stop(&s, EXIT_FAILURE);
	}
	while (!s.stopping) {
		sig = sigwaitinfo(&set, NULL);
		if (sig == SIGCHLD)
			reap(&s);
		else if (sig > 0)
			stop(&s, EXIT_SUCCESS);
	}
	end_all(&s);
	ipc_free(s.main);
	return s.status;
}
