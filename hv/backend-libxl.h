/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend-libxl - what its sources share; all else goes by hv_ops_libxl.
 */
#ifndef HV_BACKEND_LIBXL_H
#define HV_BACKEND_LIBXL_H

#define LIBXL_API_VERSION 0x041400
#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>

#include "backend.h"
#include "libxl-log.h"

#define HV_KIB_PER_MIB 1024

struct hv_xl {
	libxl_ctx *ctx;
	struct hv_xtl xtl;
	struct xs_handle *xs; /* watches and device entries */
};

/* 0 if rc is, else a negative errno, worded by libxl's own first complaint. */
int hv_xl_failed(struct hv_xl *x, int rc, const char *what, struct errinfo *err);

/* libxl-facts.c, libxl-create.c: members of struct hv_ops. */
int hv_xl_host(void *be, struct hv_host *out, struct errinfo *err);
int hv_xl_list(void *be, struct hv_domain *out, size_t max, struct errinfo *err);
int hv_xl_create(void *be, const struct hv_config *cfg, hv_domid *domid_out,
		 struct errinfo *err);
int hv_xl_destroy(void *be, hv_domid domid, struct errinfo *err);

#endif
