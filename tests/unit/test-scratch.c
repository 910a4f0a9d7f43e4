/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch partitions: a disk as sgdisk makes it, and what may be wrong with one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "scratch.h"

#define MIB    (1024 * 1024)
#define DISK   (96 * MIB)
#define PART   (50 * MIB)
#define SECTOR 512

static char path[] = "/tmp/test-scratch.XXXXXX";
static struct scratch_policy policy;
static struct scratch_part part;
static struct errinfo err;
static unsigned int n;
static int fd;

static int sgdisk(const char *options)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "PATH=$PATH:/sbin:/usr/sbin sgdisk %s %s >/dev/null", options,
		 path);
	return system(cmd);
}

/* An owner's disk: a system, then what is lent. */
static int setup(void **state)
{
	(void)state;
	strcpy(path, "/tmp/test-scratch.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, DISK))
		return -1;
	policy = (struct scratch_policy){ .label = "night" };
	scratch_parse_guid(SCRATCH_TYPE_TEXT, policy.type);
	return sgdisk("-n 1:2048:+20M -t 1:0700 -c 1:Windows "
		      "-n 2:0:+50M -t 2:" SCRATCH_TYPE_TEXT " -c 2:night "
		      "-n 3:0:+10M -t 3:" SCRATCH_TYPE_TEXT " -c 3:other");
}

static int teardown(void **state)
{
	(void)state;
	close(fd);
	return unlink(path);
}

static int find(void)
{
	err = (struct errinfo)ERRINFO_INIT;
	return scratch_gpt_find(fd, DISK, SECTOR, &policy, &part, &n, &err);
}

static void poke(off_t at, const void *data, size_t len)
{
	assert_int_equal(pwrite(fd, data, len, at), len);
}

static void it_is_found(void **state)
{
	(void)state;
	assert_int_equal(find(), 0);
	assert_int_equal(n, 1);
	assert_int_equal(part.start, 21 * MIB);
	assert_int_equal(part.size, PART);
}

static void label_and_type_must_both_fit(void **state)
{
	(void)state;
	strcpy(policy.label, "nigh");
	assert_int_equal(find(), 0);
	assert_int_equal(n, 0);
	strcpy(policy.label, "Windows");
	assert_int_equal(find(), 0);
	assert_int_equal(n, 0);
	strcpy(policy.label, "night");
	policy.type[15] ^= 1;
	assert_int_equal(find(), 0);
	assert_int_equal(n, 0);
}

static void two_are_counted(void **state)
{
	(void)state;
	assert_int_equal(sgdisk("-c 3:night"), 0);
	assert_int_equal(find(), 0);
	assert_int_equal(n, 2);
}

/* No byte of a table may change without its being seen. */
static void a_changed_table_is_refused(void **state)
{
	static const struct {
		off_t at;
		int len;
	} tables[] = {
		{ SECTOR, 92 },          /* head */
		{ 2 * SECTOR, 3 * 128 }, /* entries */
		{ DISK - SECTOR, 92 },   /* the copy's */
		{ DISK - 33 * SECTOR, 384 },
	};

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (int i = 0; i < tables[t].len; i++) {
			off_t at = tables[t].at + i;
			uint8_t c, other;

			assert_int_equal(pread(fd, &c, 1, at), 1);
			other = c ^ 0x11;
			poke(at, &other, 1);
			assert_int_equal(find(), -EBADMSG);
			poke(at, &c, 1);
		}
	assert_int_equal(find(), 0);
}

static void a_lost_copy_is_refused(void **state)
{
	static const char zero[SECTOR];

	(void)state;
	poke(DISK - SECTOR, zero, SECTOR);
	assert_int_equal(find(), -EBADMSG);
	assert_non_null(strstr(err.text, "gdisk"));
}

static void another_kind_of_table_is_none(void **state)
{
	static const char zero[SECTOR];

	(void)state;
	assert_int_equal(sgdisk("-h 1"), 0); /* hybrid */
	assert_int_equal(find(), -ENOMSG);
	assert_int_equal(sgdisk("-m 1:2:3"), 0);
	assert_int_equal(find(), -ENOMSG);
	assert_non_null(strstr(err.text, "MBR"));
	poke(0, zero, SECTOR);
	assert_int_equal(find(), -ENOMSG);
	assert_int_equal(
		scratch_gpt_find(fd, 4096, SECTOR, &policy, &part, &n, &err),
		-ENOMSG);
	assert_int_equal(scratch_gpt_find(fd, DISK, 520, &policy, &part, &n, &err),
			 -ENOMSG);
}

static void a_disk_that_was_cut_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(fd, DISK / 2), 0);
	assert_int_equal(scratch_gpt_find(fd, DISK / 2, SECTOR, &policy, &part,
					  &n, &err),
			 -EBADMSG);
}

