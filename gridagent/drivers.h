/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers - a release's drivers.img (docs/protocol.md §2): kernel modules in
 * the order in which they load. Its digest has been checked.
 *
 *	nightshift-drivers 1\n
 *	SIZE NAME\n		each module
 *	\n
 *	their bytes, one after the other, to the end
 */
#ifndef DRIVERS_H
#define DRIVERS_H

#include <stddef.h>

#include "errinfo.h"

/* Called for each module, in order; non-zero ends it. */
typedef int (*drivers_fn)(const char *name, const void *module, size_t size,
			  void *arg, struct errinfo *err);

/* -EBADMSG: it is no such file; nothing has been called then. */
int drivers_each(const void *data, size_t len, drivers_fn fn, void *arg,
		 struct errinfo *err);

/* Loads all of a memory file. What the machine has no hardware for, and what
 * is loaded, is no error. */
int drivers_load(int fd, struct errinfo *err);

#endif
