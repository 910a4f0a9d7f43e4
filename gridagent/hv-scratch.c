/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-scratch - see hv-scratch.h.
 */
#include <errno.h>

#include "cleanup.h"
#include "fileio.h"
#include "hv-scratch.h"
#include "hv_disk.h"
#include "scratch.h"

#define MODULES_DISABLED "/proc/sys/kernel/modules_disabled"

int hv_modules_check(struct errinfo *err)
{
	auto_free char *text = NULL;

	if (!fileio_read(MODULES_DISABLED, 64, &text, NULL, err) && text[0] == '1')
		return 0;
	return errinfo_set(err, -EPERM, "kernel modules are not closed yet");
}

int hv_scratch_add(struct hv *hv, uint32_t minor, struct hv_config *cfg,
		   char path[HV_PATH_MAX + 1], struct errinfo *err)
{
	struct hv_vbd *vbd = &cfg->vbds[cfg->vbd_count++];

	*vbd = (struct hv_vbd){ .vdev = "xvdb", .fd = -1 };
	return hv_mapped_vbd(hv, minor, SCRATCH_NAME, vbd, path, err);
}
