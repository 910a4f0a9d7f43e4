/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userspace - wireguard-go as a process of its own.
 *
 * It gets the listening socket from us, so that the first request waits until
 * it serves. It insists on a file in /run/wireguard as well, to see when its
 * socket is removed: a mount namespace of its own gives it one, where an
 * ordinary user may not write to /run.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "private.h"

#define PROGRAM   "wireguard-go"
#define SOCKET_FD 3

/* 0 if one answers there, for an interface that is there. */
static int try_running(struct wg *w)
{
	struct wg_peer *peers;
	size_t n;
	int rc;

	if (!if_nametoindex(w->ifname))
		return -ENODEV;
	rc = w->backend->get_peers(w, &peers, &n, NULL);
	if (!rc)
		free(peers);
	return rc;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t mask;
	int rc;

	if (fd < 0)
		return -errno;
	strcpy(sun.sun_path, path);
	unlink(path);
	mask = umask(0077); /* it gives out the private key */
	rc = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ? -errno : 0;
	umask(mask);
	if (!rc && listen(fd, 8))
		rc = -errno;
	return rc ? rc : TAKE_FD(fd);
}

static void make_run(const struct wg *w)
{
	char path[64];
	int fd;

	if (!unshare(CLONE_NEWNS) &&
	    !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		(void)!mount("none", "/run", "tmpfs", MS_NOSUID | MS_NODEV,
			     "mode=0755,size=64k");
	mkdir("/run/wireguard", 0755);
	snprintf(path, sizeof(path), "/run/wireguard/%s.sock", w->ifname);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

/* In the child: no way back, and no memory of ours to allocate, as the caller
 * may have threads. */
static void become(const struct wg *w, int fd)
{
	static const char *const env[] = { "WG_UAPI_FD=3", "LOG_LEVEL=silent",
					   NULL };
	const char *const argv[] = { PROGRAM, "-f", w->ifname, NULL };
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	make_run(w);
	/* It greets on stderr, and an unreachable node is an error to it. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(fd, SOCKET_FD) < 0 || fcntl(SOCKET_FD, F_SETFD, 0))
		_exit(127);
	close_range(SOCKET_FD + 1, ~0U, 0);
	execvpe(PROGRAM, (char *const *)argv, (char *const *)env);
	_exit(127);
}

/* A grandchild, so that nobody has to wait for it. */
static int start(const struct wg *w, int fd)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid) {
		pid = fork();
		if (pid)
			_exit(pid < 0);
		become(w, fd);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return -EAGAIN;
	return 0;
}

int wg_userspace_start(struct wg *w, struct errinfo *err)
{
	auto_close int fd = -1;
	struct wg_peer *peers;
	size_t n;
	int rc = try_running(w);

	if (!rc)
		return 0;
	fd = listen_at(w->socket);
	if (fd < 0)
		return errinfo_set_errno(err, fd, "%s", w->socket);
	rc = start(w, fd);
	if (rc)
		return errinfo_set_errno(err, rc, PROGRAM);
	/* Ours is the last but its own: it is told at once if it ends. */
	close(TAKE_FD(fd));
	/* This waits until it serves: its interface is there then. */
	rc = w->backend->get_peers(w, &peers, &n, NULL);
	if (rc)
		return errinfo_set(err, -EOPNOTSUPP,
				   "%s: this kernel has no WireGuard, and " PROGRAM
				   " does not start: is it installed, "
				   "and /dev/net/tun there?",
				   w->ifname);
	free(peers);
	return 0;
}
