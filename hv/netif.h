/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netif - network interfaces of dom0, by ioctl. Negative errno on failure.
 */
#ifndef HV_NETIF_H
#define HV_NETIF_H

#include "hv.h"

int hv_netif_wait(const char *ifname, int timeout_ms); /* until it is there */
bool hv_netif_is_bridge(const char *ifname);
/* Into the bridge, with its MTU, without addresses of its own, and up. */
int hv_netif_join(const char *ifname, const char *bridge);
/* The bridge it is in, "" if in none. */
void hv_netif_bridge(const char *ifname, char out[HV_IFNAME_MAX + 1]);

#endif
