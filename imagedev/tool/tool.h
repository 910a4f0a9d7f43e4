/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program imagedev: main.c reads the command line, disk.c and image.c
 * make the device, listen.c serves it on a unix socket.
 */
#ifndef IMAGEDEV_TOOL_H
#define IMAGEDEV_TOOL_H

#include "imagedev.h"

#define TOOL_NAME "imagedev"

struct serve {
	const char *disk; /* a plain file, or: */
	const char *url;  /* the repository's, "file:///..." for a directory */
	const char *repo; /* its directory */
	const char *root; /* trusted root document */
	const char *manifest; /* a checked manifest instead of root and name */
	const char *image;    /* "IMAGE:CHANNEL" */
	const char *socket, *trace, *stats;
	uint64_t cache, decoded;
	int threads, h2, fill, no_bundle, low_speed, ready_fd;
};

/* Makes the device; the disk's or repository's state lives to the end. */
int tool_disk_open(struct loop *loop, const char *path, struct imagedev **dev,
		   struct errinfo *err);
int tool_image_open(struct loop *loop, const struct serve *s,
		    struct imagedev **dev, struct errinfo *err);
void tool_image_close(void);

/* Serves until SIGTERM or SIGINT. */
int tool_listen(struct loop *loop, const struct serve *s, struct imagedev *dev,
		struct errinfo *err);

#endif
