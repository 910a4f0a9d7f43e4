/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that are removed inside a callback are only marked dead and swept
 * after the round, so that callbacks may remove anything.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"

#define SIGNALS_MAX 8

struct loop_fd {
	struct loop *loop;
	struct loop_fd *next;
	int fd, dead;
	short events;
	loop_fd_fn fn;
	void *arg;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next;
	int dead;
	int64_t at_ms; /* on the boot clock; -1 disarmed */
	loop_timer_fn fn;
	void *arg;
};

struct loop_sig {
	int signo;
	loop_signal_fn fn;
	void *arg;
};

struct loop {
	struct loop_fd *fds;
	struct loop_timer *timers;
	struct loop_sig sigs[SIGNALS_MAX];
	int nsigs, sigfd;
	struct pollfd *polled;
	struct loop_fd **owners; /* of polled[i] */
	size_t cap;
	int quit, status;
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l)
		l->sigfd = -1;
	return l;
}

static void sweep(struct loop *l, int all)
{
	struct loop_fd **f = &l->fds;
	struct loop_timer **t = &l->timers;

	while (*f) {
		struct loop_fd *cur = *f;

		if (!cur->dead && !all) {
			f = &cur->next;
			continue;
		}
		*f = cur->next;
		free(cur);
	}
	while (*t) {
		struct loop_timer *cur = *t;

		if (!cur->dead && !all) {
			t = &cur->next;
			continue;
		}
		*t = cur->next;
		free(cur);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	sweep(l, 1);
	if (l->sigfd >= 0)
		close(l->sigfd);
	free(l->polled);
	free(l->owners);
	free(l);
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, short events, loop_fd_fn fn,
			    void *arg)
{
	struct loop_fd *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct loop_fd){ l, l->fds, fd, 0, events, fn, arg };
	l->fds = f;
	return f;
}

void loop_fd_set_events(struct loop_fd *f, short events)
{
	f->events = events;
}

void loop_fd_del(struct loop_fd *f)
{
	if (f)
		f->dead = 1;
}

struct loop_timer *loop_timer_add(struct loop *l, loop_timer_fn fn, void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct loop_timer){ l, l->timers, 0, -1, fn, arg };
	l->timers = t;
	return t;
}

void loop_timer_set(struct loop_timer *t, int64_t after_ms)
{
	t->at_ms = clock_boot_ms() + (after_ms > 0 ? after_ms : 0);
}

void loop_timer_clear(struct loop_timer *t)
{
	t->at_ms = -1;
}

void loop_timer_del(struct loop_timer *t)
{
	if (t)
		t->dead = 1;
}

static void deliver_signal(int fd, short revents, void *arg)
{
	struct signalfd_siginfo info;
	struct loop *l = arg;

	(void)revents;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (int i = 0; i < l->nsigs; i++)
			if (l->sigs[i].signo == (int)info.ssi_signo)
				l->sigs[i].fn(l->sigs[i].signo, l->sigs[i].arg);
}

int loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg)
{
	sigset_t set;
	int fd;

	if (l->nsigs == SIGNALS_MAX)
		return -ENOSPC;
	sigemptyset(&set);
	for (int i = 0; i < l->nsigs; i++)
		sigaddset(&set, l->sigs[i].signo);
	sigaddset(&set, signo);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(l->sigfd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (l->sigfd < 0) {
		l->sigfd = fd;
		if (!loop_fd_add(l, fd, POLLIN, deliver_signal, l))
			return -ENOMEM;
	}
	l->sigs[l->nsigs++] = (struct loop_sig){ signo, fn, arg };
	return 0;
}

/* Milliseconds until the next timer, -1 if there is none. */
static int next_timeout(const struct loop *l)
{
	int64_t best = -1, now = clock_boot_ms();

	for (const struct loop_timer *t = l->timers; t; t = t->next) {
		int64_t left;

		if (t->dead || t->at_ms < 0)
			continue;
		left = t->at_ms > now ? t->at_ms - now : 0;
		if (best < 0 || left < best)
			best = left;
	}
	return best > 60000 ? 60000 : (int)best;
}

static int collect(struct loop *l, size_t *count)
{
	size_t n = 0;

	for (struct loop_fd *f = l->fds; f; f = f->next)
		n++;
	if (n > l->cap) {
		size_t cap = n * 2;
		struct pollfd *p;
		struct loop_fd **o;

		p = reallocarray(l->polled, cap, sizeof(*p));
		if (!p)
			return -ENOMEM;
		l->polled = p;
		o = reallocarray(l->owners, cap, sizeof(struct loop_fd *));
		if (!o)
			return -ENOMEM;
		l->owners = o;
		l->cap = cap;
	}
	n = 0;
	for (struct loop_fd *f = l->fds; f; f = f->next) {
		l->polled[n] = (struct pollfd){ f->fd, f->events, 0 };
		l->owners[n++] = f;
	}
	*count = n;
	return 0;
}

static void fire_timers(struct loop *l)
{
	int64_t now = clock_boot_ms();

	for (struct loop_timer *t = l->timers; t; t = t->next) {
		if (t->dead || t->at_ms < 0 || t->at_ms > now)
			continue;
		t->at_ms = -1;
		t->fn(t->arg);
	}
}

int loop_run(struct loop *l)
{
	size_t n;
	int rc;

	l->quit = 0;
	while (!l->quit) {
		sweep(l, 0);
		rc = collect(l, &n);
		if (rc)
			return rc;
		rc = poll(l->polled, n, next_timeout(l));
		if (rc < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; rc > 0 && i < n; i++)
			if (l->polled[i].revents && !l->owners[i]->dead)
				l->owners[i]->fn(l->polled[i].fd,
						 l->polled[i].revents,
						 l->owners[i]->arg);
		fire_timers(l);
	}
	sweep(l, 0);
	return l->status;
}

void loop_quit(struct loop *l, int status)
{
	l->quit = 1;
	l->status = status;
}