/* ---- what lies in the partition --------------------------------------------- */

static int check(void)
{
	err = (struct errinfo)ERRINFO_INIT;
	return scratch_check(fd, DISK, part.guid, &err);
}

static void zeros_and_the_mark_are_free(void **state)
{
	static const char noise[4096] = "left from last night";

	(void)state;
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	assert_int_equal(check(), 0);
	assert_int_equal(scratch_mark(fd, DISK, part.guid, &err), 0);
	assert_int_equal(check(), 0);
	poke(MIB, noise, sizeof(noise));
	poke(DISK - MIB - 4096, noise, sizeof(noise));
	assert_int_equal(check(), 0);
}

static void a_mark_half_written_is_free(void **state)
{
	static const char zero[MIB];

	(void)state;
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	assert_int_equal(scratch_mark(fd, DISK, part.guid, &err), 0);
	poke(100 * 512, zero, 512 * 1000);
	poke(DISK - MIB, zero, MIB);
	assert_int_equal(check(), 0);
}

static void another_partitions_mark_is_not_ours(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	assert_int_equal(scratch_mark(fd, DISK, part.guid, &err), 0);
	part.guid[0] ^= 1;
	assert_int_equal(check(), -EEXIST);
}

/* Any file system, volume or swap area that Debian can make. */
static void what_an_owner_puts_there_is_seen(void **state)
{
	static const char *const makers[] = {
		"mkfs.ext4 -q -F", "mkfs.ext4 -q -F -E nodiscard -b 4096",
		"mkfs.vfat",       "mkfs.ntfs -q -F -f",
		"mkswap -q",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		char cmd[200];

		for (int marked = 0; marked < 2; marked++) {
			assert_int_equal(ftruncate(fd, 0), 0);
			assert_int_equal(ftruncate(fd, DISK), 0);
			if (marked)
				assert_int_equal(
					scratch_mark(fd, DISK, part.guid, &err),
					0);
			snprintf(cmd, sizeof(cmd),
				 "PATH=$PATH:/sbin:/usr/sbin %s %s >/dev/null 2>&1",
				 makers[i], path);
			if (system(cmd))
				fail_msg("%s", cmd);
			if (check() != -EEXIST)
				fail_msg("%s is not seen", makers[i]);
			assert_non_null(strstr(err.text, "first and last MiB"));
		}
	}
}

static void too_small_is_said(void **state)
{
	(void)state;
	assert_int_equal(scratch_check(fd, 8 * MIB, part.guid, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "18 MiB"));
}

static void guids_are_read_as_printed(void **state)
{
	static const char *const bad[] = {
		"",
		"7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a",
		"7d3f5a52",
		"7d3f5a52+8c1e-4b0e-9d7a-2f6c1b94e0a3",
		"7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0ag",
		"7d3f5a52-8c1e-4b0e-9d7a-2f6c1b94e0a3 ",
	};
	char text[SCRATCH_GUID_STR];
	uint8_t guid[SCRATCH_GUID];

	(void)state;
	assert_int_equal(
		scratch_parse_guid("7D3F5A52-8C1E-4B0E-9D7A-2F6C1B94E0A3", guid),
		0);
	assert_int_equal(guid[0], 0x52);
	assert_int_equal(guid[8], 0x9d);
	scratch_format_guid(guid, text);
	assert_string_equal(text, SCRATCH_TYPE_TEXT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(scratch_parse_guid(bad[i], guid), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_is_found),
		T(label_and_type_must_both_fit),
		T(two_are_counted),
		T(a_changed_table_is_refused),
		T(a_lost_copy_is_refused),
		T(another_kind_of_table_is_none),
		T(a_disk_that_was_cut_is_refused),
		T(zeros_and_the_mark_are_free),
		T(a_mark_half_written_is_free),
		T(another_partitions_mark_is_not_ours),
		T(what_an_owner_puts_there_is_seen),
		T(too_small_is_said),
		T(guids_are_read_as_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
