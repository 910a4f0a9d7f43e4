/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotplug - all devices of a domain.
 */
#include <errno.h>

#include "cleanup.h"

#include "hotplug.h"
#include "netif.h"
#include "xenbus.h"

static const char *const kinds[] = { "vif", "vbd" };

int hv_hotplug_check(struct xs_handle *xs, const struct hv_config *cfg,
		     struct errinfo *err)
{
	char name[HV_XB_VALUE_MAX];
	uint32_t i;

	for (i = 0; i < cfg->vif_count; i++) {
		if (cfg->vifs[i].backend) {
			if (hv_xb_read(xs, name, "/local/domain/%u/name",
				       cfg->vifs[i].backend))
				return errinfo_set(err, -EINVAL,
						   "vif %u: no domain %u", i,
						   cfg->vifs[i].backend);
		} else if (!hv_netif_is_bridge(cfg->vifs[i].bridge)) {
			return errinfo_set(err, -EINVAL, "vif %u: no bridge '%s'",
					   i, cfg->vifs[i].bridge);
		}
	}
	return 0;
}

int hv_hotplug_add(struct xs_handle *xs, hv_domid domid,
		   const struct hv_config *cfg, struct errinfo *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < cfg->vbd_count; i++)
		rc = hv_vbd_add(xs, domid, &cfg->vbds[i], err);
	for (i = 0; !rc && i < cfg->vif_count; i++)
		rc = hv_vif_add(xs, domid, i, &cfg->vifs[i], err);
	return rc;
}

static int remove_one(struct xs_handle *xs, const struct hv_xb_device *d,
		      struct errinfo *err)
{
	int rc;

	rc = hv_xb_begin_remove(xs, d);
	if (rc == -ENOENT) /* half-made, or half removed before */
		rc = 0;
	else if (!rc)
		rc = hv_xb_wait_state(xs, d, HV_XB_CLOSED, HV_BACKEND_WAIT_MS);
	if (rc)
		errinfo_set_errno(err, rc, "%s %u does not close", d->kind,
				  d->devid);
	/* Also where it would not close: the kernel drops a device whose
	 * entries are gone. */
	hv_xb_end_remove(xs, d);
	return rc;
}

int hv_hotplug_remove(struct xs_handle *xs, hv_domid domid, struct errinfo *err)
{
	struct hv_xb_device devs[HV_VBD_MAX + HV_VIF_MAX];
	int j, n, rc = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		n = hv_xb_list(xs, kinds[i], domid, devs, ARRAY_SIZE(devs));
		for (j = 0; j < n; j++) {
			int r = remove_one(xs, &devs[j], rc ? NULL : err);

			rc = rc ? rc : r;
			hv_xb_forget(xs, &devs[j]);
		}
	}
	return rc;
}
