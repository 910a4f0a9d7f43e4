/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-netdom - starts netdom, the domain that has the node's one address.
 */
#ifndef HV_NETDOM_H
#define HV_NETDOM_H

#include "hv.h"

/* Finds it running, or takes a dead one away and makes it from dir/vmlinuz and
 * dir/netdom.img, with a vif on the bridge that has the NIC's MAC. -EBUSY: the
 * old one is still going; try again. */
int netdom_start(struct hv *hv, const char *dir, const char *bridge,
		 const uint8_t mac[6], hv_domid *domid_out, struct errinfo *err);

#endif
