/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror: what it remembers between runs, and tells other programs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "mirror.h"
#include "tool.h"

#define STATE_FILE "mirror.json"
#define ROOT_FILE  "root.json"
#define STATE_MAX  (4 * 1024 * 1024)

static const char *const state_names[] = {
	[MIRROR_PENDING] = "pending",   [MIRROR_FETCHING] = "fetching",
	[MIRROR_BOOTABLE] = "bootable", [MIRROR_COMPLETE] = "complete",
	[MIRROR_FAILED] = "failed",
};

static int read_state(struct mirror *m, char anchor[HASH_HEX], struct errinfo *err)
{
	auto_free char *path = tool_join(m->dir, STATE_FILE);
	auto_free char *text = NULL;
	const char *was = NULL;
	json_int_t checked = 0;
	json_t *j;
	size_t len;
	int rc = path ? fileio_read(path, STATE_MAX, &text, &len, err) : -ENOMEM;

	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(j, "{s:{s:i, s:i, s:i}, s:s, s?I}", "floor", "root",
			&m->floor.root, "timestamp", &m->floor.timestamp,
			"snapshot", &m->floor.snapshot, "anchor", &was,
			"checked", &checked) ||
	    !hash_is_hex(was))
		rc = errinfo_set(err, -EBADMSG,
				 "%s is damaged: it says which metadata was "
				 "seen last. Remove it to begin anew",
				 path);
	else
		strcpy(anchor, was);
	m->checked_ms = checked;
	json_decref(j);
	return rc;
}

/* The root document of the last run goes on where that run ended; another
 * trust anchor begins anew, but never below the floor. */
int mirror_load(struct mirror *m, struct errinfo *err)
{
	auto_free char *path = tool_join(m->dir, ROOT_FILE);
	char anchor[HASH_HEX] = "";
	int rc = path ? fileio_read(m->root_file, TUF_SMALL_MAX, &m->root,
				    &m->root_len, err)
		      : -ENOMEM;

	if (rc)
		return errinfo_wrap(err, rc, "root document");
	hash_bytes_hex(m->root, m->root_len, m->anchor);
	rc = read_state(m, anchor, err);
	if (rc || strcmp(anchor, m->anchor) != 0)
		return rc;
	if (!access(path, F_OK)) {
		free(m->root);
		m->root = NULL;
		rc = fileio_read(path, TUF_SMALL_MAX, &m->root, &m->root_len,
				 err);
	}
	return rc;
}

int mirror_knows_root(const struct mirror *m)
{
	auto_free char *path = tool_join(m->dir, ROOT_FILE);
	size_t len;
	const char *doc = tuf_client_root(m->c, &len);

	return path && len == m->root_len && !memcmp(doc, m->root, len) &&
	       !access(path, F_OK);
}

int mirror_save_root(struct mirror *m, struct errinfo *err)
{
	size_t len;
	const char *doc = tuf_client_root(m->c, &len);
	auto_free char *path = tool_join(m->dir, ROOT_FILE);
	auto_free char *copy = malloc(len ? len : 1);
	int rc;

	if (!path || !copy)
		return errinfo_set(err, -ENOMEM, "out of memory");
	memcpy(copy, doc, len);
	rc = fileio_write_atomic(path, copy, len, 0644, err);
	if (rc)
		return rc;
	free(m->root);
	m->root = TAKE(copy);
	m->root_len = len;
	return 0;
}

static json_t *image_json(const struct mirror_image *i)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "image",
			 i->w.image, "version",
			 i->m.version[0] ? i->m.version : i->w.version,
			 "manifest", i->sha256, "state", state_names[i->state],
			 "done", (json_int_t)i->done, "total",
			 (json_int_t)i->total, "error", i->error);
}

json_t *mirror_json(const struct mirror *m)
{
	json_t *images = json_array();

	for (size_t i = 0; i < m->n_images; i++)
		json_array_append_new(images, image_json(&m->images[i]));
	return json_pack("{s:{s:i, s:i, s:i}, s:s, s:I, s:o}", "floor", "root",
			 m->floor.root, "timestamp", m->floor.timestamp,
			 "snapshot", m->floor.snapshot, "anchor", m->anchor,
			 "checked", (json_int_t)m->checked_ms, "images", images);
}

int mirror_save(const struct mirror *m, struct errinfo *err)
{
	auto_free char *path = tool_join(m->dir, STATE_FILE);
	auto_free char *text = NULL;
	json_t *j = mirror_json(m);

	text = json_dumps(j, JSON_INDENT(1));
	json_decref(j);
	if (!path || !text)
		return errinfo_set(err, -ENOMEM, "out of memory");
	return fileio_write_atomic(path, text, strlen(text), 0644, err);
}
