/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dhcp-frame - DHCP as it lies on the wire (RFC 951, 2131, 2132; PXE 2.1), as
 * far as one must know it to find servers: whole Ethernet frames in and out.
 *
 *	Ethernet 14 | IPv4 20.. | UDP 8 | BOOTP 236 | magic 4 | options
 *
 * Without state, allocation or input and output of its own.
 */
#ifndef DHCP_FRAME_H
#define DHCP_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "parse.h"

#define DHCP_FRAME_MAX 1518 /* Ethernet's, without its checksum; with a tag */
#define DHCP_FILE_MAX  129  /* a boot file's name, with the NUL */

#define DHCP_PORT_SERVER 67
#define DHCP_PORT_CLIENT 68
#define DHCP_PORT_PXE    4011 /* where proxyDHCP servers answer as well */

/* What a server says. */
struct dhcp_answer {
	uint8_t mac[PARSE_MAC_LEN]; /* Ethernet source */
	uint32_t address;           /* IPv4 source */
	uint32_t server;            /* option 54, 0: none */
	uint32_t xid;
	int offers_address; /* yiaddr is set */
	int offers_boot;    /* a boot file, a boot server or PXE's class */
	char file[DHCP_FILE_MAX]; /* printable, the rest as '?' */
};

/* 0 if the frame is an offer, ack or nak of a server (also BOOTP's reply);
 * -ENOMSG if it is anything else; -EBADMSG if it is cut or contradicts
 * itself, and then nobody would take it. */
int dhcp_frame_parse(const uint8_t *frame, size_t len, struct dhcp_answer *out);

/* The question of a PC that boots by PXE and has no address: DISCOVER to port
 * 67, or PXE's REQUEST to port 4011. Everybody hears it and may answer to
 * everybody. Returns the length. */
size_t dhcp_frame_ask(const uint8_t mac[PARSE_MAC_LEN], uint32_t xid, int port,
		      uint8_t out[DHCP_FRAME_MAX]);

#endif
