/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-scratch - what hv looks at itself before a domU starts: no module can be
 * loaded any more, and xvdb is the one device that it may be.
 */
#ifndef HV_SCRATCH_H
#define HV_SCRATCH_H

#include "hv.h"

/* -EPERM: modules can still be loaded. */
int hv_modules_check(struct errinfo *err);
/* Adds xvdb to cfg; path: room for the device's. */
int hv_scratch_add(struct hv *hv, uint32_t minor, struct hv_config *cfg,
		   char path[HV_PATH_MAX + 1], struct errinfo *err);

#endif
