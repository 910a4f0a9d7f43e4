/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - one run of `imagerepo trace`: the image starts in an emulated PC
 * whose disk notes what is read first, second, third...
 */
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include "draft.h"
#include "stage.h"

/* What the guest says at the end of its start (trace-guest.c). */
#define TRACE_DONE   "nightshift: MARK trace-done"
#define TRACE_FAILED "nightshift: MARK trace-failed"

struct trace {
	const char *dir; /* of the image */
	const char *from[STAGE_FROM_MAX];
	size_t n_from;
	int timeout_sec, memory_mib, verbose, quiet;
	struct image_draft draft;
	char *tmp; /* directory for the run */
};

/* TMP/initrd: the image's own with the guest's half of this appended. */
int trace_initrd(struct trace *t, struct errinfo *err);
/* Runs it; TMP/trace holds the numbers when it returns 0. */
int trace_run(struct trace *t, struct errinfo *err);

#endif
