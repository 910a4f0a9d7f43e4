/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: the mark at both ends of the partition. Each 512 bytes of it say by
 * themselves what they are and where they belong, so that a mark that was being
 * written when the power failed is told from a file system.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "scratch.h"

#define UNIT 512

static void fill(uint8_t *p, const char *guid, uint64_t at)
{
	int n = snprintf((char *)p, UNIT,
			 "Nightshift scratch %s %012llx\n"
			 "This partition was given to guests. What lies here "
			 "is nobody's.\n",
			 guid, (unsigned long long)at);

	memset(p + n, '.', UNIT - (size_t)n);
}

static int read_end(int fd, uint64_t at, uint8_t *out, struct errinfo *err)
{
	size_t done = 0;

	while (done < SCRATCH_MARK) {
		ssize_t n = pread(fd, out + done, SCRATCH_MARK - done,
				  (off_t)(at + done));

		if (n <= 0)
			return errinfo_set_errno(err, n ? -errno : -EIO,
						 "scratch partition");
		done += (size_t)n;
	}
	return 0;
}

static int check_end(const uint8_t *data, uint64_t at, const char *guid,
		     struct errinfo *err)
{
	static const uint8_t zero[UNIT];
	uint8_t want[UNIT];

	for (size_t i = 0; i < SCRATCH_MARK; i += UNIT) {
		fill(want, guid, at + i);
		if (memcmp(data + i, zero, UNIT) != 0 &&
		    memcmp(data + i, want, UNIT) != 0)
			return errinfo_set(
				err, -EEXIST,
				"it holds something (at byte %llu), perhaps a "
				"file system; to give it away, zero its first "
				"and last MiB",
				(unsigned long long)(at + i));
	}
	return 0;
}

int scratch_check(int fd, uint64_t size, const uint8_t guid[SCRATCH_GUID],
		  struct errinfo *err)
{
	const uint64_t ends[] = { 0, size - SCRATCH_MARK };
	auto_free uint8_t *data = malloc(SCRATCH_MARK);
	char text[SCRATCH_GUID_STR];
	int rc = 0;

	if (size < 2 * (uint64_t)SCRATCH_MARK + SCRATCH_SIZE_MIN)
		return errinfo_set(err, -ENOSPC, "it is smaller than %d MiB",
				   (2 * SCRATCH_MARK + SCRATCH_SIZE_MIN) >> 20);
	if (!data)
		return errinfo_set(err, -ENOMEM, "out of memory");
	scratch_format_guid(guid, text);
	for (size_t i = 0; i < ARRAY_SIZE(ends) && !rc; i++) {
		rc = read_end(fd, ends[i], data, err);
		if (!rc)
			rc = check_end(data, ends[i], text, err);
	}
	return rc;
}

int scratch_mark(int fd, uint64_t size, const uint8_t guid[SCRATCH_GUID],
		 struct errinfo *err)
{
	const uint64_t ends[] = { 0, size - SCRATCH_MARK };
	auto_free uint8_t *data = malloc(SCRATCH_MARK);
	char text[SCRATCH_GUID_STR];

	if (!data)
		return errinfo_set(err, -ENOMEM, "out of memory");
	scratch_format_guid(guid, text);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		ssize_t n;

		for (size_t k = 0; k < SCRATCH_MARK; k += UNIT)
			fill(data + k, text, ends[i] + k);
		n = pwrite(fd, data, SCRATCH_MARK, (off_t)ends[i]);
		if (n != SCRATCH_MARK)
			return errinfo_set_errno(err, n < 0 ? -errno : -EIO,
						 "scratch partition");
	}
	return fdatasync(fd)
		       ? errinfo_set_errno(err, -errno, "scratch partition")
		       : 0;
}
