/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-hv - the front and the fake backend: what any backend promises.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fileio.h"
#include "hv-fixture.h"

static int readable(struct hv *hv, int ms)
{
	struct pollfd pfd = { .fd = hv_fd(hv), .events = POLLIN };

	return poll(&pfd, 1, ms);
}

/* Waits for the next death. */
static int next_event(struct hv *hv, struct hv_event *e)
{
	int i;

	for (i = 0; i < 50; i++) {
		readable(hv, 100);
		assert_int_equal(hv_dispatch(hv, NULL), 0);
		if (hv_event_next(hv, e))
			return 1;
	}
	return 0;
}

/* ---- create and list -------------------------------------------------- */

static void test_create_is_listed(void **state)
{
	struct fixture *f = *state;
	struct hv_domain d;
	hv_domid domid;

	f->cfg.weight = 100;
	f->cfg.cap = 50;
	domid = create(f, "one", "console=hvc0");
	assert_int_equal(hv_domain_find(f->hv, "one", &d, NULL), 0);
	assert_int_equal(d.domid, domid);
	assert_int_equal(d.kind, HV_KIND_PVH);
	assert_int_equal(d.state, HV_STATE_RUNNING);
	assert_int_equal(d.memory_mib, 256);
	assert_int_equal(d.weight, 100);
	assert_int_equal(d.cap, 50);
	assert_int_equal(d.uuid[6] >> 4, 4); /* made up, version 4 */
}

static void test_names_are_unique(void **state)
{
	struct fixture *f = *state;
	struct errinfo err = ERRINFO_INIT;
	hv_domid domid;

	create(f, "one", "");
	assert_int_equal(hv_domain_create(f->hv, &f->cfg, &domid, &err), -EEXIST);
	assert_non_null(strstr(err.text, "one"));
}

static void test_kind_follows_cpu(void **state)
{
	struct fixture *f = *state;
	struct hv_domain d;
	hv_domid domid;

	write_file(f, "host", "hvm 0\nhap 0\ncpus 4\n");
	create(f, "one", "");
	assert_int_equal(hv_domain_find(f->hv, "one", &d, NULL), 0);
	assert_int_equal(d.kind, HV_KIND_PV);
	f->cfg.name = "two";
	f->cfg.kind = HV_KIND_PVH;
	assert_int_equal(hv_domain_create(f->hv, &f->cfg, &domid, NULL),
			 -EOPNOTSUPP);
}

static void test_memory_is_accounted(void **state)
{
	struct fixture *f = *state;
	struct hv_host h;
	hv_domid domid;

	f->cfg.memory_mib = 1000;
	create(f, "one", "");
	assert_int_equal(hv_host_get(f->hv, &h, NULL), 0);
	assert_int_equal(h.free_mib, 2048 - 256 - 1000);
	f->cfg.name = "two";
	assert_int_equal(hv_domain_create(f->hv, &f->cfg, &domid, NULL), -ENOMEM);
	assert_int_equal(hv_domain_get(f->hv, 2, NULL, NULL), -ENOENT);
}

static void test_keys_and_devices(void **state)
{
	struct fixture *f = *state;
	struct hv_vbd_info vbds[HV_VBD_MAX];
	struct hv_vif_info vifs[HV_VIF_MAX];
	char path[128], *text;
	hv_domid domid;

	f->cfg.vbds[0] = (struct hv_vbd){ "xvda", f->kernel, NULL, false };
	f->cfg.vbd_count = 1;
	f->cfg.vifs[0] =
		(struct hv_vif){ .mac = { 2, 0, 0, 0, 0, 1 }, .bridge = "br0" };
	f->cfg.vif_count = 1;
	f->cfg.keys[0] = (struct hv_key){ "ip", "10.0.0.1/8" };
	f->cfg.key_count = 1;
	domid = create(f, "one", "");
	assert_int_equal(hv_domain_vbds(f->hv, domid, vbds, NULL), 1);
	assert_string_equal(vbds[0].vdev, "xvda");
	assert_false(vbds[0].writable);
	assert_int_equal(hv_domain_vifs(f->hv, domid, vifs, NULL), 1);
	assert_string_equal(vifs[0].bridge, "br0");
	assert_int_equal(vifs[0].mac[5], 1);
	snprintf(path, sizeof(path), "%s/vm-data-%u/ip", f->dir, domid);
	assert_int_equal(fileio_read(path, 100, &text, NULL, NULL), 0);
	assert_string_equal(text, "10.0.0.1/8");
	free(text);
	f->cfg.vifs[0].bridge = NULL;
	f->cfg.vifs[0].backend = domid;
	f->cfg.vifs[0].address = 0x0a000001;
	domid = create(f, "two", "");
	assert_int_equal(hv_domain_vifs(f->hv, domid, vifs, NULL), 1);
	assert_string_equal(vifs[0].bridge, "");
	assert_int_equal(vifs[0].backend, f->cfg.vifs[0].backend);
}

