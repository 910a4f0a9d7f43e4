/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch: partition tables, read and never written. Every number of them is a
 * stranger's until it was compared.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "crc32.h"
#include "scratch.h"

#define HEAD_MIN    92u
#define ENTRY       128u
#define ENTRIES_MAX 1024u
#define MBR_PARTS   446
#define MBR_ENTRY   16

struct head {
	uint64_t self, other, first, last, table;
	uint32_t n, entry, table_crc;
	uint8_t guid[SCRATCH_GUID];
};

struct disk {
	int fd;
	uint64_t sectors;
	unsigned int sector;
	struct errinfo *err;
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static int unsound(const struct disk *d, const char *what)
{
	return errinfo_set(d->err, -EBADMSG,
			   "partition table: %s; look at it with gdisk", what);
}

static int read_at(const struct disk *d, uint64_t lba, void *data, size_t len)
{
	ssize_t n = pread(d->fd, data, len, (off_t)(lba * d->sector));

	if (n < 0)
		return errinfo_set_errno(d->err, -errno, "partition table");
	return (size_t)n == len ? 0 : unsound(d, "it is cut off");
}

/* One protective entry over the whole disk. A hybrid MBR is another opinion on
 * what lies where. */
static int check_mbr(const struct disk *d)
{
	uint8_t mbr[512];
	int n = 0, rc = read_at(d, 0, mbr, sizeof(mbr));

	if (rc)
		return rc;
	if (mbr[510] != 0x55 || mbr[511] != 0xaa)
		return errinfo_set(d->err, -ENOMSG, "no partition table");
	for (int i = 0; i < 4; i++) {
		const uint8_t *e = mbr + MBR_PARTS + i * MBR_ENTRY;

		if (e[4] == 0xee)
			n += get32(e + 8) == 1 ? 1 : 4;
		else if (e[4])
			n += 4;
	}
	if (n >= 4)
		return errinfo_set(d->err, -ENOMSG,
				   "its partition table is of the MBR kind");
	return n == 1 ? 0 : errinfo_set(d->err, -ENOMSG, "no partition table");
}

static int read_head(const struct disk *d, uint64_t lba, struct head *h)
{
	auto_free uint8_t *p = malloc(d->sector);
	uint32_t len, crc;
	int rc = p ? read_at(d, lba, p, d->sector) : -ENOMEM;

	if (rc)
		return rc;
	if (memcmp(p, "EFI PART", 8) != 0)
		return unsound(d, "a copy of its head is missing");
	len = get32(p + 12);
	if (len < HEAD_MIN || len > d->sector)
		return unsound(d, "its head has a wrong size");
	crc = get32(p + 16);
	memset(p + 16, 0, 4);
	if (scratch_crc32(p, len) != crc)
		return unsound(d, "the checksum of its head is wrong");
	*h = (struct head){
		.self = get64(p + 24),
		.other = get64(p + 32),
		.first = get64(p + 40),
		.last = get64(p + 48),
		.table = get64(p + 72),
		.n = get32(p + 80),
		.entry = get32(p + 84),
		.table_crc = get32(p + 88),
	};
	memcpy(h->guid, p + 56, sizeof(h->guid));
	if (h->self != lba)
		return unsound(d, "its head says that it lies elsewhere");
	if (h->entry != ENTRY || !h->n || h->n > ENTRIES_MAX)
		return unsound(d, "it has entries of a form that is not ours");
	if (h->first > h->last || h->last >= d->sectors || h->table < 2 ||
	    h->table >= d->sectors)
		return unsound(d, "it goes beyond the disk");
	return 0;
}

/* Both copies, which must be of one mind. */
static int read_heads(const struct disk *d, struct head *a, struct head *b)
{
	int rc = read_head(d, 1, a);

	if (!rc && a->other != d->sectors - 1)
		rc = unsound(d, "its second copy is not at the disk's end");
	if (!rc)
		rc = read_head(d, a->other, b);
	if (rc)
		return rc;
	if (b->other != 1 || a->first != b->first || a->last != b->last ||
	    a->n != b->n || a->table_crc != b->table_crc ||
	    memcmp(a->guid, b->guid, sizeof(a->guid)) != 0)
		return unsound(d, "its two copies differ");
	return 0;
}

static int read_table(const struct disk *d, const struct head *h, uint8_t *out)
{
	size_t len = (size_t)h->n * ENTRY;
	int rc = read_at(d, h->table, out, len);

	if (!rc && scratch_crc32(out, len) != h->table_crc)
		rc = unsound(d, "the checksum of its entries is wrong");
	return rc;
}

static int is_used(const uint8_t *e)
{
	static const uint8_t none[SCRATCH_GUID];

	return memcmp(e, none, sizeof(none)) != 0;
}

static int check_ranges(const struct disk *d, const struct head *h,
			const uint8_t *table)
{
	for (uint32_t i = 0; i < h->n; i++) {
		const uint8_t *e = table + (size_t)i * ENTRY;

		if (!is_used(e))
			continue;
		if (get64(e + 32) < h->first || get64(e + 40) > h->last ||
		    get64(e + 32) > get64(e + 40))
			return unsound(d, "a partition lies outside");
		for (uint32_t k = 0; k < i; k++) {
			const uint8_t *o = table + (size_t)k * ENTRY;

			if (is_used(o) && get64(o + 32) <= get64(e + 40) &&
			    get64(e + 32) <= get64(o + 40))
				return unsound(d, "partitions overlap");
		}
	}
	return 0;
}

/* UTF-16, filled up with zeros. */
static int has_label(const uint8_t *e, const char *label)
{
	size_t len = strlen(label);

	for (size_t i = 0; i < SCRATCH_LABEL; i++)
		if (e[56 + 2 * i] != (i < len ? (uint8_t)label[i] : 0) ||
		    e[57 + 2 * i])
			return 0;
	return 1;
}

static void pick(const struct disk *d, const struct head *h,
		 const uint8_t *table, const struct scratch_policy *policy,
		 struct scratch_part *part, unsigned int *n)
{
	for (uint32_t i = 0; i < h->n; i++) {
		const uint8_t *e = table + (size_t)i * ENTRY;

		if (memcmp(e, policy->type, SCRATCH_GUID) != 0 ||
		    !has_label(e, policy->label))
			continue;
		memset(part, 0, sizeof(*part));
		memcpy(part->guid, e + 16, SCRATCH_GUID);
		part->start = get64(e + 32) * d->sector;
		part->size = (get64(e + 40) - get64(e + 32) + 1) * d->sector;
		part->sector = d->sector;
		(*n)++;
	}
}

int scratch_gpt_find(int fd, uint64_t size, unsigned int sector,
		     const struct scratch_policy *policy,
		     struct scratch_part *part, unsigned int *n,
		     struct errinfo *err)
{
	struct disk d = { fd, 0, sector, err };
	auto_free uint8_t *table = NULL, *copy = NULL;
	struct head a, b;
	int rc;

	*n = 0;
	if (sector < 512 || sector > 4096 || (sector & (sector - 1)))
		return errinfo_set(err, -ENOMSG, "sectors of %u bytes", sector);
	d.sectors = size / sector;
	if (d.sectors < 64 || size > INT64_MAX)
		return errinfo_set(err, -ENOMSG, "no partition table");
	rc = check_mbr(&d);
	if (!rc)
		rc = read_heads(&d, &a, &b);
	if (rc)
		return rc;
	table = malloc((size_t)a.n * ENTRY);
	copy = malloc((size_t)a.n * ENTRY);
	if (!table || !copy)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = read_table(&d, &a, table);
	if (!rc)
		rc = read_table(&d, &b, copy);
	if (!rc && memcmp(table, copy, (size_t)a.n * ENTRY) != 0)
		rc = unsound(&d, "its two copies differ");
	if (!rc)
		rc = check_ranges(&d, &a, table);
	if (!rc)
		pick(&d, &a, table, policy, part, n);
	return rc;
}
