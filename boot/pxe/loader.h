/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the EFI loader share. One thread, no libraries; messages
 * about failures are short constant strings that main.c prints, once.
 *
 * Order of a boot: net_find -> http_get (decision) -> decision_parse ->
 * http_get (payload) -> payload_check -> payload_start.
 */
#ifndef BOOT_PXE_LOADER_H
#define BOOT_PXE_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <efi.h>

#include "sha256.h"
#include "text.h"

/* The firmware's tables, set once by efi_main. */
extern EFI_SYSTEM_TABLE *st;
extern EFI_BOOT_SERVICES *bs;

/*
 * The one payload this loader starts, linked in by boot/pxe/build: whoever
 * measures or signs the loader has thereby measured or signed the payload.
 */
struct payload_id {
	uint64_t size;
	uint8_t sha256[SHA256_SIZE];
};
extern const struct payload_id payload_id;

/* --- console.c */

/* Prints "nightshift: " and the text. */
void say(const struct text *text);
void say_plain(const char *s);

/* Rewrites the progress line; a call with @done == @total ends it. */
void say_progress(uint64_t done, uint64_t total);

/* Has the one at the keyboard pressed Escape? Eats what was typed before. */
bool owner_says_no(void);

/* --- net.c: who we are and who sent us, from the firmware */

struct net {
	uint8_t mac[6];
	EFI_IPv4_ADDRESS address; /* ours */
	EFI_IPv4_ADDRESS netmask;
	EFI_IPv4_ADDRESS server; /* the gateway */
	EFI_HANDLE http;         /* has the HTTP service binding */
};

/* Returns NULL, or what is missing. @device is where we were loaded from. */
const char *net_find(EFI_HANDLE device, struct net *net_out);

/* --- http.c */

/*
 * Fetches http://SERVER@path into @buffer. @len_out is the length as the
 * server sent it: at least 1, at most @max; nothing beyond is read. Redirects,
 * other answers than 200, chunked ones, HTTP_STALL_SEC without a byte and
 * HTTP_TOTAL_SEC in all are errors. Returns NULL, or what went wrong.
 * @sha, unless NULL, has taken all of the buffer after success; only then
 * progress is shown and Escape ends the fetch.
 */
const char *http_get(const struct net *net, const char *path, void *buffer,
		     size_t max, size_t *len_out, struct sha256 *sha);

enum {
	HTTP_STALL_SEC = 30,
	HTTP_TOTAL_SEC = 900,
};

/* --- payload.c */

/*
 * Starts an EFI application from memory with nothing of this PC in its reach:
 * its device is a file system without files, its LoadOptions are empty. Frees
 * nothing. Returns only on failure, with what went wrong.
 */
const char *payload_start(EFI_HANDLE self, void *image, size_t len);

#endif
