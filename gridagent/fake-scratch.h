/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-scratch - a partition made of files, for tests: DIR/scratch is there to
 * be opened, or holds a line that says why not. What was done leaves files:
 * DIR/modules-closed, DIR/drivers, DIR/scratch-open.
 */
#ifndef FAKE_SCRATCH_H
#define FAKE_SCRATCH_H

#include "errinfo.h"
#include "messages.h"

void fake_scratch_state(const char *dir, struct msg_scratch_done *d);
int fake_scratch_prepare(const char *dir, int has_drivers);
int fake_scratch_open(const char *dir, struct errinfo *err);
int fake_scratch_close(const char *dir);

#endif
