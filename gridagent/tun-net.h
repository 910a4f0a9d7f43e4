/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun-net - netdom's addresses and routes.
 *
 * Whatever netdom does not send itself goes into the tunnel: not even the LAN's
 * own addresses are anywhere else for a domU. What comes out of the tunnel is
 * routed to the vif that has its address.
 *
 *	99:	from the tunnel			main table: a /32 for each vif
 *	100:	from any interface but lo	default into the tunnel
 *	main	netdom's own			the LAN
 */
#ifndef TUN_NET_H
#define TUN_NET_H

#include <stdint.h>

#include "errinfo.h"

/* Once; again is fine. The first needs no interface, the second a tunnel that
 * is up. */
int tun_net_rules(struct errinfo *err);
int tun_net_default(const char *tunnel, struct errinfo *err);
/* Gives a vif our end's address, sets it up, and routes the domU's to it. All
 * of it goes with the interface. */
int tun_net_vif(const char *ifname, uint32_t address, struct errinfo *err);

#endif
