/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotplug - gives a domain its vbds and vifs, and takes them away.
 *
 * libxl 4.17 runs a script for every vbd and vif, whatever it is told
 * (run_hotplug_scripts means nothing any more), so it never hears of ours: we
 * write the xenstore entries by ourselves, between create and unpause, and do
 * what the scripts would do by system calls.
 */
#ifndef HV_HOTPLUG_H
#define HV_HOTPLUG_H

#include <xenstore.h>

#include "hv.h"

/* Before the domain is there: whether its vifs could be connected. */
int hv_hotplug_check(struct xs_handle *xs, const struct hv_config *cfg,
		     struct errinfo *err);
/* Connects all devices of a paused domain. */
int hv_hotplug_add(struct xs_handle *xs, hv_domid domid,
		   const struct hv_config *cfg, struct errinfo *err);
/* Takes all away, from a domain that is paused, dead or gone. Goes on after a
 * failure and returns the first. */
int hv_hotplug_remove(struct xs_handle *xs, hv_domid domid, struct errinfo *err);

int hv_vbd_add(struct xs_handle *xs, hv_domid domid, const struct hv_vbd *vbd,
	       struct errinfo *err);
int hv_vbd_list(struct xs_handle *xs, hv_domid domid, struct hv_vbd_info *out);
int hv_vif_add(struct xs_handle *xs, hv_domid domid, uint32_t devid,
	       const struct hv_vif *vif, struct errinfo *err);
int hv_vif_list(struct xs_handle *xs, hv_domid domid, struct hv_vif_info *out);

#endif
