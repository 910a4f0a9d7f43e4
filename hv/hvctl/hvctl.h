/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hvctl - what its files share.
 */
#ifndef HVCTL_H
#define HVCTL_H

#include "hv.h"

struct hvctl {
	const char *backend;
	bool json;
	struct hv *hv; /* open while a command runs */
};

/* Prints the reason; returns CMD_EXIT_FAILED. */
int hvctl_fail(const struct errinfo *err, int rc);
/* By name, else by number. */
int hvctl_find(struct hvctl *ctl, const char *word, struct hv_domain *out,
	       struct errinfo *err);

/* Commands; arg is the struct hvctl. */
int hvctl_info(int argc, char **argv, void *arg);
int hvctl_list(int argc, char **argv, void *arg);
int hvctl_show(int argc, char **argv, void *arg);
int hvctl_create(int argc, char **argv, void *arg);

#endif
