/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup v2 for the task: memory as a whole, files in RAM included, the
 * number of processes, and counters. We mount the hierarchy for ourselves, so
 * that no init needs to. A kernel that keeps the memory controller elsewhere
 * (cgroup v1) gives us none, which is said once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "worker.h"

#define PIDS_MAX "512"
#define NAME     "task"

static int write_at(int dir, const char *name, const char *value)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static int64_t read_number(int dir, const char *name, const char *key)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char text[4096], *at = text;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (key)
		at = strstr(text, key);
	return at ? strtoll(at + (key ? strlen(key) : 0), NULL, 10) : -1;
}

/* The hierarchy's root, mounted below the state directory. */
static int open_root(const struct worker_config *c)
{
	static int root = -2;
	char path[sizeof(c->state) + 16];

	if (root != -2)
		return root;
	snprintf(path, sizeof(path), "%s/cgroup", c->state);
	root = -1;
	if (mkdir(path, 0700) && errno != EEXIST)
		return root;
	/* Ours of a run before may be there still. */
	umount2(path, MNT_DETACH);
	if (!mount("none", path, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		   NULL))
		root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 &&
	    write_at(root, "cgroup.subtree_control", "+memory +pids")) {
		umount2(path, MNT_DETACH);
		close(root);
		root = -1;
	}
	if (root < 0)
		log_warn("no cgroup v2 with memory and pids: limits hold for "
			 "each process, not for the task as a whole");
	return root;
}

int cgroup_open(const struct worker_config *c, const struct task *t)
{
	int root = open_root(c);
	char value[32];
	int dir;

	if (root < 0)
		return -1;
	unlinkat(root, NAME, AT_REMOVEDIR);
	if (mkdirat(root, NAME, 0700))
		return -1;
	dir = openat(root, NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	snprintf(value, sizeof(value), "%dM", t->memory_mib);
	if (write_at(dir, "memory.max", value) ||
	    write_at(dir, "pids.max", PIDS_MAX)) {
		cgroup_close(c, dir);
		return -1;
	}
	/* Not on every kernel: no swap, and all of the task or nothing. */
	write_at(dir, "memory.swap.max", "0");
	write_at(dir, "memory.oom.group", "1");
	return dir;
}

int cgroup_enter(int dir, pid_t pid)
{
	char text[24];

	if (dir < 0)
		return 0;
	snprintf(text, sizeof(text), "%d", (int)pid);
	return write_at(dir, "cgroup.procs", text);
}

void cgroup_kill(int dir)
{
	if (dir >= 0)
		write_at(dir, "cgroup.kill", "1");
}

int64_t cgroup_cpu_ms(int dir)
{
	int64_t us = dir < 0 ? -1 : read_number(dir, "cpu.stat", "usage_usec ");

	return us < 0 ? -1 : us / 1000;
}

int64_t cgroup_peak_kib(int dir)
{
	int64_t n = dir < 0 ? -1 : read_number(dir, "memory.peak", NULL);

	return n < 0 ? -1 : n / 1024;
}

int cgroup_oom_killed(int dir)
{
	return dir >= 0 && read_number(dir, "memory.events", "oom_kill ") > 0;
}

void cgroup_close(const struct worker_config *c, int dir)
{
	if (dir < 0)
		return;
	cgroup_kill(dir);
	/* The last of them may be on its way out. */
	for (int i = 0; i < 100; i++) {
		if (!unlinkat(open_root(c), NAME, AT_REMOVEDIR) || errno != EBUSY)
			break;
		usleep(10000);
	}
	close(dir);
}
