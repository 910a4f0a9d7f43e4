/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls-facts - what main learned of the gateway, for both walls.
 */
#ifndef WALLS_FACTS_H
#define WALLS_FACTS_H

#include "messages.h"
#include "walls.h"

/* Sets all but nic, vif, mac and http_port. */
void walls_facts(struct walls_lan *lan, const struct msg_walls *m);

#endif