/* ---- deaths ----------------------------------------------------------- */

static void test_exit_is_reported_once(void **state)
{
	struct fixture *f = *state;
	struct hv_event e;
	hv_domid domid = create(f, "one", "fake-exit=1");

	assert_int_equal(hv_dispatch(f->hv, NULL), 0);
	assert_int_equal(hv_event_next(f->hv, &e), 0);
	assert_int_equal(readable(f->hv, 0), 0);
	assert_int_equal(next_event(f->hv, &e), 1);
	assert_int_equal(e.domid, domid);
	assert_int_equal(e.reason, HV_REASON_POWEROFF);
	assert_string_equal(e.name, "one");
	assert_int_equal(hv_dispatch(f->hv, NULL), 0);
	assert_int_equal(hv_event_next(f->hv, &e), 0);
	/* It stays until destroyed, and takes no more orders. */
	assert_int_equal(hv_domain_pause(f->hv, domid, NULL), -ESHUTDOWN);
	assert_int_equal(hv_domain_destroy(f->hv, domid, NULL), 0);
	assert_int_equal(hv_domain_destroy(f->hv, domid, NULL), -ENOENT);
}

static void test_crash_is_reported(void **state)
{
	struct fixture *f = *state;
	struct hv_event e;

	create(f, "one", "quiet fake-crash=0");
	assert_int_equal(next_event(f->hv, &e), 1);
	assert_int_equal(e.reason, HV_REASON_CRASH);
}

static void test_foreign_destroy_is_reported(void **state)
{
	struct fixture *f = *state;
	hv_domid domid = create(f, "one", "");
	struct hv *other = hv_open(f->backend, NULL, NULL, NULL);
	struct hv_event e;

	assert_int_equal(hv_dispatch(f->hv, NULL), 0);
	assert_int_equal(hv_domain_destroy(other, domid, NULL), 0);
	assert_int_equal(hv_dispatch(other, NULL), 0);
	assert_int_equal(hv_event_next(other, &e), 0); /* its own doing */
	hv_close(other);
	assert_int_equal(next_event(f->hv, &e), 1);
	assert_int_equal(e.domid, domid);
	assert_int_equal(e.reason, HV_REASON_DESTROYED);
}

static void test_restart_finds_dead_and_alive(void **state)
{
	struct fixture *f = *state;
	struct hv_domain d;
	struct hv_event e;
	hv_domid dead, alive;

	dead = create(f, "dead", "fake-exit=0");
	alive = create(f, "alive", "");
	hv_close(f->hv);
	f->hv = hv_open(f->backend, NULL, NULL, NULL);
	assert_int_equal(next_event(f->hv, &e), 1);
	assert_int_equal(e.domid, dead);
	assert_int_equal(hv_domain_find(f->hv, "alive", &d, NULL), 0);
	assert_int_equal(d.domid, alive);
	assert_int_equal(d.state, HV_STATE_RUNNING);
}

static void test_wait_and_shutdown(void **state)
{
	struct fixture *f = *state;
	enum hv_reason reason;
	hv_domid deaf = create(f, "deaf", "fake-deaf");
	hv_domid good = create(f, "good", "");

	assert_int_equal(hv_domain_wait(f->hv, good, 50, &reason, NULL),
			 -ETIMEDOUT);
	assert_int_equal(hv_domain_shutdown(f->hv, good, NULL), 0);
	assert_int_equal(hv_domain_wait(f->hv, good, 2000, &reason, NULL), 0);
	assert_int_equal(reason, HV_REASON_POWEROFF);
	assert_int_equal(hv_domain_shutdown(f->hv, deaf, NULL), 0);
	assert_int_equal(hv_domain_wait(f->hv, deaf, 100, &reason, NULL),
			 -ETIMEDOUT);
}

/* ---- change ----------------------------------------------------------- */

