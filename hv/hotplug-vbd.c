/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotplug-vbd - block devices: loop device, xen-blkback.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

#include "hotplug.h"
#include "loopdev.h"
#include "xenbus.h"

#define XVD_MAJOR 202
#define POLL_MS   10

/* xen/io/blkif.h: 202 << 8 | disk << 4 | partition, for the first 16 disks. */
static uint32_t vdev_number(const char *vdev)
{
	return XVD_MAJOR << 8 | (uint32_t)(vdev[3] - 'a') << 4;
}

static int add_entries(struct xs_handle *xs, const struct hv_xb_device *d,
		       const struct hv_vbd *vbd, const char *path)
{
	char number[12];
	const struct hv_xb_node front[] = {
		{ "virtual-device", number },
		{ "device-type", "disk" },
		{ NULL, NULL },
	};
	const struct hv_xb_node back[] = {
		{ "type", "phy" },
		{ "dev", vbd->vdev },
		{ "params", path },
		{ "mode", vbd->writable ? "w" : "r" },
		{ "device-type", "disk" },
		{ "removable", "0" },
		{ "bootable", "1" },
		{ "discard-enable", vbd->writable ? "1" : "0" },
		{ NULL, NULL },
	};

	snprintf(number, sizeof(number), "%u", d->devid);
	return hv_xb_add(xs, d, front, back);
}

/* The kernel shows this file once the backend has opened its device, and only
 * from then on does it hold a loop device by itself. */
static int wait_opened(const struct hv_xb_device *d)
{
	int64_t end = clock_boot_ms() + HV_BACKEND_WAIT_MS;
	char path[128];

	snprintf(path, sizeof(path),
		 "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device",
		 d->domid, d->devid);
	while (access(path, F_OK) < 0) {
		if (clock_boot_ms() >= end)
			return -ETIMEDOUT;
		hv_sleep_ms(POLL_MS);
	}
	return 0;
}

static int connect_backend(struct xs_handle *xs, const struct hv_xb_device *d,
			   const char *path, struct errinfo *err)
{
	struct stat st;
	char device[32];
	int rc;

	if (stat(path, &st) < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	rc = hv_xb_wait_state(xs, d, HV_XB_INITWAIT, HV_BACKEND_WAIT_MS);
	if (rc)
		return errinfo_set_errno(err, rc, "no block backend");
	snprintf(device, sizeof(device), "%x:%x", major(st.st_rdev),
		 minor(st.st_rdev));
	rc = hv_xb_backend_write(xs, d, "physical-device", device);
	if (!rc)
		rc = hv_xb_backend_write(xs, d, "hotplug-status", "connected");
	if (rc)
		return errinfo_set_errno(err, rc, "xenstore");
	rc = wait_opened(d);
	if (rc)
		return errinfo_set_errno(err, rc, "backend and %s", path);
	return 0;
}

int hv_vbd_add(struct xs_handle *xs, hv_domid domid, const struct hv_vbd *vbd,
	       struct errinfo *err)
{
	struct hv_xb_device d = { .kind = "vbd",
				  .domid = domid,
				  .devid = vdev_number(vbd->vdev) };
	auto_close int loop = -1;
	const char *path = vbd->path;
	char loop_path[HV_LOOP_PATH];
	int rc;

	if (vbd->fd >= 0) {
		loop = hv_loop_attach(vbd->fd, loop_path, err);
		if (loop < 0)
			return errinfo_wrap(err, loop, "vbd %s", vbd->vdev);
		path = loop_path;
	}
	rc = add_entries(xs, &d, vbd, path);
	if (rc)
		return errinfo_set_errno(err, rc, "vbd %s: xenstore", vbd->vdev);
	rc = connect_backend(xs, &d, path, err);
	return rc ? errinfo_wrap(err, rc, "vbd %s", vbd->vdev) : 0;
}

int hv_vbd_list(struct xs_handle *xs, hv_domid domid, struct hv_vbd_info *out)
{
	char value[HV_XB_VALUE_MAX];
	struct hv_xb_device devs[HV_VBD_MAX];
	int i, n;

	n = hv_xb_list(xs, "vbd", domid, devs, HV_VBD_MAX);
	for (i = 0; i < n; i++) {
		const struct hv_xb_device *d = &devs[i];

		snprintf(out[i].vdev, sizeof(out[i].vdev), "xvd%c",
			 'a' + (d->devid >> 4 & 15));
		if (!hv_xb_backend_read(xs, d, "params", value))
			snprintf(out[i].device, sizeof(out[i].device), "%s",
				 value);
		if (!hv_xb_backend_read(xs, d, "mode", value))
			out[i].writable = !strcmp(value, "w");
		if (!hv_xb_backend_read(xs, d, "state", value))
			out[i].connected = !strcmp(value, "4");
	}
	return n;
}
