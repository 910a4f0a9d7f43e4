/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror - what gatewayd and `imagerepo mirror` tell each other, by two files
 * in the mirror's folder: `wanted`, one line "IMAGE VERSION MANIFEST" for each
 * image that this segment is to run, and `mirror.json`, which versions of the
 * metadata it has verified. Nodes remember nothing; the signed statement hands
 * that memory to them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "fileio.h"
#include "gateway.h"
#include "log.h"

#define STATUS_MAX ((size_t)256 * 1024)

static int is_repeated(const struct workspaces *w, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (w->list[k].domus &&
		    !strcmp(w->list[k].manifest, w->list[i].manifest))
			return 1;
	return 0;
}

static void list_wanted(const struct workspaces *w, struct buf *out)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct workspace *s = &w->list[i];

		if (s->domus && s->manifest[0] && !is_repeated(w, i))
			buf_addf(out, "%s %s %s\n", s->image, s->image_version,
				 s->manifest);
	}
}

void gateway_want(struct gateway *gw)
{
	auto_buf struct buf text = BUF_INIT;
	struct errinfo err = ERRINFO_INIT;
	auto_free char *old = NULL;
	char path[PATH_MAX];
	size_t len;
	int rc;

	if (!gw->config->repo.mirror)
		return;
	list_wanted(&gw->workspaces, &text);
	snprintf(path, sizeof(path), "%s/mirror", gw->config->state);
	rc = fileio_mkdirs(path, 0755, &err);
	snprintf(path, sizeof(path), "%s/mirror/wanted", gw->config->state);
	if (!rc && !fileio_read(path, STATUS_MAX, &old, &len, NULL) &&
	    len == text.len && !memcmp(old, text.data ? text.data : "", len))
		return;
	if (!rc)
		rc = text.rc;
	if (!rc)
		rc = fileio_write_atomic(path, text.data ? text.data : "",
					 text.len, 0644, &err);
	if (rc)
		log_err("mirror: %s", errinfo_text(&err, rc));
}

/* A floor, if it has all of its three numbers. */
static json_t *read_floor(const struct config *c)
{
	auto_free char *text = NULL;
	json_t *status, *floor, *out = NULL;
	int root, timestamp, snapshot;
	char path[PATH_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/mirror/mirror.json", c->state);
	if (fileio_read(path, STATUS_MAX, &text, &len, NULL))
		return NULL;
	status = json_loadb(text, len, 0, NULL);
	floor = json_object_get(status, "floor");
	if (!json_unpack(floor, "{s:i, s:i, s:i}", "root", &root, "timestamp",
			 &timestamp, "snapshot", &snapshot) &&
	    root > 0 && timestamp > 0 && snapshot > 0)
		out = json_pack("{s:i, s:i, s:i}", "root", root, "timestamp",
				timestamp, "snapshot", snapshot);
	json_decref(status);
	return out;
}

void gateway_say_repo(const struct gateway *gw, json_t *segment)
{
	const struct config *c = gw->config;
	json_t *floor = c->repo.mirror ? read_floor(c) : NULL;

	json_object_set_new(segment, "repo_port", json_integer(c->repo.port));
	if (floor)
		json_object_set_new(segment, "repo_floor", floor);
	if (c->carousel.line)
		json_object_set_new(segment, "carousel",
				    json_pack("{s:s, s:i}", "group",
					      c->carousel.group, "port",
					      c->carousel.port));
}
