/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxl-log - what libxl says, for the log callback and for error texts.
 */
#ifndef HV_LIBXL_LOG_H
#define HV_LIBXL_LOG_H

#include <xentoollog.h>

#include "hv.h"

struct hv_xtl {
	struct xentoollog_logger vtable; /* first: libxl gets this */
	hv_log_fn log;
	void *arg;
	char first[256]; /* first error since hv_xtl_reset, "" if none */
};

void hv_xtl_init(struct hv_xtl *x, hv_log_fn log, void *arg);
void hv_xtl_reset(struct hv_xtl *x);

#endif
