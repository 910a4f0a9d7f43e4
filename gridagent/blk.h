/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk - what the blk process's files share: its requests to net (blk-get.c),
 * what air offers (blk-air.c) and its disks (proc-blk.c).
 */
#ifndef BLK_H
#define BLK_H

#include "imagedev.h"
#include "ipc.h"
#include "loop.h"

/* ---- requests to net: the source of all disks --------------------------- */

/* fd: the new socket to net, owned; what was asked of the old one is asked
 * again by who wants it. */
int blk_get_link(struct loop *loop, int fd);
/* Fills a source for one disk; dev is told what comes once it is bound. The
 * disk's requests go with blk_get_forget(). */
struct blk_source {
	struct imagedev *dev;
};
void blk_get_source(struct blk_source *s, struct imagedev_source *out);
void blk_get_forget(struct blk_source *s);

/* ---- what comes unasked -------------------------------------------------- */

/* fd: the new socket to air, owned. */
int blk_air_link(struct loop *loop, int fd);
/* Tells air what of that bundle is here already. */
void blk_air_have(const char *sha256, const struct imagedev *dev);
/* To each disk of that bundle. -EBADMSG: it was not what it should be; 0. */
int blk_offer(const char *sha256, uint64_t offset, const void *data, size_t len);

#endif
