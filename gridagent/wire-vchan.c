/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire-vchan - chan's wire between domains, by libxenvchan.
 *
 * netdom grants the pages and dom0 maps them, never the other way round: a
 * netdom that holds on to them holds its own memory only. The rings' indexes
 * are shared; libxenvchan takes one that cannot be as an empty or full ring.
 */
#include <errno.h>
#include <libxenvchan.h>
#include <stdio.h>

#include "chan.h"

#define RING_BYTES 262144 /* each way */
#define NODE       "data/nightshift"
#define DOM0       0

static int on_event(struct wire *w)
{
	struct libxenvchan *v = w->arg;

	return libxenvchan_wait(v) < 0 ? -EPIPE : 0;
}

static ssize_t vchan_read(struct wire *w, void *data, size_t len)
{
	int n = libxenvchan_read(w->arg, data, len);

	return n < 0 ? -EPIPE : n;
}

static ssize_t vchan_write(struct wire *w, const void *data, size_t len)
{
	int n = libxenvchan_write(w->arg, data, len);

	return n < 0 ? -EPIPE : n;
}

static void fill(struct wire *w, struct libxenvchan *v)
{
	v->blocking = 0;
	*w = (struct wire){ .fd = libxenvchan_fd_for_select(v),
			    .full = POLLIN,
			    .event = on_event,
			    .read = vchan_read,
			    .write = vchan_write,
			    .arg = v };
}

int wire_vchan_serve(struct wire *w, struct errinfo *err)
{
	struct libxenvchan *v = libxenvchan_server_init(NULL, DOM0, NODE,
							RING_BYTES, RING_BYTES);

	if (!v)
		return errinfo_set(err, -EIO, "vchan: %s does not come about",
				   NODE);
	fill(w, v);
	return 0;
}

int wire_vchan_connect(struct wire *w, unsigned int domid, struct errinfo *err)
{
	struct libxenvchan *v;
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/" NODE, domid);
	v = libxenvchan_client_init(NULL, (int)domid, path);
	if (!v)
		return errinfo_set(err, -EAGAIN, "vchan: nothing at %s", path);
	fill(w, v);
	return 0;
}
