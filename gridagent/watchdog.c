/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog - see watchdog.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"
#include "watchdog.h"

#define DEVICE "/dev/watchdog"

int watchdog_open(int timeout_sec, struct errinfo *err)
{
	int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, DEVICE);
	if (ioctl(fd, WDIOC_SETTIMEOUT, &timeout_sec) < 0) {
		rc = errinfo_set_errno(err, -errno, DEVICE ": %d s", timeout_sec);
		close(fd);
		return rc;
	}
	return fd;
}

void watchdog_feed(int fd)
{
	if (fd >= 0 && ioctl(fd, WDIOC_KEEPALIVE, 0) < 0)
		log_warn("%s: %s", DEVICE, strerror(errno));
}
