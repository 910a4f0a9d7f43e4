/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "follow.h"
#include "meta.h"

#define OWN_ROOT META_DIR "/1.root.json"

static int get_root(const struct follow *how, char **doc, size_t *len,
		    struct errinfo *err)
{
	int rc;

	if (how->root_file)
		rc = fileio_read(how->root_file, TUF_SMALL_MAX, doc, len, err);
	else
		rc = fetch_doc(how->from, OWN_ROOT, TUF_SMALL_MAX, doc, len, err);
	return rc ? errinfo_wrap(err, rc, "root document") : 0;
}

/* All but timestamp.json never changes: the local one is as good, once it is
 * verified. */
static int get_doc(const struct follow *how, const char *local,
		   const struct tuf_want *want, char **doc, size_t *len,
		   struct errinfo *err)
{
	char path[PATH_MAX];

	if (local && strcmp(want->path, META_TIMESTAMP) != 0) {
		snprintf(path, sizeof(path), "%s/%s", local, want->path);
		if (!fileio_read(path, want->max, doc, len, NULL))
			return 0;
	}
	return fetch_doc(how->from, want->path, want->max, doc, len, err);
}

static int feed(const struct follow *how, const char *local, struct tuf_client *c,
		const struct tuf_want *want, struct errinfo *err)
{
	auto_free char *doc = NULL;
	size_t len = 0;
	int rc = get_doc(how, local, want, &doc, &len, err);

	if (rc == -ENOENT && want->may_be_absent)
		return tuf_client_absent(c, err);
	if (!rc)
		rc = tuf_client_feed(c, doc, len, err);
	if (!rc && how->keep)
		rc = how->keep(want->path, doc, len, how->arg, err);
	return rc;
}

/* What was followed last, if it is kept: no list that it names may go back.
 * The client checks whether it was ever rightly signed. */
static char *last_snapshot(const struct follow *how, size_t *len)
{
	char path[PATH_MAX], *doc = NULL;

	if (!how->local || !how->floor.snapshot)
		return NULL;
	snprintf(path, sizeof(path), "%s/" META_DIR "/%d.snapshot.json",
		 how->local, how->floor.snapshot);
	return fileio_read(path, TUF_SMALL_MAX, &doc, len, NULL) ? NULL : doc;
}

static int run(const struct follow *how, const char *local, const void *root,
	       size_t root_len, struct tuf_client **out, struct errinfo *err)
{
	struct tuf_how tuf = { .root = root,
			       .root_len = root_len,
			       .now_ms = how->now_ms,
			       .floor = how->floor };
	auto_free char *last = last_snapshot(how, &tuf.snapshot_len);
	struct tuf_client *c = NULL;
	struct tuf_want want;
	int rc;

	tuf.snapshot = last;
	rc = tuf_client_new(&tuf, &c, err);
	if (rc)
		return errinfo_wrap(err, rc, "root document");
	while (!rc && (rc = tuf_client_next(c, &want)) == 1)
		rc = feed(how, local, c, &want, err);
	if (rc) {
		tuf_client_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

int follow_run(const struct follow *how, struct tuf_client **out,
	       struct errinfo *err)
{
	auto_free char *doc = NULL;
	const void *root = how->root;
	size_t len = how->root_len;
	int rc = root ? 0 : get_root(how, &doc, &len, err);

	if (rc)
		return rc;
	root = root ? root : doc;
	/* What lies here may be damaged: then all is asked for again. */
	if (how->local && !run(how, how->local, root, len, out, NULL))
		return 0;
	rc = run(how, NULL, root, len, out, err);
	return rc ? errinfo_wrap(err, rc, "%s", fetch_where(how->from)) : 0;
}

int follow_manifest(struct fetch *f, const struct tuf_target *t, char **doc,
		    size_t *len, struct image_manifest *m, struct errinfo *err)
{
	char image[IMAGE_NAME], name[IMAGE_NAME], hex[HASH_HEX];
	auto_free char *text = NULL;
	int is_channel, rc;
	size_t n;

	rc = target_split(t->path, image, name, &is_channel);
	if (rc)
		return errinfo_set(err, rc, "'%s' is no image", t->path);
	if (t->length > IMAGE_MAX)
		return errinfo_set(err, -EFBIG, "%s: larger than %d bytes",
				   t->file, IMAGE_MAX);
	rc = fetch_doc(f, t->file, t->length, &text, &n, err);
	if (rc)
		return rc;
	hash_bytes_hex(text, n, hex);
	if (n != t->length || strcmp(hex, t->sha256) != 0)
		return errinfo_set(err, -EBADMSG, "%s/%s: is not what was signed",
				   fetch_where(f), t->file);
	rc = imagerepo_image_parse(text, n, m, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", t->file);
	if (strcmp(m->name, image) != 0 ||
	    (!is_channel && strcmp(m->version, name) != 0))
		return errinfo_set(err, -EBADMSG, "%s: is %s/%s", t->file,
				   m->name, m->version);
	if (doc) {
		*doc = TAKE(text);
		*len = n;
	}
	return 0;
}
