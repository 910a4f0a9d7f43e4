/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg - a WireGuard interface and its peers, for both ends of the tunnel
 * between a node and its gateway.
 *
 * The kernel's WireGuard is spoken to by generic netlink. Where the kernel has
 * none and the caller allows it, wireguard-go is started and spoken to by its
 * socket, with the same calls; it outlives the caller, as an interface of the
 * kernel does, and the next wg_open finds it again.
 *
 * A peer has one range of addresses (allowed-ips): packets to it go to that
 * peer, packets from that peer have no other source. A range belongs to the
 * peer it was given to last.
 *
 * All calls block, for milliseconds; 5 s at most where wireguard-go hangs. They
 * return 0 or a negative errno with a text. They need CAP_NET_ADMIN. Not
 * thread safe for one struct wg.
 */
#ifndef WG_H
#define WG_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"

#define WG_KEY_LEN   32 /* X25519, private and public */
#define WG_KEY_STR   45 /* base64 of it, with the final NUL */
#define WG_PORT      51820
#define WG_KEEPALIVE 25   /* seconds; NAT tables forget UDP after 30 and more */
#define WG_MTU       1420 /* 1500 less 20 IPv4, 8 UDP, 32 WireGuard; 20 spare */

struct wg; /* one interface */

struct wg_peer {
	uint8_t key[WG_KEY_LEN]; /* public */
	int remove;              /* set: end this peer; the rest is unused */
	uint32_t address;        /* allowed-ips, host byte order */
	unsigned int prefix;
	uint32_t endpoint;      /* host byte order; 0: wait until it speaks */
	uint16_t endpoint_port; /* host byte order */
	uint16_t keepalive_sec; /* 0: none */

	/* Read only. */
	int64_t handshake_ms;        /* Unix time of the last one, 0: none */
	uint64_t rx_bytes, tx_bytes; /* as seen from here */
};

/* A new private key; what the other end is to know of it. */
void wg_key_new(uint8_t private_key[WG_KEY_LEN]);
void wg_key_public(const uint8_t private_key[WG_KEY_LEN],
		   uint8_t public_key[WG_KEY_LEN]);
/* Base64. -EINVAL for anything but the one spelling of 32 bytes, and for keys
 * that no honest peer has (of small order: the tunnel's secret would be known
 * to everybody). */
void wg_key_format(const uint8_t key[WG_KEY_LEN], char out[WG_KEY_STR]);
int wg_key_parse(const char *text, uint8_t key[WG_KEY_LEN]);

/*
 * Makes the interface, or takes one of that name that is there with all its
 * peers. `socket`: where wireguard-go is to listen if the kernel has no
 * WireGuard, an absolute path of at most 107 bytes; NULL: then fail with
 * -EOPNOTSUPP. The interface is down when it is new.
 */
int wg_open(const char *ifname, const char *socket, struct wg **out,
	    struct errinfo *err);
void wg_close(struct wg *w); /* the interface stays; NULL is fine */
/* Ends the interface too, and wireguard-go; closes w. */
int wg_destroy(struct wg *w, struct errinfo *err);
/* Whether wireguard-go does it, not the kernel. */
int wg_is_userspace(const struct wg *w);

/* port 0: any, for the end that speaks first. */
int wg_set_key(struct wg *w, const uint8_t private_key[WG_KEY_LEN],
	       uint16_t port, struct errinfo *err);
int wg_up(struct wg *w, unsigned int mtu, struct errinfo *err);
/* Packets to address/prefix go into the tunnel; twice is fine. */
int wg_route(struct wg *w, uint32_t address, unsigned int prefix,
	     struct errinfo *err);

/* Adds peers, changes those that are there (what was their range before is
 * theirs no longer), ends those with `remove`, in this order. Sessions of peers
 * that stay go on. */
int wg_set_peers(struct wg *w, const struct wg_peer *peers, size_t n,
		 struct errinfo *err);
/* *peers: array of *n, caller frees. */
int wg_get_peers(struct wg *w, struct wg_peer **peers, size_t *n,
		 struct errinfo *err);

#endif
