/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

int imagedev_open_plain(struct loop *loop, uint64_t size, imagedev_plain_fn fn,
			void *arg, struct imagedev **out, struct errinfo *err)
{
	struct imagedev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return errinfo_set(err, -ENOMEM, "out of memory");
	dev->loop = loop;
	dev->size = size;
	dev->plain = fn;
	dev->plain_arg = arg;
	*out = dev;
	return 0;
}

void imagedev_close(struct imagedev *dev)
{
	if (!dev)
		return;
	free(dev->traced);
	free(dev);
}

uint64_t imagedev_size(const struct imagedev *dev)
{
	return dev->size;
}

void imagedev_trace(struct imagedev *dev, imagedev_trace_fn fn, void *arg)
{
	if (!dev->traced)
		dev->traced = calloc(1, dev->size / INDEX_BLOCK / 8 + 1);
	dev->trace = dev->traced ? fn : NULL;
	dev->trace_arg = arg;
}

void imagedev_stats_get(const struct imagedev *dev, struct imagedev_stats *s)
{
	*s = dev->stats;
}
