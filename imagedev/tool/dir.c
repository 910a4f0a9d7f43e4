/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source in a directory: answers in the loop's next round.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "tool-image.h"

#define ASKED_MAX 16

struct asked {
	uint64_t id, offset, len; /* id 0: free */
	char path[4096];
};

static struct asked asked[ASKED_MAX];
static struct loop_timer *timer;
static struct imagedev *device;
static const char *dir; /* borrowed, for the life of the program */

static int get(void *arg, uint64_t id, enum imagedev_priority priority,
	       const char *sha256, uint64_t offset, uint64_t len)
{
	(void)arg;
	(void)priority;
	for (int i = 0; i < ASKED_MAX; i++) {
		if (asked[i].id)
			continue;
		asked[i].id = id;
		asked[i].offset = offset;
		asked[i].len = len;
		snprintf(asked[i].path, sizeof(asked[i].path),
			 "%s/blobs/%.2s/%s", dir, sha256, sha256);
		loop_timer_set(timer, 0);
		return 0;
	}
	return -EAGAIN;
}

static void cancel(void *arg, uint64_t id)
{
	(void)arg;
	for (int i = 0; i < ASKED_MAX; i++)
		if (asked[i].id == id)
			asked[i].id = 0;
}

static void answer(struct asked *a)
{
	auto_close int fd = open(a->path, O_RDONLY | O_CLOEXEC);
	auto_free char *data = malloc(a->len);
	uint64_t id = a->id;
	ssize_t k = -1;
	int rc;

	if (fd >= 0 && data)
		k = pread(fd, data, a->len, (off_t)a->offset);
	rc = fd < 0 && errno == ENOENT ? -ENOENT : k < 0 ? -EIO : 0;
	a->id = 0;
	if (k > 0)
		imagedev_data(device, id, data, (size_t)k);
	imagedev_end(device, id, rc);
}

static void on_time(void *arg)
{
	(void)arg;
	for (int i = 0; i < ASKED_MAX; i++)
		if (asked[i].id)
			answer(&asked[i]);
}

int tool_dir_source(struct loop *loop, const char *path,
		    struct imagedev_source *s)
{
	dir = path;
	timer = loop_timer_add(loop, on_time, NULL);
	*s = (struct imagedev_source){ get, cancel, NULL };
	return timer ? 0 : -ENOMEM;
}

void tool_dir_bind(struct imagedev *dev)
{
	device = dev;
}
