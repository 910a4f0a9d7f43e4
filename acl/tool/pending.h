/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending - rules that go back unless somebody confirms them.
 *
 * What was loaded before lies in STATE/acl.pending while a guard waits, a
 * process of its own that a closed terminal does not end. Whoever takes that
 * file away (a rename: one can) decides: confirm drops it, the guard at its
 * deadline, or revert, load it.
 */
#ifndef PENDING_H
#define PENDING_H

#include "errinfo.h"

/* Writes the rules that are loaded now. -EBUSY: another change waits. */
int pending_begin(const char *state, struct errinfo *err);
/* Forks the guard. *fd_out becomes readable when it is over. */
int pending_guard(const char *state, int seconds, int *fd_out,
		  struct errinfo *err);
/* Nothing was loaded after all. */
void pending_cancel(const char *state);

/* -ENOENT: nothing waits. */
int pending_confirm(const char *state, struct errinfo *err);
int pending_revert(const char *state, struct errinfo *err);

#endif
