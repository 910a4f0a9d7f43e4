/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv-config - what a checked message asks for, as the configuration of a domain.
 */
#ifndef HV_CONFIG_H
#define HV_CONFIG_H

#include "hv.h"
#include "messages.h"

/* cfg as HV_CONFIG_INIT left it; it points at what q and fds (kernel, and the
 * initrd if there is one) hold. The disk xvda and where the vif leads are left
 * to the caller. */
void hv_config_fill(struct hv_config *cfg, const struct msg_hv_create *q,
		    const int *fds);

/* Leads the vif to netdom, with the address that the domU is told. With one
 * that is none, or without netdom (nobody's domid), hv refuses it. */
void hv_config_lead(struct hv_vif *vif, const struct msg_domu *d,
		    hv_domid netdom);

#endif
