/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink - the gateway's talk with the central, in two threads of its own that
 * may block: one long-polls what is desired, one posts reports. Texts are all
 * they share with the loop. An outage of the central is waited out.
 */
#ifndef UPLINK_H
#define UPLINK_H

#include <stdint.h>

#include "config.h"
#include "errinfo.h"
#include "loop.h"

struct uplink;

/* A new desired document, in the loop's thread. text is borrowed. */
typedef void (*uplink_fn)(const char *text, void *arg);

/* gen: of the desired state known already, or -1. */
int uplink_start(const struct config_central *central, struct loop *loop,
		 int64_t gen, uplink_fn fn, void *arg, struct uplink **out,
		 struct errinfo *err);
/* Posts text soon, in place of any that waits. Takes ownership. */
void uplink_report(struct uplink *u, char *text);
/* The document was refused: ask for the whole state again. */
void uplink_forget(struct uplink *u);
/* Ends with the process: its threads may be in a request. NULL is fine. */
void uplink_stop(struct uplink *u);

#endif
