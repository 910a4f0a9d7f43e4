/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hv refuses, and that nothing is left then.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hv-fixture.h"

static void bad_name(struct hv_config *c)
{
	c->name = "No Name";
}
static void bad_memory(struct hv_config *c)
{
	c->memory_mib = 1;
}
static void bad_vcpus(struct hv_config *c)
{
	c->vcpus = 0;
}
static void bad_weight(struct hv_config *c)
{
	c->weight = 65536;
}
static void bad_cap(struct hv_config *c)
{
	c->cap = 201;
}
static void bad_kernel(struct hv_config *c)
{
	c->kernel_fd = -1;
}
static void bad_cmdline(struct hv_config *c)
{
	c->cmdline = "a\nb";
}
static void bad_kind(struct hv_config *c)
{
	c->kind = 9;
}
static void bad_count(struct hv_config *c)
{
	c->vbd_count = HV_VBD_MAX + 1;
}

static void bad_vdev(struct hv_config *c)
{
	c->vbds[0] = (struct hv_vbd){ "sda", c->kernel_fd, NULL, false };
	c->vbd_count = 1;
}

static void two_vdevs(struct hv_config *c)
{
	c->vbds[0] = (struct hv_vbd){ "xvda", c->kernel_fd, NULL, false };
	c->vbds[1] = c->vbds[0];
	c->vbd_count = 2;
}

static void writable_fd(struct hv_config *c)
{
	c->vbds[0] = (struct hv_vbd){ "xvda", c->kernel_fd, NULL, true };
	c->vbd_count = 1;
}

static void file_path(struct hv_config *c)
{
	c->vbds[0] = (struct hv_vbd){ "xvda", -1, "/etc/passwd", false };
	c->vbd_count = 1;
}

static void bad_mac(struct hv_config *c)
{
	c->vifs[0] =
		(struct hv_vif){ .mac = { 1, 0, 0, 0, 0, 1 }, .bridge = "br0" };
	c->vif_count = 1;
}

static void bad_bridge(struct hv_config *c)
{
	c->vifs[0] = (struct hv_vif){ .mac = { 2, 0, 0, 0, 0, 1 },
				      .bridge = "../br0" };
	c->vif_count = 1;
}

static void bad_backend(struct hv_config *c)
{
	c->vifs[0] = (struct hv_vif){ .mac = { 2, 0, 0, 0, 0, 1 }, .backend = 1 };
	c->vif_count = 1;
}

static void two_ways(struct hv_config *c)
{
	c->vifs[0] = (struct hv_vif){ .mac = { 2, 0, 0, 0, 0, 1 },
				      .bridge = "br0",
				      .backend = 1,
				      .address = 1 << 24 };
	c->vif_count = 1;
}

static void bad_key(struct hv_config *c)
{
	c->keys[0] = (struct hv_key){ "../domid", "7" };
	c->key_count = 1;
}

static void bad_value(struct hv_config *c)
{
	c->keys[0] = (struct hv_key){ "ip", "\x1b[2J" };
	c->key_count = 1;
}

static void test_bad_configs_are_refused(void **state)
{
	static void (*const spoil[])(struct hv_config *) = {
		bad_name,    bad_memory,  bad_vcpus, bad_weight, bad_cap,
		bad_kernel,  bad_cmdline, bad_kind,  bad_count,  bad_vdev,
		two_vdevs,   writable_fd, file_path, bad_mac,    bad_bridge,
		bad_backend, two_ways,    bad_key,   bad_value,
	};
	struct fixture *f = *state;
	size_t i;

	assert_int_equal(hv_config_check(&f->cfg, NULL), 0);
	for (i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		struct errinfo err = ERRINFO_INIT;
		struct hv_config c = f->cfg;
		hv_domid domid;

		spoil[i](&c);
		if (hv_domain_create(f->hv, &c, &domid, &err) != -EINVAL ||
		    !err.text[0])
			fail_msg("case %zu was not refused", i);
	}
	assert_int_equal(hv_domain_get(f->hv, 1, NULL, NULL), -ENOENT);
}

static void test_dom0_is_not_ours(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hv_domain_destroy(f->hv, 0, NULL), -EINVAL);
	assert_int_equal(hv_domain_pause(f->hv, 0, NULL), -ENOENT);
	assert_int_equal(hv_domain_shutdown(f->hv, 0, NULL), -ENOENT);
}

static void test_failure_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	hv_domid domid;

	f->cfg.cmdline = "fake-fail=io";
	assert_int_equal(hv_domain_create(f->hv, &f->cfg, &domid, NULL), -EIO);
	f->cfg.cmdline = "";
	write_file(f, "fail", "create\n");
	assert_int_equal(hv_domain_create(f->hv, &f->cfg, &domid, NULL), -EIO);
	assert_int_equal(hv_domain_find(f->hv, "one", NULL, NULL), -ENOENT);
	assert_int_equal(hv_domain_create(f->hv, &f->cfg, &domid, NULL), 0);
}

static void test_open_words_its_failure(void **state)
{
	struct errinfo err = ERRINFO_INIT;

	(void)state;
	assert_null(hv_open("qemu", NULL, NULL, &err));
	assert_int_equal(err.rc, -EINVAL);
	assert_null(hv_open("fake", NULL, NULL, &err));
	assert_null(hv_open("libxl", NULL, NULL, &err)); /* no Xen here */
	assert_true(err.text[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_bad_configs_are_refused),
		T(test_dom0_is_not_ours),
		T(test_failure_leaves_nothing),
		T(test_open_words_its_failure),
	};

	return cmocka_run_group_tests_name("hv-refuse", tests, NULL, NULL);
}
