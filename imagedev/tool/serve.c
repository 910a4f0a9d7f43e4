/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a front end (main.c, nbdkit-plugin.c) may be told, and the device that
 * follows from it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"
#include "tool-image.h"
#include "tool.h"

#define AT(x) offsetof(struct serve, x)

const struct tool_option tool_options[] = {
	{ "disk", TOOL_PATH, AT(disk), 0 },
	{ "url", TOOL_TEXT, AT(url), 0 },
	{ "repo", TOOL_PATH, AT(repo), 0 },
	{ "root", TOOL_PATH, AT(root), 0 },
	{ "manifest", TOOL_PATH, AT(manifest), 0 },
	{ "socket", TOOL_TEXT, AT(socket), 0 },
	{ "trace", TOOL_TEXT, AT(trace), 0 },
	{ "stats-json", TOOL_TEXT, AT(stats), 0 },
	{ "cache", TOOL_SIZE, AT(cache), 0 },
	{ "decoded", TOOL_SIZE, AT(decoded), 0 },
	{ "threads", TOOL_NUMBER, AT(threads), 16 },
	{ "low-speed-sec", TOOL_NUMBER, AT(low_speed), 3600 },
	{ "ready-fd", TOOL_NUMBER, AT(ready_fd), 1 << 20 },
	{ "h2", TOOL_FLAG, AT(h2), 0 },
	{ "fill", TOOL_FLAG, AT(fill), 0 },
	{ "no-bundle", TOOL_FLAG, AT(no_bundle), 0 },
	{ NULL, TOOL_TEXT, 0, 0 },
};
_Static_assert(ARRAY_SIZE(tool_options) - 1 <= TOOL_OPTIONS_MAX, "options");

static int set(struct serve *s, const struct tool_option *o, const char *value,
	       struct errinfo *err)
{
	void *to = (char *)s + o->at;

	switch (o->type) {
	case TOOL_TEXT:
	case TOOL_PATH:
		*(const char **)to = value;
		return 0;
	case TOOL_FLAG:
		if (value && parse_int(value, 0, 1, to))
			return errinfo_set(err, -EINVAL, "%s %s: not 0 or 1",
					   o->name, value);
		if (!value)
			*(int *)to = 1;
		return 0;
	case TOOL_SIZE:
		if (parse_size(value, to))
			return errinfo_set(err, -EINVAL,
					   "%s %s: not a size (64M, 1G)",
					   o->name, value);
		return 0;
	case TOOL_NUMBER:
		if (parse_int(value, 0, o->max, to))
			return errinfo_set(err, -EINVAL,
					   "%s %s: not a number from 0 to %d",
					   o->name, value, o->max);
		return 0;
	}
	return -EINVAL;
}

int tool_option_set(struct serve *s, const char *name, const char *value,
		    struct errinfo *err)
{
	for (const struct tool_option *o = tool_options; o->name; o++)
		if (!strcmp(o->name, name))
			return set(s, o, value, err);
	return errinfo_set(err, -ENOENT, "%s: there is no such option", name);
}

int tool_serve_check(const struct serve *s, struct errinfo *err)
{
	if (!!s->disk + !!s->url + !!s->repo != 1)
		return errinfo_set(err, -EINVAL,
				   "give one of --disk, --url, --repo");
	if (s->disk)
		return s->image || s->manifest
			       ? errinfo_set(err, -EINVAL, "--disk needs no image")
			       : 0;
	if (!s->manifest == !s->image)
		return errinfo_set(err, -EINVAL,
				   "give either IMAGE:CHANNEL or --manifest");
	if (s->image && !s->root)
		return errinfo_set(err, -EINVAL,
				   "give the root document that you trust, "
				   "--root FILE");
	return 0;
}

/* A directory is read as a URL as well. */
static char *url_of(const char *dir)
{
	auto_free char *path = realpath(dir, NULL);
	char *url;

	return path && asprintf(&url, "file://%s", path) >= 0 ? url : NULL;
}

int tool_open(struct loop *loop, struct serve *s, struct imagedev **dev,
	      struct errinfo *err)
{
	auto_free char *url = NULL;
	int rc;

	if (s->disk)
		return tool_disk_open(loop, s->disk, dev, err);
	if (s->repo) {
		s->url = url = url_of(s->repo);
		if (!url)
			return errinfo_set_errno(err, -ENOENT, "%s", s->repo);
	}
	rc = tool_image_open(loop, s, dev, err);
	if (s->repo)
		s->url = NULL;
	return rc;
}

void tool_close(struct imagedev *dev)
{
	imagedev_close(dev);
	tool_image_close();
}
