/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a repository holds: all channels and manifests, verified.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "private.h"

#define SUFFIX ".json"

struct scan {
	struct imagerepo_store *s;
	const struct trust_root *root;
	int64_t now_ms;
	struct imagerepo_list *out;
	struct errinfo *err;
};

/* "NAME.json" -> "NAME"; 0 if it is not of this form or too long. */
static int strip_suffix(const char *name, char *out, size_t size)
{
	size_t len = strlen(name), cut = strlen(SUFFIX);

	if (len <= cut || strcmp(name + len - cut, SUFFIX) != 0 ||
	    len - cut >= size)
		return 0;
	memcpy(out, name, len - cut);
	out[len - cut] = '\0';
	return 1;
}

/* Calls fn for each entry; a directory that is not there is empty. */
static int each_entry(struct scan *scan, const char *path,
		      int (*fn)(struct scan *scan, const char *name,
				const char *parent),
		      const char *parent)
{
	int fd = openat(scan->s->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int rc = 0;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!d) {
		rc = errinfo_set_errno(scan->err, -errno, "%s/%s",
				       scan->s->name, path);
		cleanup_close(&fd);
		return rc;
	}
	while (!rc && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			rc = fn(scan, e->d_name, parent);
	closedir(d);
	return rc;
}

static int add_manifest(struct scan *scan, const char *name, const char *parent)
{
	struct imagerepo_list *l = scan->out;
	struct imagerepo_list_image *i;
	struct errinfo why = ERRINFO_INIT;
	char path[IMAGEREPO_PATH], digest[HASH_HEX];
	auto_free char *doc = NULL;
	size_t len;
	int rc;

	(void)parent;
	if (!strip_suffix(name, digest, sizeof(digest)) || !hash_is_hex(digest))
		return 0;
	i = reallocarray(l->images, l->n_images + 1, sizeof(*i));
	if (!i)
		return errinfo_set(scan->err, -ENOMEM, "out of memory");
	l->images = i;
	i += l->n_images++;
	memset(i, 0, sizeof(*i));
	strcpy(i->digest, digest);
	imagerepo_manifest_path(digest, path);
	rc = imagerepo_store_get_doc(scan->s, path, &doc, &len, &why);
	if (!rc)
		rc = imagerepo_manifest_open(scan->root, digest, doc, len,
					     scan->now_ms, &i->m, &why);
	if (rc == -ESTALE && imagerepo_manifest_open(scan->root, digest, doc,
						     len, 0, &i->m, NULL))
		memset(&i->m, 0, sizeof(i->m));
	if (rc)
		snprintf(i->error, sizeof(i->error), "%s",
			 errinfo_text(&why, rc));
	return 0;
}

static int add_channel(struct scan *scan, const char *name, const char *image)
{
	struct imagerepo_list *l = scan->out;
	struct imagerepo_list_channel *c;
	struct errinfo why = ERRINFO_INIT;
	char path[IMAGEREPO_PATH], channel[IMAGEREPO_NAME];
	auto_free char *doc = NULL;
	size_t len;
	int rc;

	if (!strip_suffix(name, channel, sizeof(channel)) ||
	    !parse_is_name(channel))
		return 0;
	c = reallocarray(l->channels, l->n_channels + 1, sizeof(*c));
	if (!c)
		return errinfo_set(scan->err, -ENOMEM, "out of memory");
	l->channels = c;
	c += l->n_channels++;
	memset(c, 0, sizeof(*c));
	imagerepo_channel_path(image, channel, path);
	rc = imagerepo_store_get_doc(scan->s, path, &doc, &len, &why);
	if (!rc)
		rc = imagerepo_channel_open(scan->root, image, channel, doc,
					    len, scan->now_ms, &c->c, &why);
	if (rc) {
		memset(&c->c, 0, sizeof(c->c));
		snprintf(c->error, sizeof(c->error), "%s",
			 errinfo_text(&why, rc));
	}
	strcpy(c->c.image, image);
	strcpy(c->c.channel, channel);
	return 0;
}

static int add_channels(struct scan *scan, const char *image, const char *parent)
{
	char path[IMAGEREPO_PATH];

	(void)parent;
	if (!parse_is_name(image))
		return 0;
	snprintf(path, sizeof(path), DIR_CHANNELS "/%s", image);
	return each_entry(scan, path, add_channel, image);
}

static int by_name_newest_first(const void *a, const void *b)
{
	const struct imagerepo_list_image *x = a, *y = b;
	int r = strcmp(x->m.name, y->m.name);

	if (r)
		return r;
	if (x->m.created_ms != y->m.created_ms)
		return x->m.created_ms < y->m.created_ms ? 1 : -1;
	return strcmp(x->digest, y->digest);
}

static int by_image_channel(const void *a, const void *b)
{
	const struct imagerepo_list_channel *x = a, *y = b;
	int r = strcmp(x->c.image, y->c.image);

	return r ? r : strcmp(x->c.channel, y->c.channel);
}

int imagerepo_list(struct imagerepo_store *s, const struct trust_root *root,
		   int64_t now_ms, struct imagerepo_list *out,
		   struct errinfo *err)
{
	struct scan scan = { s, root, now_ms, out, err };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = each_entry(&scan, DIR_MANIFESTS, add_manifest, NULL);
	if (!rc)
		rc = each_entry(&scan, DIR_CHANNELS, add_channels, NULL);
	if (rc) {
		imagerepo_list_dispose(out);
		return rc;
	}
	if (out->n_images)
		qsort(out->images, out->n_images, sizeof(*out->images),
		      by_name_newest_first);
	if (out->n_channels)
		qsort(out->channels, out->n_channels, sizeof(*out->channels),
		      by_image_channel);
	return 0;
}

void imagerepo_list_dispose(struct imagerepo_list *list)
{
	if (!list)
		return;
	free(list->images);
	free(list->channels);
	memset(list, 0, sizeof(*list));
}

int imagerepo_resolve(struct imagerepo_store *s, const struct trust_root *root,
		      const char *image, const char *channel, int64_t now_ms,
		      struct imagerepo_channel *c, struct imagerepo_manifest *m,
		      struct errinfo *err)
{
	auto_free char *doc = NULL, *manifest = NULL;
	char path[IMAGEREPO_PATH];
	size_t len;
	int rc;

	if (!parse_is_name(image) || !parse_is_name(channel))
		return errinfo_set(err, -EINVAL, "not a name");
	imagerepo_channel_path(image, channel, path);
	rc = imagerepo_store_get_doc(s, path, &doc, &len, err);
	if (!rc)
		rc = imagerepo_channel_open(root, image, channel, doc, len,
					    now_ms, c, err);
	if (rc)
		return errinfo_wrap(err, rc, "channel %s:%s", image, channel);
	imagerepo_manifest_path(c->manifest, path);
	rc = imagerepo_store_get_doc(s, path, &manifest, &len, err);
	if (!rc)
		rc = imagerepo_manifest_open(root, c->manifest, manifest, len,
					     now_ms, m, err);
	if (!rc && (strcmp(m->name, c->image) != 0 ||
		    strcmp(m->version, c->image_version)))
		rc = errinfo_set(err, -EBADMSG,
				 "the channel names %s %s, the manifest is of "
				 "%s %s",
				 c->image, c->image_version, m->name, m->version);
	return rc ? errinfo_wrap(err, rc, "manifest %.12s", c->manifest) : 0;
}