static void test_changes_are_seen(void **state)
{
	struct fixture *f = *state;
	hv_domid id = create(f, "one", "");
	struct hv_domain d;

	assert_int_equal(hv_domain_set_sched(f->hv, id, 512, 75, NULL), 0);
	assert_int_equal(hv_domain_set_memory(f->hv, id, 128, NULL), 0);
	assert_int_equal(hv_domain_set_memory(f->hv, id, 257, NULL), -EINVAL);
	assert_int_equal(hv_domain_set_vcpus(f->hv, id, 1, NULL), 0);
	assert_int_equal(hv_domain_set_vcpus(f->hv, id, 3, NULL), -EINVAL);
	assert_int_equal(hv_domain_pause(f->hv, id, NULL), 0);
	assert_int_equal(hv_domain_get(f->hv, id, &d, NULL), 0);
	assert_int_equal(d.weight, 512);
	assert_int_equal(d.cap, 75);
	assert_int_equal(d.memory_mib, 128);
	assert_int_equal(d.vcpus, 1);
	assert_int_equal(d.state, HV_STATE_PAUSED);
	assert_int_equal(hv_domain_unpause(f->hv, id, NULL), 0);
	assert_int_equal(hv_domain_get(f->hv, id, &d, NULL), 0);
	assert_int_equal(d.state, HV_STATE_RUNNING);
}

static void test_paused_guest_does_not_end(void **state)
{
	struct fixture *f = *state;
	enum hv_reason reason;
	hv_domid id;

	f->cfg.paused = true;
	id = create(f, "one", "fake-exit=0");
	assert_int_equal(hv_domain_wait(f->hv, id, 50, &reason, NULL),
			 -ETIMEDOUT);
	assert_int_equal(hv_domain_unpause(f->hv, id, NULL), 0);
	assert_int_equal(hv_domain_wait(f->hv, id, 2000, &reason, NULL), 0);
}

/* ---- console ---------------------------------------------------------- */

static void append(struct fixture *f, hv_domid domid, const char *text, int times)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/console-%u", f->dir, domid);
	file = fopen(path, "a");
	assert_non_null(file);
	while (times--)
		fputs(text, file);
	fclose(file);
}

static void test_console_tells_what_is_new(void **state)
{
	struct fixture *f = *state;
	hv_domid id = create(f, "one", "fake-say=login:_");
	uint64_t pos = 0;
	char text[256];
	int n;

	n = hv_console_read(f->hv, id, &pos, text, sizeof(text), NULL);
	assert_int_equal(pos, n);
	assert_memory_equal(text, "login: \n", 8);
	assert_int_equal(hv_console_read(f->hv, id, &pos, text, 256, NULL), 0);
	append(f, id, "more", 1);
	assert_int_equal(readable(f->hv, 1000), 1);
	assert_int_equal(hv_console_read(f->hv, id, &pos, text, 256, NULL), 4);
	assert_int_equal(hv_console_read(f->hv, 99, &pos, text, 256, NULL),
			 -ENOENT);
}

static void test_console_is_bounded(void **state)
{
	struct fixture *f = *state;
	hv_domid id = create(f, "one", "");
	static char text[2 * HV_CONSOLE_RING];
	uint64_t pos = 0;
	int i, n;

	hv_console_read(f->hv, id, &pos, text, 0, NULL);
	append(f, id, "0123456789abcdef", 3 * HV_CONSOLE_RING / 16);
	for (i = 0; i < 8; i++)
		assert_int_equal(hv_dispatch(f->hv, NULL), 0);
	n = hv_console_read(f->hv, id, &pos, text, sizeof(text), NULL);
	assert_int_equal(n, HV_CONSOLE_RING);
	assert_true(pos > 3 * HV_CONSOLE_RING);
	assert_int_equal(text[n - 1], 'f');
}

static void test_names_of_enums(void **state)
{
	(void)state;
	assert_string_equal(hv_kind_name(HV_KIND_PV), "pv");
	assert_string_equal(hv_state_name(HV_STATE_DYING), "dying");
	assert_string_equal(hv_reason_name(HV_REASON_CRASH), "crash");
	assert_string_equal(hv_reason_name(77), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_create_is_listed),
		T(test_names_are_unique),
		T(test_kind_follows_cpu),
		T(test_memory_is_accounted),
		T(test_keys_and_devices),
		T(test_exit_is_reported_once),
		T(test_crash_is_reported),
		T(test_foreign_destroy_is_reported),
		T(test_restart_finds_dead_and_alive),
		T(test_wait_and_shutdown),
		T(test_changes_are_seen),
		T(test_paused_guest_does_not_end),
		T(test_console_tells_what_is_new),
		T(test_console_is_bounded),
		T(test_names_of_enums),
	};

	return cmocka_run_group_tests_name("hv", tests, NULL, NULL);
}
