/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - what the texts share: checks of facts, lines, rules for the LAN.
 */
#ifndef WALLS_TEXT_H
#define WALLS_TEXT_H

#include "parse.h"
#include "walls.h"

/* One line "\t\tRULE", and the same with counter and comment: what a person
 * reads beside the number of frames. */
void walls_line(struct buf *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void walls_rule(struct buf *out, const char *comment, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "add table, delete table": what was loaded goes in the same transaction. */
void walls_replace(struct buf *out, const char *family);
void walls_base_chain(struct buf *out, const char *name, const char *hook);
void walls_chain(struct buf *out, const char *name);
void walls_chain_end(struct buf *out);

int walls_check_ifname(const char *what, const char *name, struct errinfo *err);
int walls_check_mac(const char *what, const uint8_t mac[WALLS_MAC_LEN],
		    struct errinfo *err);
int walls_check_address(const char *what, uint32_t address, struct errinfo *err);
int walls_check_vif(const struct walls_vif *vif, struct errinfo *err);
int walls_check_lan(const struct walls_lan *lan, struct errinfo *err);

/* ARP as everybody speaks it: rules may then look into it. */
#define WALLS_ARP \
	"ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4"

/* IPv4 of the LAN, for both families: what netdom sends and gets. Chains are
 * entered with whole IPv4 packets only, and end with a drop. */
void walls_lan_out(const struct walls_lan *lan, int bridge, struct buf *out);
void walls_lan_in(const struct walls_lan *lan, int bridge, struct buf *out);

#endif
