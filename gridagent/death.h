/* SPDX-License-Identifier: Apache-2.0 */
/*
 * death - what people read of a domain's end.
 *
 * m: a MSG_HV_DEATH, with the end of the domain's console as its tail.
 */
#ifndef DEATH_H
#define DEATH_H

#include "agent.h"

/* "crashed" and the like. */
const char *death_reason(const struct msg *m);
/* Its last line of console, quoted; "" if it said nothing. */
void death_last_words(const struct msg *m, char *out, size_t size);
/* The rest of it for who reads the node's log: not more than a screen. */
void death_log_console(const char *who, const struct msg *m);

#endif
