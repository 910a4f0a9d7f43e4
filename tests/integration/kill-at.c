/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: dies by SIGKILL just before the KILL_AT-th call that changes a
 * file system, as a machine does whose power fails.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static void count(void)
{
	static int calls;
	const char *at = getenv("KILL_AT");

	if (at && ++calls == atoi(at))
		raise(SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t len)
{
	count();
	/* half of it may have reached the disk */
	if (getenv("KILL_TORN") && len > 1)
		len /= 2;
	return NEXT(write)(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	count();
	return NEXT(pwrite)(fd, data, len, offset);
}

int fsync(int fd)
{
	count();
	return NEXT(fsync)(fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	count();
	return NEXT(renameat)(from_dir, from, to_dir, to);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	count();
	return NEXT(mkdirat)(dir, path, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
	count();
	return NEXT(unlinkat)(dir, path, flags);
}
