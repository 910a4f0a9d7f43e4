/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv_disk - block devices whose reads another process answers over a socket in
 * the NBD protocol's transmission phase (Linux: drivers/block/nbd.c, generic
 * netlink). Read-only. For the disks of domains:
 *
 *	hv_disk_attach(hv, "debian-12", size, fd, &device, &err);
 *	hv_disk_vbd(hv, device, &cfg.vbds[0], path);
 *	hv_domain_create(hv, &cfg, ...);
 *
 * A device is named by its disk and belongs to the kernel: it outlives this
 * process and the one that answers. While nobody answers, reads wait, for
 * years; attaching the same disk again gives the device the new socket, and
 * what was asked of the old one is asked again (at once, or within the
 * kernel's 30 s for what was under way). Any number of domains may use one.
 *
 * The fake backend reads the whole disk in a thread, in place of a domain, and
 * keeps what it found in DIR/nbd-N: "DISK SIZE READ SHA256-or-dash\n".
 */
#ifndef HV_DISK_H
#define HV_DISK_H

#include "hv.h"

#define HV_DISK_NAME_MAX 64
#define HV_DISK_BLOCK    4096

/* size: bytes, a multiple of HV_DISK_BLOCK. fd, a stream socket: borrowed.
 * -ENODEV where the kernel has no nbd (module `nbd`), -EINVAL, -EIO. */
int hv_disk_attach(struct hv *hv, const char *disk, uint64_t size, int fd,
		   uint32_t *device_out, struct errinfo *err);
/* -ENOENT: no such device, or it is another disk's by now. */
int hv_disk_detach(struct hv *hv, uint32_t device, const char *disk,
		   struct errinfo *err);
/* Fills fd or path (kept in `path`) of *vbd, which vdev is the caller's. */
int hv_disk_vbd(struct hv *hv, uint32_t device, const char *disk,
		struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		struct errinfo *err);

/* The same with a device-mapper device, to be written: its minor, and the name
 * that it must have. -EPERM: it has another. */
int hv_mapped_vbd(struct hv *hv, uint32_t minor, const char *name,
		  struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		  struct errinfo *err);

#endif
