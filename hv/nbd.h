/* SPDX-License-Identifier: Apache-2.0 */
/* nbd - the kernel's network block devices, by generic netlink. */
#ifndef HV_NBD_H
#define HV_NBD_H

#include "hv_disk.h"

int hv_nbd_attach(const char *disk, uint64_t size, int fd, uint32_t *device,
		  struct errinfo *err);
int hv_nbd_detach(uint32_t device, const char *disk, struct errinfo *err);
/* Is that device this disk's? 0 or -ENOENT. */
int hv_nbd_check(uint32_t device, const char *disk, struct errinfo *err);

#endif
