/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's boot decision for one PC, as text (docs/protocol.md §2):
 *
 *	nightshift-boot 1
 *	action grid
 *	path /boot/r/0123456789abcdef/grid.efi
 *
 * or "action local" and no path. The text comes over plain HTTP from
 * whoever answered first: it chooses between two things this PC would do
 * anyway, and names where on the server the payload lies. It cannot choose the
 * payload (its digest is built in) nor another server.
 */
#ifndef BOOT_PXE_DECISION_H
#define BOOT_PXE_DECISION_H

#include <stddef.h>

enum {
	DECISION_TEXT_MAX = 512, /* the whole answer */
	DECISION_PATH_MAX = 128, /* with its NUL */
};

enum boot_action {
	BOOT_LOCAL,
	BOOT_GRID,
};

struct decision {
	enum boot_action action;
	char path[DECISION_PATH_MAX]; /* "" with BOOT_LOCAL */
};

/*
 * Read @len bytes of text. Returns NULL, or in a few words what is wrong with
 * it; then *decision_out is BOOT_LOCAL. Unknown, repeated and missing lines are
 * all refused, as is a path that is not a plain one below /boot/r/.
 */
const char *decision_parse(const char *text, size_t len,
			   struct decision *decision_out);

#endif
