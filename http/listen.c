/* SPDX-License-Identifier: Apache-2.0 */
/* The unix socket that a server listens on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "httpd-private.h"

#define BACKLOG 511

/* Somebody answers at the other end: not ours to replace. */
static int socket_is_live(const struct sockaddr_un *addr)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 &&
	       !connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

/*
 * Bound under another name and renamed into place: the socket never stands
 * under its name with the wrong mode, and a stale one is replaced at once.
 */
static int bind_and_rename(int fd, const char *path, struct errinfo *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.%d", path,
			 (int)getpid());

	if (n < 0 || (size_t)n >= sizeof(addr.sun_path))
		return errinfo_set(err, -ENAMETOOLONG,
				   "socket path is too long: %s", path);
	unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return errinfo_set_errno(err, -errno, "bind %s", addr.sun_path);
	if (chmod(addr.sun_path, 0660) || listen(fd, BACKLOG) ||
	    rename(addr.sun_path, path)) {
		int rc = -errno;

		unlink(addr.sun_path);
		return errinfo_set_errno(err, rc, "listen on %s", path);
	}
	return 0;
}

int httpd_listen(const char *path, int *fd_out, struct errinfo *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = -1;
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return errinfo_set(err, -ENAMETOOLONG,
				   "socket path is too long: %s", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (socket_is_live(&addr))
		return errinfo_set(err, -EADDRINUSE,
				   "%s: another server listens there", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "socket");
	rc = bind_and_rename(fd, path, err);
	if (rc)
		return rc;
	*fd_out = TAKE_FD(fd);
	return 0;
}
