/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCRATCH_PRIVATE_H
#define SCRATCH_PRIVATE_H

#include "scratch.h"

/* /dev/NAME; a descriptor or a negative errno. */
int scratch_device(const char *name, int flags, struct errinfo *err);
/* Makes all other partitions and disks read-only to user space. */
int scratch_guard_others(const struct scratch_part *p, struct errinfo *err);

/* ---- crypt.c: the one device-mapper device ------------------------------------ */

/* Encrypts bytes from..from+size of /dev/NAME under a new key. path: its
 * device. */
int scratch_crypt_add(const char *name, const uint8_t guid[SCRATCH_GUID],
		      uint64_t from, uint64_t size, char path[SCRATCH_PATH],
		      struct errinfo *err);
/* -ENOENT: there is none. guid and path of the one there is; name: of the
 * partition below it. */
int scratch_crypt_get(uint8_t guid[SCRATCH_GUID], char path[SCRATCH_PATH],
		      char name[SCRATCH_PATH], struct errinfo *err);
int scratch_crypt_remove(struct errinfo *err);

#endif
