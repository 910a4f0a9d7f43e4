/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-scratch - see fake-scratch.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fake-scratch.h"
#include "fileio.h"

#define PATH 256
#define MIB  (UINT64_C(1) << 20)

static char *path_of(char path[PATH], const char *dir, const char *name)
{
	snprintf(path, PATH, "%s/%s", dir, name);
	return path;
}

static int there(const char *dir, const char *name)
{
	char path[PATH];

	return !access(path_of(path, dir, name), F_OK);
}

static int touch(const char *dir, const char *name)
{
	char path[PATH];
	auto_close int fd = open(path_of(path, dir, name),
				 O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 || write(fd, "1\n", 2) != 2 ? -EIO : 0;
}

void fake_scratch_state(const char *dir, struct msg_scratch_done *d)
{
	d->closed = there(dir, "modules-closed");
	d->drivers = there(dir, "drivers");
	d->device = there(dir, "scratch-open") ? 0 : -1;
	d->size = d->device < 0 ? 0 : 64 * MIB;
}

int fake_scratch_prepare(const char *dir, int has_drivers)
{
	int rc = has_drivers ? touch(dir, "drivers") : 0;

	return rc ? rc : touch(dir, "modules-closed");
}

int fake_scratch_open(const char *dir, struct errinfo *err)
{
	auto_free char *text = NULL;
	char path[PATH];
	int rc;

	rc = fileio_read(path_of(path, dir, "scratch"), 256, &text, NULL, NULL);
	if (rc)
		return errinfo_set(err, -ENOENT, "no partition has that label");
	if (*text)
		return errinfo_set(err, -EEXIST, "%.*s",
				   (int)strcspn(text, "\n"), text);
	return touch(dir, "scratch-open");
}

int fake_scratch_close(const char *dir)
{
	char path[PATH];

	return unlink(path_of(path, dir, "scratch-open")) ? -errno : 0;
}
