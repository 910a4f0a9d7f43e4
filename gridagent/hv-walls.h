/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-walls - dom0's bridge filter between the card and netdom.
 *
 * init has loaded one that lets nothing pass, before there was a bridge.
 */
#ifndef HV_WALLS_H
#define HV_WALLS_H

#include "hv.h"
#include "messages.h"

/* Loads it for netdom in domain domid, whose vif has that mac. m: what is known
 * of the gateway; NULL: nothing yet. The card is the bridge's one port that is
 * no vif: -ENODEV where there is none, or more than one. */
int hv_walls_load(const char *bridge, hv_domid domid, const uint8_t mac[6],
		  const struct msg_walls *m, struct errinfo *err);

#endif
