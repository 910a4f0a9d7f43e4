/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot - what a PC's loader is told. Text only: who is asked and what is
 * remembered is boot-http.c's.
 */
#ifndef BOOT_H
#define BOOT_H

#include "buf.h"
#include "config.h"
#include "release.h"

enum boot_loader {
	BOOT_LOADER_PXELINUX,
	BOOT_LOADER_IPXE,
	BOOT_LOADER_UEFI,
};

/* The MAC in the last part of a boot request: "01-52-54-..." for PXELINUX
 * (01: Ethernet, RFC 1700), a bare MAC with ':' or '-' for the others. 0 or
 * -EINVAL. */
int boot_parse_mac(enum boot_loader loader, const char *text,
		   uint8_t mac[PARSE_MAC_LEN]);

/* The answer. r may be NULL where choice is BOOT_LOCAL. */
void boot_text(enum boot_loader loader, enum boot_choice choice,
	       const struct release *r, const char *gateway, struct buf *out);

/* "bios" or "uefi": what such a loader shows of the firmware. */
const char *boot_firmware(enum boot_loader loader);

#endif
