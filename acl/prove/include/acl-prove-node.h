/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl-prove-node - the same proof for a node's own packet filters (walls.h):
 * dom0's bridge, netdom, a domU's vif. Whoever loads such rules, at each of the
 * stages that a node goes through, what may pass is at most
 *
 *	dom0	hears and says nothing; its bridge carries frames of netdom and
 *		for netdom alone: DHCP, ARP, boot, control, repository, and once
 *		the gateway is known the carousel and the tunnel, with nobody else
 *	netdom	the same of IP; and domUs' packets from their vif into the tunnel
 *		and back, each vif with its address
 *	vif	the domU's own address and MAC; ARP for netdom's end
 *
 * never IPv6, a VLAN tag, another EtherType; on the LAN never a fragment.
 */
#ifndef ACL_PROVE_NODE_H
#define ACL_PROVE_NODE_H

#include "acl-prove.h"
#include "walls.h"

enum acl_node_part {
	ACL_NODE_DOM0,
	ACL_NODE_NETDOM,
	ACL_NODE_VIF,
};

/* Claims about rules of that part, loaded with these facts. domus: interfaces
 * and addresses that have been added (netdom, vif). */
int acl_prove_node(struct nftmodel *m, enum acl_node_part part,
		   const struct walls_lan *lan, const struct walls_vif *domus,
		   size_t n_domus, struct acl_proof *out, struct errinfo *err);

#endif
