/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotplug-vif - network interfaces: xen-netback, into a bridge of ours or in a
 * driver domain, which does its part by itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

#include "hotplug.h"
#include "netif.h"
#include "xenbus.h"

#define RATE_USEC 50000 /* credit is given that often, as libxl does */

static void name_vif(char out[HV_IFNAME_MAX + 1], const struct hv_xb_device *d)
{
	snprintf(out, HV_IFNAME_MAX + 1, "vif%u.%u", d->domid, d->devid);
}

/* "BYTES,USEC" as netback reads it. */
static void format_rate(char out[40], uint32_t kbps)
{
	uint64_t bytes = (uint64_t)kbps * 1000 / 8 * RATE_USEC / 1000000;

	snprintf(out, 40, "%" PRIu64 ",%d", bytes, RATE_USEC);
}

static int add_entries(struct xs_handle *xs, const struct hv_xb_device *d,
		       const struct hv_vif *vif)
{
	char handle[12], mac[PARSE_MAC_STR], rate[40], address[PARSE_IPV4_STR];
	const struct hv_xb_node front[] = {
		{ "handle", handle },
		{ "mac", mac },
		{ NULL, NULL },
	};
	/* netback refuses a vif without "script", and only repeats it in its
	 * uevents: nothing runs. */
	const struct hv_xb_node back[] = {
		{ "handle", handle },
		{ "mac", mac },
		{ d->backend ? "ip" : "bridge",
		  d->backend ? address : vif->bridge },
		{ "type", "vif" },
		{ "script", "none" },
		{ vif->rate_kbps ? "rate" : NULL, rate },
		{ NULL, NULL },
	};

	snprintf(handle, sizeof(handle), "%u", d->devid);
	format_mac(vif->mac, mac);
	format_rate(rate, vif->rate_kbps);
	format_ipv4(vif->address, address);
	return hv_xb_add(xs, d, front, back);
}

static int connect_backend(struct xs_handle *xs, const struct hv_xb_device *d,
			   const char *bridge, struct errinfo *err)
{
	char ifname[HV_IFNAME_MAX + 1];
	int rc;

	name_vif(ifname, d);
	rc = hv_xb_wait_state(xs, d, HV_XB_INITWAIT, HV_BACKEND_WAIT_MS);
	if (rc)
		return errinfo_set_errno(err, rc, "no network backend");
	rc = hv_netif_wait(ifname, HV_BACKEND_WAIT_MS);
	if (rc)
		return errinfo_set_errno(err, rc, "no interface %s", ifname);
	rc = hv_netif_join(ifname, bridge);
	if (rc)
		return errinfo_set_errno(err, rc, "%s into bridge %s", ifname,
					 bridge);
	rc = hv_xb_backend_write(xs, d, "hotplug-status", "connected");
	return rc ? errinfo_set_errno(err, rc, "xenstore") : 0;
}

int hv_vif_add(struct xs_handle *xs, hv_domid domid, uint32_t devid,
	       const struct hv_vif *vif, struct errinfo *err)
{
	struct hv_xb_device d = { "vif", domid, devid, vif->backend };
	int rc;

	rc = add_entries(xs, &d, vif);
	if (rc)
		return errinfo_set_errno(err, rc, "vif %u: xenstore", devid);
	if (d.backend)
		rc = hv_xb_wait_hotplug(xs, &d, HV_BACKEND_WAIT_MS, err);
	else
		rc = connect_backend(xs, &d, vif->bridge, err);
	return rc ? errinfo_wrap(err, rc, "vif %u", devid) : 0;
}

int hv_vif_list(struct xs_handle *xs, hv_domid domid, struct hv_vif_info *out)
{
	char value[HV_XB_VALUE_MAX];
	struct hv_xb_device devs[HV_VIF_MAX];
	int i, n;

	n = hv_xb_list(xs, "vif", domid, devs, HV_VIF_MAX);
	for (i = 0; i < n; i++) {
		const struct hv_xb_device *d = &devs[i];

		name_vif(out[i].ifname, d);
		out[i].backend = d->backend;
		if (!d->backend)
			hv_netif_bridge(out[i].ifname, out[i].bridge);
		if (!hv_xb_backend_read(xs, d, "mac", value))
			parse_mac(value, out[i].mac);
		if (!hv_xb_backend_read(xs, d, "state", value))
			out[i].connected = !strcmp(value, "4");
	}
	return n;
}
