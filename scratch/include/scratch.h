/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch - the one partition of a PC that its owner gave away for the night.
 *
 * An owner who wants to lend disk makes a GPT partition of a type and a label
 * that the segment's policy names. Nothing else of any disk is ever opened for
 * writing, and that partition only if all of this holds; else it is left as it
 * is and the error says what the owner could do:
 *
 *  - its disk's partition table is sound: both copies agree, checksums are
 *    right, no partition overlaps another, the MBR is a protective one;
 *  - of all partitions of all disks, exactly one has the type and the label;
 *  - it holds nothing: its first and last MiB are zero, or are our mark from an
 *    earlier night, sector by sector. A file system that somebody made there
 *    since writes in one of the two, so that it is seen, whatever it is.
 *
 * A domain gets what lies between the two, encrypted (dm-crypt, aes-xts-plain64)
 * with a key of 512 bits that only the kernel's memory holds. When the PC is cut
 * off, what is left is the mark, and noise that nobody can read.
 *
 *	partition:  | mark, 1 MiB | data, as much as the policy allows | mark |
 *
 * GPT: UEFI specification 2.10, chapter 5. dm-crypt: Linux,
 * Documentation/admin-guide/device-mapper/dm-crypt.rst.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"

#define SCRATCH_NAME     "nightshift-scratch" /* of the mapped device */
#define SCRATCH_GUID     16
#define SCRATCH_GUID_STR 37
#define SCRATCH_LABEL    36 /* characters, printable ASCII */
#define SCRATCH_PATH     64
#define SCRATCH_MARK     (1024 * 1024)
#define SCRATCH_SIZE_MIN (16 * 1024 * 1024)
#define SCRATCH_SIZE_MAX (UINT64_C(64) << 40)
/* A type for it, if the owner has no other in mind (a random GUID). */
#define SCRATCH_TYPE_TEXT "7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3"

struct scratch_policy {
	uint8_t type[SCRATCH_GUID]; /* as on disk */
	char label[SCRATCH_LABEL + 1];
	uint64_t size_max; /* bytes of data; 0: all there is */
};

struct scratch_part {
	char disk[SCRATCH_PATH]; /* "sda" */
	char name[SCRATCH_PATH]; /* "sda3" */
	uint8_t guid[SCRATCH_GUID];
	uint64_t start, size; /* bytes */
	unsigned int sector;  /* bytes of a logical block of the disk */
};

/* "8-4-4-4-12" hex digits <-> as on disk, where the first three are little-
 * endian. 0 or -EINVAL. */
int scratch_parse_guid(const char *text, uint8_t guid[SCRATCH_GUID]);
void scratch_format_guid(const uint8_t guid[SCRATCH_GUID],
			 char text[SCRATCH_GUID_STR]);

/* "Linux swap", for types that systems keep their own things in; NULL: no
 * system's. No policy may name such a type. */
const char *scratch_type_owner(const uint8_t type[SCRATCH_GUID]);
/* 1 to SCRATCH_LABEL characters of printable ASCII. */
int scratch_label_ok(const char *label);

/* Looks through a disk's partition table; fd is only read. *n counts those that
 * match, *part is the last of them (start, size, guid, sector; no names).
 * -ENOMSG: no GPT at all; -EBADMSG: one that is not sound. */
int scratch_gpt_find(int fd, uint64_t size, unsigned int sector,
		     const struct scratch_policy *policy,
		     struct scratch_part *part, unsigned int *n,
		     struct errinfo *err);

/* The partition among all disks that the kernel has. -ENOENT: none has type and
 * label; -ENOTUNIQ: several. */
int scratch_find(const struct scratch_policy *policy, struct scratch_part *part,
		 struct errinfo *err);

/* Whether nothing but zeros or our mark is in the first and last MiB of the
 * partition, whose size is `size`. 0: yes; -EEXIST: it holds something. */
int scratch_check(int fd, uint64_t size, const uint8_t guid[SCRATCH_GUID],
		  struct errinfo *err);
/* Writes the mark. Only after scratch_check(). */
int scratch_mark(int fd, uint64_t size, const uint8_t guid[SCRATCH_GUID],
		 struct errinfo *err);

/* All of it: find, check, mark, encrypt. *size: bytes that the device `path`
 * (a /dev/dm-N) has. A device that is there already, of an earlier run of this
 * program in this boot, is given again as it is. */
int scratch_open(const struct scratch_policy *policy, char path[SCRATCH_PATH],
		 uint64_t *size, struct errinfo *err);
/* The device that scratch_open() left; -ENOENT: there is none. */
int scratch_get(char path[SCRATCH_PATH], uint64_t *size, struct errinfo *err);
/* Removes the device, and the key with it, and has the disk forget its blocks
 * if it can (discard). Nothing is open: fine. -EBUSY: a domain still has it. */
int scratch_close(struct errinfo *err);

#endif
