/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot.h"
#include "cleanup.h"
#include "fileio.h"

static const struct release sample = {
	.id = "00112233aabbccdd",
	.xen_cmdline = "dom0_mem=256M",
	.dom0_cmdline = "console=hvc0",
};

static void macs_are_read_as_loaders_write_them(void **state)
{
	static const struct {
		enum boot_loader loader;
		const char *text;
		int rc;
	} cases[] = {
		{ BOOT_LOADER_PXELINUX, "01-52-54-00-77-00-11", 0 },
		{ BOOT_LOADER_PXELINUX, "52-54-00-77-00-11", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "02-52-54-00-77-00-11", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "01-52-54-00-77-00", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "01-52-54-00-77-00-11-22", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "default", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "0A4D000B", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "", -EINVAL },
		{ BOOT_LOADER_PXELINUX, "01-", -EINVAL },
		{ BOOT_LOADER_IPXE, "52:54:00:77:00:11", 0 },
		{ BOOT_LOADER_IPXE, "52-54-00-77-00-11", 0 },
		{ BOOT_LOADER_IPXE, "52:54:00:77:00:1", -EINVAL },
		{ BOOT_LOADER_IPXE, "52:54:00:77:00:11 ", -EINVAL },
		{ BOOT_LOADER_IPXE, "52:54:00:77:00:1g", -EINVAL },
		{ BOOT_LOADER_UEFI, "525400770011", -EINVAL },
		{ BOOT_LOADER_UEFI, "../../etc/passwd", -EINVAL },
	};
	static const uint8_t want[] = { 0x52, 0x54, 0, 0x77, 0, 0x11 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t mac[PARSE_MAC_LEN];

		assert_int_equal(
			boot_parse_mac(cases[i].loader, cases[i].text, mac),
			cases[i].rc);
		if (!cases[i].rc)
			assert_memory_equal(mac, want, sizeof(want));
	}
}

static void a_long_name_is_no_mac(void **state)
{
	uint8_t mac[PARSE_MAC_LEN];
	char text[9000];

	(void)state;
	memset(text, '5', sizeof(text));
	memcpy(text, "01-", 3);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(boot_parse_mac(BOOT_LOADER_PXELINUX, text, mac),
			 -EINVAL);
	assert_int_equal(boot_parse_mac(BOOT_LOADER_IPXE, text, mac), -EINVAL);
}

static void answers_are_these(void **state)
{
	static const struct {
		enum boot_loader loader;
		enum boot_choice choice;
		const char *text;
	} cases[] = {
		{ BOOT_LOADER_PXELINUX, BOOT_GRID,
		  "DEFAULT grid\nPROMPT 0\nTIMEOUT 0\nLABEL grid\n"
		  "  KERNEL mboot.c32\n"
		  "  APPEND http://10.0.0.1/boot/r/00112233aabbccdd/xen.gz"
		  " dom0_mem=256M"
		  " --- http://10.0.0.1/boot/r/00112233aabbccdd/vmlinuz"
		  " console=hvc0"
		  " --- http://10.0.0.1/boot/r/00112233aabbccdd/dom0.img\n" },
		{ BOOT_LOADER_PXELINUX, BOOT_LOCAL,
		  "DEFAULT local\nPROMPT 0\nLABEL local\n  LOCALBOOT -1\n" },
		{ BOOT_LOADER_IPXE, BOOT_GRID,
		  "#!ipxe\n"
		  "kernel /boot/r/00112233aabbccdd/xen dom0_mem=256M || exit\n"
		  "module /boot/r/00112233aabbccdd/vmlinuz console=hvc0"
		  " || exit\n"
		  "module /boot/r/00112233aabbccdd/dom0.img || exit\n"
		  "boot || exit\n" },
		{ BOOT_LOADER_IPXE, BOOT_LOCAL, "#!ipxe\nexit\n" },
		{ BOOT_LOADER_UEFI, BOOT_GRID,
		  "nightshift-boot 1\naction grid\n"
		  "path /boot/r/00112233aabbccdd/grid.efi\n" },
		{ BOOT_LOADER_UEFI, BOOT_LOCAL,
		  "nightshift-boot 1\naction local\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf text = BUF_INIT;

		boot_text(cases[i].loader, cases[i].choice,
			  cases[i].choice == BOOT_GRID ? &sample : NULL,
			  "10.0.0.1", &text);
		assert_string_equal(text.data, cases[i].text);
	}
}

static void a_release_is_checked(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "{\"release\":\"0a\",\"xen_cmdline\":\"\","
		  "\"dom0_cmdline\":\"a b\"}",
		  0 },
		{ "{\"release\":\"../x\",\"xen_cmdline\":\"\","
		  "\"dom0_cmdline\":\"\"}",
		  -EINVAL },
		{ "{\"release\":\"\",\"xen_cmdline\":\"\","
		  "\"dom0_cmdline\":\"\"}",
		  -EINVAL },
		{ "{\"release\":\"0a\",\"xen_cmdline\":\"a\\nb\","
		  "\"dom0_cmdline\":\"\"}",
		  -EINVAL },
		{ "{\"release\":\"0a\",\"xen_cmdline\":\"a --- b\","
		  "\"dom0_cmdline\":\"\"}",
		  -EINVAL },
		{ "{\"release\":\"0a\",\"xen_cmdline\":1,"
		  "\"dom0_cmdline\":\"\"}",
		  -EINVAL },
		{ "{\"release\":\"0a\"}", -EINVAL },
		{ "[]", -EINVAL },
		{ "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct release r;

		assert_int_equal(release_parse(cases[i].text,
					       strlen(cases[i].text), &r, NULL),
				 cases[i].rc);
	}
}

static void write_release(const char *dir, const char *id)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "%s/boot.json", dir);
	snprintf(text, sizeof(text),
		 "{\"release\":\"%s\",\"xen_cmdline\":\"x\","
		 "\"dom0_cmdline\":\"d\"}",
		 id);
	assert_int_equal(
		fileio_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void a_new_release_is_seen(void **state)
{
	char dir[] = "/tmp/test-boot-XXXXXX", path[128];
	struct release_cache cache = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_null(release_get(&cache, dir, NULL));
	write_release(dir, "aa");
	assert_string_equal(release_get(&cache, dir, NULL)->id, "aa");
	write_release(dir, "bb");
	assert_string_equal(release_get(&cache, dir, NULL)->id, "bb");
	/* A broken one is not taken; the last good one still boots. */
	write_release(dir, "no hex");
	assert_string_equal(release_get(&cache, dir, NULL)->id, "bb");
	snprintf(path, sizeof(path), "%s/boot.json", dir);
	unlink(path);
	assert_string_equal(release_get(&cache, dir, NULL)->id, "bb");
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(macs_are_read_as_loaders_write_them),
		cmocka_unit_test(a_long_name_is_no_mac),
		cmocka_unit_test(answers_are_these),
		cmocka_unit_test(a_release_is_checked),
		cmocka_unit_test(a_new_release_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
