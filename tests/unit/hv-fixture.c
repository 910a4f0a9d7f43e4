/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "fileio.h"
#include "hv-fixture.h"

static int make_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fileio_write_all(fd, text, strlen(text)), 0);
	return fd;
}

int hv_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct errinfo err = ERRINFO_INIT;

	strcpy(f->dir, "/tmp/test-hv-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->backend, sizeof(f->backend), "fake:%s", f->dir);
	f->hv = hv_open(f->backend, NULL, NULL, &err);
	assert_non_null(f->hv);
	f->kernel = make_file("kernel");
	f->cfg = (struct hv_config)HV_CONFIG_INIT;
	f->cfg.name = "one";
	f->cfg.memory_mib = 256;
	f->cfg.vcpus = 2;
	f->cfg.kernel_fd = f->kernel;
	*state = f;
	return 0;
}

int hv_teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[96];

	hv_close(f->hv);
	close(f->kernel);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

void write_file(struct fixture *f, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(
		fileio_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

hv_domid create(struct fixture *f, const char *name, const char *cmdline)
{
	struct errinfo err = ERRINFO_INIT;
	hv_domid domid = 0;
	int rc;

	f->cfg.name = name;
	f->cfg.cmdline = cmdline;
	rc = hv_domain_create(f->hv, &f->cfg, &domid, &err);
	if (rc)
		fail_msg("create: %s", errinfo_text(&err, rc));
	return domid;
}
