/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loopdev - loop devices that clean up after themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"

#include "loopdev.h"

#define TRIES 16 /* others may take the number we were given */

static int configure(int dev, int fd)
{
	struct loop_config cfg;

	memset(&cfg, 0, sizeof(cfg));
	cfg.fd = (unsigned int)fd;
	cfg.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
	return ioctl(dev, LOOP_CONFIGURE, &cfg) < 0 ? -errno : 0;
}

int hv_loop_attach(int fd, char path_out[HV_LOOP_PATH], struct errinfo *err)
{
	auto_close int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int i, n, dev, rc = -EBUSY;

	if (ctl < 0)
		return errinfo_set_errno(err, -errno, "/dev/loop-control");
	for (i = 0; i < TRIES && rc == -EBUSY; i++) {
		n = ioctl(ctl, LOOP_CTL_GET_FREE);
		if (n < 0)
			return errinfo_set_errno(err, -errno,
						 "no free loop device");
		snprintf(path_out, HV_LOOP_PATH, "/dev/loop%d", n);
		dev = open(path_out, O_RDONLY | O_CLOEXEC);
		if (dev < 0)
			return errinfo_set_errno(err, -errno, "%s", path_out);
		rc = configure(dev, fd);
		if (!rc)
			return dev;
		close(dev);
	}
	return errinfo_set_errno(err, rc, "%s", path_out);
}
