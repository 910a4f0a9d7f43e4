/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console - the last bytes of each console, in memory of fixed size.
 *
 * A guest may print as fast as it likes: xenconsoled holds at most 1 MiB for
 * it, we HV_CONSOLE_RING, and nothing goes to a file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#include "private.h"

/* One dispatch takes no more than this of a console, so that a chatty guest
 * cannot keep its reader from everything else. */
#define PUMP_MAX HV_CONSOLE_RING

static struct hv_console *find_console(struct hv *hv, hv_domid domid)
{
	size_t i;

	for (i = 0; i < HV_DOMAIN_MAX; i++) {
		if (hv->consoles[i].domid == domid)
			return &hv->consoles[i];
	}
	return NULL;
}

static struct hv_console *add_console(struct hv *hv, hv_domid domid)
{
	struct hv_console *c = find_console(hv, 0);

	if (!c)
		return NULL;
	c->ring = malloc(HV_CONSOLE_RING);
	if (!c->ring)
		return NULL;
	c->domid = domid;
	c->fd = -1;
	c->total = 0;
	return c;
}

static void dispose(struct hv_console *c)
{
	if (!c->domid)
		return;
	cleanup_close(&c->fd); /* which also takes it out of the epoll */
	free(c->ring);
	memset(c, 0, sizeof(*c));
}

static int attach(struct hv *hv, struct hv_console *c)
{
	int rc;

	if (c->fd >= 0)
		return 0;
	c->fd = hv->ops->console(hv->be, c->domid);
	if (c->fd < 0) {
		rc = c->fd;
		c->fd = -1;
		return rc;
	}
	/* -EPERM: a plain file (the fake's), which is always readable. */
	rc = hv_poll_add(hv, c->fd);
	return rc == -EPERM ? 0 : rc;
}

static void keep(struct hv_console *c, const char *data, size_t len)
{
	while (len) {
		size_t at = c->total % HV_CONSOLE_RING;
		size_t n = HV_CONSOLE_RING - at;

		if (n > len)
			n = len;
		memcpy(c->ring + at, data, n);
		c->total += n;
		data += n;
		len -= n;
	}
}

static void pump(struct hv *hv, struct hv_console *c)
{
	size_t taken = 0;
	char data[4096];
	ssize_t n;

	if (attach(hv, c))
		return;
	while (taken < PUMP_MAX) {
		n = read(c->fd, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		keep(c, data, (size_t)n);
		taken += (size_t)n;
	}
	/* The other end is gone (EIO on a pty): it would poll as readable for
	 * ever. Tried anew at the next read. */
	if (taken < PUMP_MAX && n < 0 && errno != EAGAIN)
		cleanup_close(&c->fd), c->fd = -1;
}

void hv_console_pump(struct hv *hv)
{
	size_t i;

	for (i = 0; i < HV_DOMAIN_MAX; i++) {
		if (hv->consoles[i].domid)
			pump(hv, &hv->consoles[i]);
	}
}

void hv_console_drop(struct hv *hv, hv_domid domid)
{
	struct hv_console *c = find_console(hv, domid);

	if (c && domid)
		dispose(c);
}

void hv_console_dispose(struct hv *hv)
{
	size_t i;

	for (i = 0; i < HV_DOMAIN_MAX; i++)
		dispose(&hv->consoles[i]);
}

int hv_console_read(struct hv *hv, hv_domid domid, uint64_t *pos, void *buf,
		    size_t size, struct errinfo *err)
{
	struct hv_console *c = find_console(hv, domid);
	uint64_t oldest;
	size_t n = 0;
	int rc;

	if (!c) {
		rc = hv_domain_get(hv, domid, NULL, err);
		if (rc)
			return rc;
		c = add_console(hv, domid);
		if (!c)
			return errinfo_set_errno(err, -ENOMEM, "console");
	}
	pump(hv, c);
	oldest = c->total > HV_CONSOLE_RING ? c->total - HV_CONSOLE_RING : 0;
	if (*pos < oldest)
		*pos = oldest;
	while (n < size && *pos < c->total)
		((char *)buf)[n++] = c->ring[(*pos)++ % HV_CONSOLE_RING];
	return (int)n;
}
