/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk - the front of hv_disk.h: checks, then the backend.
 */
#include <errno.h>
#include <string.h>

#include "private.h"

static int check(const char *disk, struct errinfo *err)
{
	size_t n = strspn(disk, "0123456789abcdefghijklmnopqrstuvwxyz._-");

	if (!n || disk[n] || n > HV_DISK_NAME_MAX)
		return errinfo_set(err, -EINVAL, "no name of a disk");
	return 0;
}

int hv_disk_attach(struct hv *hv, const char *disk, uint64_t size, int fd,
		   uint32_t *device_out, struct errinfo *err)
{
	int rc = check(disk, err);

	if (rc)
		return rc;
	if (!size || size % HV_DISK_BLOCK)
		return errinfo_set(err, -EINVAL, "disk of %llu bytes",
				   (unsigned long long)size);
	return hv->ops->disk_attach(hv->be, disk, size, fd, device_out, err);
}

int hv_disk_detach(struct hv *hv, uint32_t device, const char *disk,
		   struct errinfo *err)
{
	int rc = check(disk, err);

	return rc ? rc : hv->ops->disk_detach(hv->be, device, disk, err);
}

int hv_disk_vbd(struct hv *hv, uint32_t device, const char *disk,
		struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		struct errinfo *err)
{
	int rc = check(disk, err);

	return rc ? rc : hv->ops->disk_vbd(hv->be, device, disk, vbd, path, err);
}

int hv_mapped_vbd(struct hv *hv, uint32_t minor, const char *name,
		  struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		  struct errinfo *err)
{
	int rc = check(name, err);

	return rc ? rc : hv->ops->mapped_vbd(hv->be, minor, name, vbd, path, err);
}
