/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - time of day as Unix milliseconds, intervals by CLOCK_BOOTTIME.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define CLOCK_ISO 21 /* "2026-11-21T02:00:00Z" and NUL */

int64_t clock_unix_ms(void);
int64_t clock_boot_ms(void); /* monotonic, counts suspend */
void clock_format(int64_t unix_ms, char out[CLOCK_ISO]); /* UTC */
int clock_parse(const char *iso, int64_t *unix_ms);      /* 0 or -EINVAL */

#endif
