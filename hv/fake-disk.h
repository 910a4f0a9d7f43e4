/* SPDX-License-Identifier: Apache-2.0 */
/* fake-disk - hv_disk.h for the fake backend. */
#ifndef HV_FAKE_DISK_H
#define HV_FAKE_DISK_H

#include "fake-file.h"
#include "hv_disk.h"

int hv_fake_disk_attach(void *be, const char *disk, uint64_t size, int fd,
			uint32_t *device_out, struct errinfo *err);
int hv_fake_disk_detach(void *be, uint32_t device, const char *disk,
			struct errinfo *err);
int hv_fake_disk_vbd(void *be, uint32_t device, const char *disk,
		     struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		     struct errinfo *err);
int hv_fake_mapped_vbd(void *be, uint32_t minor, const char *name,
		       struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		       struct errinfo *err);
void hv_fake_disks_end(struct hv_fake *f);

#endif
