/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmdline - whether Xen and dom0's kernel were started as their image says.
 *
 * Whoever can change a boot loader's configuration can add words to both
 * command lines ("rdinit=/bin/sh"). The loader is to prevent that; this is the
 * second look, by the one who would have to work on such a machine.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include "errinfo.h"

/* The files of DIR that hold one line each, written by dom0-image/build. */
#define CMDLINE_XEN  "cmdline.xen"
#define CMDLINE_DOM0 "cmdline.dom0"

/*
 * Compares the words of what was found with those expected, in their order.
 * One word more is allowed at the end where `may` is not NULL: it begins with
 * `may`. `what` names the line in the error. 0; -EPERM.
 */
int cmdline_check(const char *what, const char *expected, const char *found,
		  const char *may, struct errinfo *err);

/* Both lines against the files in dir. */
int cmdline_check_both(const char *dir, const char *xen, const char *dom0,
		       struct errinfo *err);

#endif
