/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loopdev - a read-only block device over a file descriptor.
 */
#ifndef HV_LOOPDEV_H
#define HV_LOOPDEV_H

#include "errinfo.h"

#define HV_LOOP_PATH 24 /* "/dev/loop123" */

/*
 * Attaches fd to a free loop device, read-only, and returns the open device;
 * path_out names it. The kernel detaches it by itself once its last user has
 * closed it: us, a block backend, or a process of ours that died.
 */
int hv_loop_attach(int fd, char path_out[HV_LOOP_PATH], struct errinfo *err);

#endif
