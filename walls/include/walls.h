/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls - a node's packet filters: nft text made from facts, and its loading.
 *
 * The library decides nothing. What a node may do stands in the two structs
 * below, and what that means for frames stands here:
 *
 *	dom0	one card, one vif, one bridge between them without an address
 *	netdom	the node's only address: DHCP, boot and control, the tunnel
 *	vif	of a domU, in netdom: leads into the tunnel, nowhere else
 *
 * Everything else is dropped and counted: other senders, other receivers,
 * IPv6, VLAN tags, any EtherType but IPv4 and ARP, fragments on the LAN. No
 *rule keeps state (no conntrack), so that nothing can be filled up.
 *
 * Text is for one transaction: it replaces what was loaded before, all or
 * nothing. Its tables are called "nightshift"; others are not touched.
 *
 * Errors: 0 or a negative errno, worded in err (may be NULL). -EINVAL: a fact
 * that cannot be (a name that is none, a group address for a node). The texts
 *go to `out`, a struct buf of the caller's. IPv4 addresses in host byte order.
 */
#ifndef WALLS_H
#define WALLS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "errinfo.h"

#define WALLS_IFNAME_MAX 15 /* IFNAMSIZ - 1 */
#define WALLS_MAC_LEN    6

/* netdom's end of every vif, and what a domU's packets leave by. */
#define WALLS_VIF_ADDRESS 0xa9fe0101u /* 169.254.1.1 */
#define WALLS_TUNNEL      "wg0"
#define WALLS_TUNNEL_MTU  1420
/* Of a domU's sending, where its workspace says nothing. */
#define WALLS_RATE_KBPS 200000
#define WALLS_PACKETS   25000 /* a second */

/*
 * What netdom may do on the LAN. Facts come one after the other, and the walls
 * grow narrower with each: 0 is "not known yet".
 *
 *	nothing		nothing passes
 *	nic, vif, mac	DHCP, ARP, TCP to http, https and repo of anybody
 *	+ address	only with that address
 *	+ gateway	only to and from the gateway, MAC and address, ARP
 *			included; the carousel and the tunnel as well
 */
struct walls_lan {
	const char *nic;            /* the card: dom0's, or netdom's own */
	const char *vif;            /* netdom's, in dom0 */
	uint8_t mac[WALLS_MAC_LEN]; /* netdom's */
	uint32_t address;           /* leased by DHCP */
	uint32_t gateway;           /* with gateway_mac, or neither */
	uint8_t gateway_mac[WALLS_MAC_LEN];
	uint16_t http_port, https_port, repo_port;
	uint32_t carousel; /* multicast group, with its port */
	uint16_t carousel_port;
	uint16_t tunnel_port;
};

/* dom0: table bridge nightshift. Also right before there is a card, a bridge
 * or netdom: names are compared when a frame comes. */
int walls_dom0(const struct walls_lan *lan, struct buf *out, struct errinfo *err);

/* A domU's interface in netdom. */
struct walls_vif {
	const char *ifname; /* "vif3.0" */
	uint8_t mac[WALLS_MAC_LEN];
	uint32_t address;
	uint32_t rate_kbps; /* 0: WALLS_RATE_KBPS */
};

/* netdom: table inet nightshift; lan->vif is not looked at. vifs: the n that
 * are there already, behind walls of walls_vif_add(). */
int walls_netdom(const struct walls_lan *lan, const struct walls_vif *vifs,
		 size_t n, struct buf *out, struct errinfo *err);

/* Table netdev nightshift, and the set of domUs of walls_netdom(), which must
 * be loaded. The interface must be there and should be down: load this, then
 * set it up. Its chain vanishes with it. */
int walls_vif_add(const struct walls_vif *vif, struct buf *out,
		  struct errinfo *err);
/* Takes it out of the set: the same name may come again with another address.
 * The chain goes with the interface. */
int walls_vif_del(const struct walls_vif *vif, struct buf *out,
		  struct errinfo *err);

/* Loads such a text by libnftables, in one transaction. Needs CAP_NET_ADMIN.
 * -EIO with what nft says of it. */
int walls_load(const char *text, struct errinfo *err);

#endif
