/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - gives up what a process does not need. There is no way back. A
 * system call that its kind does not make ends it, with a line that says which.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "errinfo.h"

enum sandbox {
	SANDBOX_MAIN,  /* memory files and its sockets */
	SANDBOX_INET,  /* TCP clients, no files */
	SANDBOX_UDP,   /* datagrams, no files */
	SANDBOX_NONE,  /* reads what it is given */
	SANDBOX_CHAN,  /* that, and a vchan */
	SANDBOX_DISK,  /* files and devices, loads modules */
	SANDBOX_XEN,   /* a toolstack: only what it surely never needs is
			* taken */
	SANDBOX_SERVE, /* datagrams on sockets that it has, files to be read */
};

/*
 * From now on no file can be opened but below the directory, to be read
 * (Landlock). -EOPNOTSUPP: nothing has changed, the kernel does not know it or
 * was told not to use it.
 */
int sandbox_only_below(int dir, struct errinfo *err);

/*
 * no_new_privs, resource limits, and a system call filter; as root also an
 * empty root directory (`empty`, made if missing) and uid, unless uid is -1.
 * Who is not root already keeps uid and root directory. All but SANDBOX_SERVE
 * are killed when their parent dies.
 */
int sandbox_enter(enum sandbox kind, int uid, const char *empty,
		  struct errinfo *err);

#endif
