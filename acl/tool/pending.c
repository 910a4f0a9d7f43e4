/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "acl.h"
#include "cleanup.h"
#include "fileio.h"
#include "pending.h"

#define NAME      "acl.pending"
#define CONFIRMED ".confirmed"
#define TAKEN     ".taken"
#define SAVE_MAX  (64 * 1024 * 1024)
#define LOOK_MS   200

static char *path_of(const char *state, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s/" NAME "%s", state, suffix) < 0 ? NULL : path;
}

int pending_begin(const char *state, struct errinfo *err)
{
	auto_free char *path = path_of(state, ""),
		       *done = path_of(state, CONFIRMED), *text = NULL;
	auto_close int fd = -1;
	int rc;

	if (!path || !done)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = acl_nft_save(&text, err);
	if (rc)
		return rc;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return errinfo_set(err, -EBUSY,
				   "another change waits (%s): aclc confirm or "
				   "aclc revert first",
				   path);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	unlink(done); /* of a guard that was killed */
	rc = fileio_write_all(fd, text, strlen(text));
	if (!rc && fsync(fd))
		rc = -errno;
	if (!rc)
		return 0;
	unlink(path);
	return errinfo_set_errno(err, rc, "%s", path);
}

/* Takes the file away from everybody else. */
static int take(const char *path, const char *to, struct errinfo *err)
{
	if (!rename(path, to))
		return 0;
	if (errno == ENOENT)
		return errinfo_set(err, -ENOENT,
				   "no change waits to be confirmed");
	return errinfo_set_errno(err, -errno, "%s", path);
}

/* The guard finds this and knows how it ended. */
int pending_confirm(const char *state, struct errinfo *err)
{
	auto_free char *path = path_of(state, ""),
		       *done = path_of(state, CONFIRMED);

	if (!path || !done)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return take(path, done, err);
}

int pending_revert(const char *state, struct errinfo *err)
{
	auto_free char *path = path_of(state, ""), *mine = path_of(state, TAKEN);
	auto_free char *text = NULL;
	int rc;

	if (!path || !mine)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = take(path, mine, err);
	if (rc)
		return rc;
	rc = fileio_read(mine, SAVE_MAX, &text, NULL, err);
	if (!rc)
		rc = acl_nft_run(text, 0, err);
	/* Else it stays: it is all that is left of the old rules. */
	if (!rc)
		unlink(mine);
	return rc;
}

void pending_cancel(const char *state)
{
	auto_free char *path = path_of(state, "");

	if (path)
		unlink(path);
}

static int64_t now_ms(void)
{
	struct timespec t;

	/* Runs on while the machine sleeps. */
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void guard(const char *state, int64_t deadline)
{
	const struct timespec look = { 0, LOOK_MS * 1000000L };
	auto_free char *path = path_of(state, ""),
		       *done = path_of(state, CONFIRMED);
	struct errinfo err = ERRINFO_INIT;
	int rc;

	while (path && done && access(path, F_OK) == 0 && now_ms() < deadline)
		nanosleep(&look, NULL);
	rc = pending_revert(state, &err);
	if (rc && rc != -ENOENT)
		fprintf(stderr, "aclc: cannot go back to the old rules: %s\n",
			errinfo_text(&err, rc));
	_exit(rc == -ENOENT && done && unlink(done) == 0 ? 0 : 1);
}

int pending_guard(const char *state, int seconds, int *fd_out, struct errinfo *err)
{
	const int64_t deadline = now_ms() + (int64_t)seconds * 1000;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return errinfo_set_errno(err, -errno, "pipe");
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return errinfo_set_errno(err, -errno, "fork");
	}
	if (pid == 0) {
		/* The terminal may go; the old rules come all the same. */
		setsid();
		signal(SIGHUP, SIG_IGN);
		signal(SIGPIPE, SIG_IGN);
		close(fds[0]);
		guard(state, deadline);
	}
	close(fds[1]);
	*fd_out = fds[0];
	return 0;
}
