/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes partition tables. The checksums are made right first, or nothing else
 * would be reached. What is found must lie inside the disk, behind the table.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "crc32.h"
#include "scratch.h"

#define SECTOR 512
#define MAX    (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static void sign(uint8_t *disk, size_t len, size_t at)
{
	uint8_t *h = disk + at;
	uint64_t table = get(h + 72, 8) % (len / SECTOR) * SECTOR;
	size_t n = get(h + 80, 4) % 1024 * 128;

	if (table + n <= len)
		put32(h + 88, scratch_crc32(disk + table, n));
	put32(h + 16, 0);
	put32(h + 16, scratch_crc32(h, 92));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct scratch_policy policy = { .label = "night" };
	auto_free uint8_t *disk = NULL;
	auto_close int fd = -1;
	struct scratch_part part;
	unsigned int n;

	len &= ~(size_t)(SECTOR - 1);
	if (len < 64 * SECTOR || len > MAX)
		return 0;
	disk = malloc(len);
	fd = memfd_create("disk", MFD_CLOEXEC);
	if (!disk || fd < 0)
		abort();
	memcpy(disk, data, len);
	sign(disk, len, SECTOR);
	sign(disk, len, len - SECTOR);
	if (write(fd, disk, len) != (ssize_t)len)
		abort();
	scratch_parse_guid(SCRATCH_TYPE_TEXT, policy.type);
	if (scratch_gpt_find(fd, len, SECTOR, &policy, &part, &n, NULL) || !n)
		return 0;
	if (part.start < 2 * SECTOR || part.start >= len ||
	    part.size > len - part.start || !part.size)
		abort();
	return 0;
}
