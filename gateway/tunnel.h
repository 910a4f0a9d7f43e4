/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel - the gateway's end of the tunnels to the nodes' domUs.
 *
 * A node that enrols with a key has a peer for as long as it is up: allowed-ips
 * is its domU's address and nothing else. Which peers there should be follows
 * from the nodes' states alone, so that it may be worked out at any time, also
 * by a gatewayd that was killed in the middle.
 *
 * The interface is not gatewayd's: it stays with its peers when gatewayd ends.
 */
#ifndef TUNNEL_H
#define TUNNEL_H

#include <jansson.h>

#include "errinfo.h"
#include "wg.h"

struct gateway;
struct node;
struct tunnel;

/* Makes the interface and our key where they are missing, and its peers what
 * they should be. */
int tunnel_start(struct gateway *gw, struct errinfo *err);
void tunnel_stop(struct gateway *gw);
/* Peers of nodes whose state changed. */
int tunnel_sync(struct gateway *gw, struct errinfo *err);
/* All peers, against what the interface has: after nodes came or went. */
int tunnel_reconcile(struct gateway *gw, struct errinfo *err);

/* Whether a node may register that key: it is neither ours nor another
 * node's. -EINVAL with the reason. */
int tunnel_check_key(const struct gateway *gw, const struct node *n,
		     const uint8_t key[WG_KEY_LEN], struct errinfo *err);
/* The lease's member `tunnel`; NULL where the node has none. */
json_t *tunnel_lease(const struct gateway *gw, const struct node *n);

#endif
