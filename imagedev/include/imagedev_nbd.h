/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev_nbd - one NBD connection (github.com/NetworkBlockDevice/nbd,
 * doc/proto.md) that reads an imagedev. Read-only: writes get NBD_EPERM.
 * Replies in the order in which reads finish. A client may be replaced by
 * another at any time (the kernel's NBD_CMD_RECONFIGURE).
 */
#ifndef IMAGEDEV_NBD_H
#define IMAGEDEV_NBD_H

#include "imagedev.h"

enum imagedev_nbd_start {
	IMAGEDEV_NBD_TRANSMISSION, /* negotiated by other means (netlink) */
	IMAGEDEV_NBD_NEWSTYLE,     /* with the fixed newstyle handshake */
};

struct imagedev_nbd;
/* The client went (rc 0 after NBD_CMD_DISC) or sent nonsense (-EPROTO); the
 * connection is gone when this returns. */
typedef void (*imagedev_nbd_end_fn)(void *arg, int rc);

/* Takes ownership of fd, a stream socket. */
int imagedev_nbd_serve(struct loop *loop, struct imagedev *dev, int fd,
		       enum imagedev_nbd_start start, imagedev_nbd_end_fn fn,
		       void *arg, struct imagedev_nbd **out, struct errinfo *err);
void imagedev_nbd_close(struct imagedev_nbd *n); /* fn is not called */

#endif
