/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse - strict text to value. Each returns 0, or -EINVAL (not of this form,
 * trailing junk, empty), -ERANGE (out of [min, max]); *out is set on success
 * only.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stddef.h>
#include <stdint.h>

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);
int parse_int(const char *s, int min, int max, int *out);

/* "512", "64K", "512M", "2G" (powers of 1024) -> bytes. */
int parse_size(const char *s, uint64_t *bytes);
/* "90", "90s", "15m", "2h", "7d" -> seconds. */
int parse_duration(const char *s, uint64_t *sec);

/* Ethernet address, "52:54:00:12:34:56" or with '-'. */
#define PARSE_MAC_LEN 6
#define PARSE_MAC_STR 18 /* with the final NUL */
int parse_mac(const char *s, uint8_t mac[PARSE_MAC_LEN]);
void format_mac(const uint8_t mac[PARSE_MAC_LEN], char out[PARSE_MAC_STR]);

/* IPv4 "a.b.c.d" and "a.b.c.d/len", host byte order. */
#define PARSE_IPV4_STR 16
int parse_ipv4(const char *s, uint32_t *addr);
int parse_ipv4_prefix(const char *s, uint32_t *addr, unsigned int *len);
void format_ipv4(uint32_t addr, char out[PARSE_IPV4_STR]);

/* Lower-case hex of exactly 2*len characters. */
int parse_hex(const char *s, uint8_t *out, size_t len);
void format_hex(const uint8_t *in, size_t len, char *out); /* 2*len+1 */

/* A name of ours (node, segment, image, channel, workspace): 1 to 63 of
 * [a-z0-9._-], starting and ending with [a-z0-9]. Returns 1 if it is one. */
#define PARSE_NAME_MAX 63
int parse_is_name(const char *s);

#endif
