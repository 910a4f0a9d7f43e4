/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small things that several commands need.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "tool.h"

extern char **environ;

int tool_fail(const struct errinfo *err, int rc)
{
	fprintf(stderr, TOOL_NAME ": %s\n", errinfo_text(err, rc));
	return CMD_EXIT_FAILED;
}

char *tool_join(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

const char *tool_size(uint64_t bytes, char out[TOOL_SIZE])
{
	static const char units[][4] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		i++;
	}
	snprintf(out, TOOL_SIZE, i ? "%.1f %s" : "%.0f %s", v, units[i]);
	return out;
}

int tool_parse_at(const char *text, int64_t *unix_ms)
{
	return clock_parse(text, unix_ms)
		       ? cmd_misuse("--at: '%s' is not of the form "
				    "2026-11-21T02:00:00Z",
				    text)
		       : 0;
}

static int spawn(const char *const argv[], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
					 O_WRONLY, 0);
	r = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv,
			 environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int tool_run(const char *const argv[], const char *package, struct errinfo *err)
{
	int status = 0, rc;
	pid_t pid = -1;

	rc = spawn(argv, &pid);
	if (rc == -ENOENT)
		return errinfo_set(err, rc,
				   "%s is missing: install the package %s",
				   argv[0], package);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errinfo_set_errno(err, -errno, "%s", argv[0]);
	if (WIFSIGNALED(status))
		return errinfo_set(err, -EIO, "%s was killed by signal %d",
				   argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status))
		return errinfo_set(err, -EIO, "%s failed (exit status %d)",
				   argv[0], WEXITSTATUS(status));
	return 0;
}
