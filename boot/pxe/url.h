/* SPDX-License-Identifier: Apache-2.0 */
/* The one thing the loader reads from a URL that others made: its server. */
#ifndef BOOT_PXE_URL_H
#define BOOT_PXE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a.b.c.d from "http://a.b.c.d/…". False for every other kind of URL: names
 * (we have no DNS), ports (the gateway has 80), users, odd spellings of numbers.
 */
bool url_server(const char *url, size_t len, uint8_t ip_out[4]);

#endif
