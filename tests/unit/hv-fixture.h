/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fake backend in a folder of its own and a configuration that it takes, for
 * each test of hv.
 */
#ifndef HV_FIXTURE_H
#define HV_FIXTURE_H

#include "hv.h"

struct fixture {
	char dir[64], backend[80];
	int kernel;
	struct hv *hv;
	struct hv_config cfg;
};

int hv_setup(void **state);
int hv_teardown(void **state);

/* A file of the fake backend's folder. */
void write_file(struct fixture *f, const char *name, const char *text);

hv_domid create(struct fixture *f, const char *name, const char *cmdline);

#define T(name) cmocka_unit_test_setup_teardown(name, hv_setup, hv_teardown)

#endif
