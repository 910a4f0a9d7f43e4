/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static void note(struct imagedev *dev, uint64_t offset, uint32_t len)
{
	uint64_t last = (offset + len - 1) / INDEX_BLOCK;

	for (uint64_t b = offset / INDEX_BLOCK; b <= last; b++) {
		if (dev->traced[b / 8] >> (b % 8) & 1)
			continue;
		dev->traced[b / 8] |= (uint8_t)(1 << (b % 8));
		dev->trace(dev->trace_arg, (uint32_t)b);
	}
}

void imagedev_read(struct imagedev *dev, uint64_t offset, uint32_t len,
		   void *buf, imagedev_read_fn fn, void *arg)
{
	if (offset > dev->size || len > dev->size - offset) {
		fn(arg, -EINVAL);
		return;
	}
	dev->stats.reads++;
	dev->stats.read_bytes += len;
	if (dev->trace && len)
		note(dev, offset, len);
	if (dev->plain)
		fn(arg, dev->plain(dev->plain_arg, offset, len, buf));
}

void imagedev_cancel(struct imagedev *dev, void *arg)
{
	(void)dev;
	(void)arg;
}
