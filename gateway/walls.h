/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls - what follows from the nodes' states for packets: peers of the tunnel.
 */
#ifndef WALLS_H
#define WALLS_H

struct gateway;

/* Makes them what the nodes' states say, as far as something changed. Negative
 * errno after it was logged; the gateway tries again each second. A node whose
 * change has not been made must not be told that it has its lease. */
int walls_follow(struct gateway *gw);

#endif
