/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hv process's own floor, and host facts from a folder that stands for /.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmdline.h"
#include "facts.h"
#include "fileio.h"
#include "policy.h"

static const struct policy_host host = { 2048, 1500, 2, 0 };

static struct msg_hv_create good(void)
{
	struct msg_hv_create q = { 0 };

	strcpy(q.domu.id, "batch-1");
	strcpy(q.domu.mac, "00:16:3e:00:00:01");
	strcpy(q.cmdline, "console=hvc0 root=/dev/xvda ro");
	q.domu.memory_mib = 512;
	q.domu.vcpus = 2;
	return q;
}

#define REFUSED(change)                                                     \
	do {                                                                \
		struct msg_hv_create q = good();                            \
		struct policy_host h = host;                                \
		int fds = 1;                                                \
		change;                                                     \
		assert_int_equal(policy_create(&q, fds, &h, NULL), -EPERM); \
		(void)h;                                                    \
	} while (0)

static void test_create(void **state)
{
	struct msg_hv_create fine = good();

	(void)state;
	assert_int_equal(policy_create(&fine, 1, &host, NULL), 0);
	REFUSED(q.domu.memory_mib = 2049);
	REFUSED(q.domu.vcpus = 5);
	REFUSED(h.n_domus = POLICY_DOMUS);
	REFUSED(strcpy(q.domu.id, "dom0"));
	REFUSED(strcpy(q.domu.id, "domain-0"));
	REFUSED(strcpy(q.domu.id, "a/b"));
	REFUSED(strcpy(q.domu.mac, "ff:ff:ff:ff:ff:ff"));
	REFUSED(strcpy(q.domu.mac, "00:00:00:00:00:00"));
	REFUSED(strcpy(q.cmdline, "init=/bin/sh;"));
	REFUSED(strcpy(q.cmdline, "x=$(y)"));
	REFUSED(strcpy(q.cmdline, "x=\xc3\xa4"));
	REFUSED(q.has_initrd = 1);
	REFUSED(fds = 2);
}

static void test_descriptors(void **state)
{
	int fd = memfd_create("t", MFD_ALLOW_SEALING);
	int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	(void)state;
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(policy_fd(fd, "root", NULL), -EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	assert_int_equal(policy_fd(fd, "root", NULL), 0);
	close(fd);
	fd = memfd_create("t", MFD_ALLOW_SEALING);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	assert_int_equal(policy_fd(fd, "root", NULL), -EPERM); /* empty */
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(policy_fd(fd, "root", NULL), -EPERM);
	close(fd);
}

static void put(const char *dir, const char *path, const char *text)
{
	char full[4096], *slash;

	snprintf(full, sizeof(full), "%s%s", dir, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(fileio_mkdirs(full, 0755, NULL), 0);
	*slash = '/';
	assert_int_equal(
		fileio_write_atomic(full, text, strlen(text), 0644, NULL), 0);
}

static void test_facts(void **state)
{
	char dir[] = "/tmp/test-agent-XXXXXX", command[64];
	struct msg_hv_facts f = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	put(dir, "/proc/cmdline", "console=hvc0 BOOTIF=01-52-54-00-77-00-11\n");
	put(dir, "/proc/cpuinfo",
	    "x : y\nmodel name\t: Acme 3000\nmodel name"
	    "\t: Other\n");
	put(dir, "/proc/meminfo", "MemTotal: 1 kB\nMemAvailable:  204800 kB\n");
	put(dir, "/sys/class/dmi/id/product_name", "OptiThing \x01 7\n");
	put(dir, "/sys/block/loop0/size", "0\n");
	put(dir, "/sys/class/net/eth0/address", "52:54:00:77:00:99\n");
	put(dir, "/sys/class/net/eth0/device/vendor", "0x8086\n");
	put(dir, "/sys/class/net/lo/address", "00:00:00:00:00:00\n");
	put(dir, "/sys/class/net/vif1.0/device/x", "\n");
	facts_read(dir, &f);
	assert_string_equal(f.mac, "52:54:00:77:00:11"); /* the boot's NIC */
	assert_string_equal(f.cpu_model, "Acme 3000");
	assert_string_equal(f.product, "OptiThing ? 7");
	assert_int_equal(f.n_block, 0);
	assert_int_equal(f.n_nics, 1);
	assert_string_equal(f.nics[0], "eth0 52:54:00:77:00:99 ");
	assert_int_equal(f.uefi, 0);
	assert_int_equal(facts_free_mib(dir), 200);
	put(dir, "/proc/cmdline", "console=hvc0\n");
	put(dir, "/sys/block/sda/size", "1\n");
	put(dir, "/sys/firmware/efi/x", "\n");
	memset(&f, 0, sizeof(f));
	facts_read(dir, &f);
	assert_string_equal(f.mac, "52:54:00:77:00:99");
	assert_int_equal(f.n_block, 1);
	assert_string_equal(f.block[0], "sda");
	assert_int_equal(f.uefi, 1);
	/* The card whose MAC netdom has is told of with its own. */
	put(dir, "/sys/class/net/eth0/address", FACTS_LENT_MAC "\n");
	memset(&f, 0, sizeof(f));
	strcpy(f.mac, "52:54:00:77:00:aa");
	facts_read(dir, &f);
	assert_string_equal(f.nics[0], "eth0 52:54:00:77:00:aa ");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static int check_line(const char *found, const char *may)
{
	return cmdline_check("line", "a=1 b=2,3\n", found, may, NULL);
}

static void test_cmdline(void **state)
{
	struct errinfo err = ERRINFO_INIT;

	(void)state;
	assert_int_equal(check_line("a=1  b=2,3 ", NULL), 0);
	assert_int_equal(check_line("a=1 b=2,3 BOOTIF=01-x", "BOOTIF="), 0);
	assert_int_equal(check_line("a=1 b=2,3 BOOTIF=01-x", NULL), -EPERM);
	assert_int_equal(check_line("a=1 b=2,3 rdinit=/x", "BOOTIF="), -EPERM);
	assert_int_equal(check_line("a=1 b=2,3 BOOTIF=x init=/y", "BOOTIF="),
			 -EPERM);
	assert_int_equal(check_line("BOOTIF=x a=1 b=2,3", "BOOTIF="), -EPERM);
	assert_int_equal(check_line("", "BOOTIF="), -EPERM);
	assert_int_equal(check_line("a=1", NULL), -EPERM);
	assert_int_equal(check_line("b=2,3 a=1", NULL), -EPERM);
	assert_int_equal(check_line("a=1 b=2,33", NULL), -EPERM);
	cmdline_check("Xen's command line", "a=1", "a=1 x", NULL, &err);
	assert_string_equal(err.text, "Xen's command line has 'x', which its "
				      "image does not say");
	cmdline_check("Xen's command line", "a=1", "a=2", NULL, &err);
	assert_string_equal(err.text, "Xen's command line has 'a=2' where its "
				      "image says 'a=1'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_cmdline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
