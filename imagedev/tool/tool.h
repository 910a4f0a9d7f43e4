/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program imagedev: main.c reads the command line, serve.c, disk.c and
 * image.c make the device, listen.c serves it on a unix socket. In
 * nbdkit-plugin.c nbdkit does the first and the last.
 */
#ifndef IMAGEDEV_TOOL_H
#define IMAGEDEV_TOOL_H

#include <stddef.h>

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
#define SERVE_INIT                                                      \
	{                                                               \
		.ready_fd = -1, .cache = 64 << 20, .decoded = 16 << 20, \
		.threads = 2                                            \
	}

struct tool_option {
	const char *name;
	enum { TOOL_TEXT, TOOL_PATH, TOOL_SIZE, TOOL_NUMBER, TOOL_FLAG } type;
	size_t at; /* in struct serve */
	int max;   /* of a number */
};
#define TOOL_OPTIONS_MAX 24
extern const struct tool_option tool_options[]; /* the last has no name */

/* value: borrowed for the program's life; NULL for a flag: 1. -ENOENT: there is
 * no such option. */
int tool_option_set(struct serve *s, const char *name, const char *value,
		    struct errinfo *err);
/* That the options fit together. */
int tool_serve_check(const struct serve *s, struct errinfo *err);
/* There is one device in a program at a time. */
int tool_open(struct loop *loop, struct serve *s, struct imagedev **dev,
	      struct errinfo *err);
void tool_close(struct imagedev *dev);

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
