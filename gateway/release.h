/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release - what the boot folder offers now: boot.json, read again whenever it
 * was replaced, so that a new release needs no restart.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include <stdint.h>
#include <sys/types.h>

#include "errinfo.h"

#define RELEASE_ID      65
#define RELEASE_CMDLINE 1024

struct release {
	char id[RELEASE_ID];
	char xen_cmdline[RELEASE_CMDLINE];
	char dom0_cmdline[RELEASE_CMDLINE];
};

struct release_cache {
	struct release release;
	int valid;
	/* of the boot.json that was read */
	ino_t ino;
	off_t size;
	int64_t mtime_ns;
};

/* Borrowed until the next call. NULL where there is no usable boot.json; the
 * last good one stays in use while a new one is broken (rc and err say so). */
const struct release *release_get(struct release_cache *cache,
				  const char *boot_dir, struct errinfo *err);

/* From boot.json's text. */
int release_parse(const char *text, size_t len, struct release *out,
		  struct errinfo *err);

#endif
