/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of an image in a repository: the manifest (verified, or given), its
 * index, and libcurl as the source of the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "image.h"
#include "source_curl.h"
#include "tool-image.h"
#include "tool.h"

static struct imagedev_curl *source; /* for the life of the program */

static int manifest_bytes(const struct serve *s, struct fetcher *f, char **doc,
			  size_t *len, struct errinfo *err)
{
	char target[IMAGE_PATH];
	auto_free char *name = NULL;
	char *channel;

	if (s->manifest)
		return fileio_read(s->manifest, IMAGE_MAX, doc, len, err);
	name = strdup(s->image);
	if (!name)
		return errinfo_set(err, -ENOMEM, "out of memory");
	channel = strchr(name, ':');
	if (channel)
		*channel++ = 0;
	imagerepo_channel_target(name, channel ? channel : "stable", target);
	return tool_fetch_target(f, s->root, target, doc, len, err);
}

static int index_bytes(struct fetcher *f, const struct image_blob *b,
		       char **doc, size_t *len, struct errinfo *err)
{
	char path[IMAGE_PATH], hex[HASH_HEX];
	int rc;

	imagerepo_blob_file(b->sha256, path);
	rc = tool_fetch(f, path, b->size, doc, len, err);
	if (rc)
		return rc;
	hash_bytes_hex(*doc, *len, hex);
	if (*len != b->size || strcmp(hex, b->sha256))
		return errinfo_set(err, -EBADMSG,
				   "%s/%s: not the index that the manifest "
				   "names; is a proxy in between damaged?",
				   f->base, path);
	return 0;
}

static int open_device(struct loop *loop, const struct serve *s,
		       const struct image_manifest *m, const char *index,
		       size_t len, struct imagedev **dev, struct errinfo *err)
{
	struct imagedev_config config = {
		.index = index,
		.index_len = len,
		.cache_bytes = s->cache,
		.decoded_bytes = s->decoded,
		.threads = s->threads,
		.fill = s->fill,
		.bundle_size = s->no_bundle ? 0 : m->bundle.size,
		.bundle_head = m->bundle_head,
	};
	struct imagedev_curl_config how = { .base = s->url,
					    .h2 = s->h2,
					    .low_speed_sec = s->low_speed };
	struct imagedev_source from;
	int rc;

	memcpy(config.index_sha256, m->index.sha256, HASH_HEX);
	if (config.bundle_size) {
		memcpy(config.bundle_sha256, m->bundle.sha256, HASH_HEX);
		memcpy(config.bundle_head_sha256, m->bundle_head_sha256,
		       HASH_HEX);
	}
	if (s->repo) {
		if (tool_dir_source(loop, s->repo, &from))
			return errinfo_set(err, -ENOMEM, "out of memory");
	} else {
		rc = imagedev_curl_new(loop, &how, &source, err);
		if (rc)
			return rc;
		imagedev_curl_source(source, &from);
	}
	rc = imagedev_open(loop, &config, &from, dev, err);
	if (!rc && s->repo)
		tool_dir_bind(*dev);
	else if (!rc)
		imagedev_curl_bind(source, *dev);
	return rc;
}

int tool_image_open(struct loop *loop, const struct serve *s,
		    struct imagedev **dev, struct errinfo *err)
{
	auto_free char *doc = NULL, *index = NULL;
	struct fetcher f = { .base = s->url,
			     .h2 = s->h2 && !strncmp(s->url, "http://", 7) };
	struct image_manifest m;
	size_t len;
	int rc;

	rc = manifest_bytes(s, &f, &doc, &len, err);
	if (!rc)
		rc = imagerepo_image_parse(doc, len, &m, err);
	if (!rc)
		rc = index_bytes(&f, &m.index, &index, &len, err);
	tool_fetch_end(&f);
	if (rc)
		return rc;
	return open_device(loop, s, &m, index, len, dev, err);
}

void tool_image_close(void)
{
	imagedev_curl_free(source);
	source = NULL;
}
