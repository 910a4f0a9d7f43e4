/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog - Xen restarts the machine unless it hears from us (xen_wdt).
 *
 * Half alive is worse than dead: an agent that hangs holds a domU whose lease
 * is over, and an owner's PC. Fed by main through hv: either of them standing
 * still is enough.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "errinfo.h"

#define WATCHDOG_FEED_MS 5000

/* Arms it. Returns a descriptor, or a negative errno. Closing it does not
 * disarm: who starts anew opens and feeds it before the time is over. */
int watchdog_open(int timeout_sec, struct errinfo *err);
void watchdog_feed(int fd); /* -1: nothing */

#endif
