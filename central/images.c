/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"

#include "catalogue.h"
#include "images.h"

#define REREAD_MS 60000

struct images {
	const char *repository, *root_path;
	struct catalogue_memory memory;
	uint8_t print[HASH_LEN]; /* of times and sizes */
	int64_t read_ms;
	struct catalogue found;  /* of the last metadata that was good */
	char error[ERRINFO_MAX]; /* why the present one is not */
	json_t *list;
};

/* --- has anything changed? ----------------------------------------------- */

static void print_file(struct hash *h, const char *dir, const char *name)
{
	auto_free char *path = NULL;
	uint64_t facts[4] = { 0 };
	struct stat sb;

	if (asprintf(&path, "%s%s", dir, name) < 0)
		return;
	if (!stat(path, &sb)) {
		facts[0] = (uint64_t)sb.st_mtim.tv_sec;
		facts[1] = (uint64_t)sb.st_mtim.tv_nsec;
		facts[2] = (uint64_t)sb.st_size;
		facts[3] = (uint64_t)sb.st_ino;
	}
	hash_update(h, facts, sizeof(facts));
}

/* Whoever changes a repository replaces its timestamp. */
static int fingerprint(const struct images *im, uint8_t out[HASH_LEN])
{
	struct hash *h = hash_new();

	if (!h)
		return -ENOMEM;
	print_file(h, "", im->root_path);
	print_file(h, im->repository, "/metadata/timestamp.json");
	hash_final(h, out);
	hash_free(h);
	return 0;
}

/* --- the listing --------------------------------------------------------- */

static json_t *channels_of(const struct images *im,
			   const struct catalogue_version *v)
{
	json_t *names = json_array();

	for (size_t i = 0; i < im->found.n_channels && !v->revoked; i++) {
		const struct catalogue_channel *c = &im->found.channels[i];

		if (!strcmp(c->image, v->image) && !strcmp(c->sha256, v->sha256))
			json_array_append_new(names, json_string(c->channel));
	}
	return names;
}

static json_t *time_json(int64_t ms)
{
	char text[CLOCK_ISO];

	if (!ms)
		return json_string("");
	clock_format(ms, text);
	return json_string(text);
}

static json_t *version_json(const struct images *im,
			    const struct catalogue_version *v)
{
	return json_pack("{ss ss ss so so sI so ss}", "name", v->image,
			 "version", v->version, "manifest", v->sha256,
			 "created", time_json(v->created_ms), "expires",
			 time_json(im->found.expires_ms), "size",
			 (json_int_t)v->size, "channels", channels_of(im, v),
			 "error",
			 v->error[0] || !im->error[0] ? v->error : im->error);
}

static void build_list(struct images *im)
{
	json_decref(im->list);
	im->list = json_array();
	for (size_t i = 0; i < im->found.n_versions; i++)
		json_array_append_new(im->list,
				      version_json(im, &im->found.versions[i]));
	/* Somebody must be able to read it. */
	if (im->error[0] && !im->found.n_versions)
		json_array_append_new(im->list,
				      json_pack("{ss ss ss ss ss si s[] ss}",
						"name", "(metadata)", "version",
						"", "manifest", "", "created",
						"", "expires", "", "size", 0,
						"channels", "error", im->error));
}

static void read_all(struct images *im, int64_t now_ms)
{
	auto_free char *timestamp = NULL;
	struct errinfo err = ERRINFO_INIT;
	struct stat sb;
	int rc;

	im->error[0] = '\0';
	if (asprintf(&timestamp, "%s/metadata/timestamp.json", im->repository) < 0)
		return;
	/* Not there yet: an empty one. Gone: an error. */
	if (stat(timestamp, &sb) && errno == ENOENT &&
	    !im->memory.floor.timestamp) {
		build_list(im);
		return;
	}
	rc = catalogue_read(im->repository, &im->memory, now_ms, &im->found,
			    &err);
	if (rc)
		snprintf(im->error, sizeof(im->error), "metadata: %.200s",
			 errinfo_text(&err, rc));
	build_list(im);
}

/* --- public -------------------------------------------------------------- */

int images_open(const char *repository, const char *root, int64_t now_ms,
		struct images **out, struct errinfo *err)
{
	struct images *im = calloc(1, sizeof(*im));
	struct trust_root *check = NULL;
	int rc;

	if (!im)
		return -ENOMEM;
	im->repository = repository;
	im->root_path = root;
	rc = fileio_read(root, TUF_SMALL_MAX, &im->memory.root,
			 &im->memory.root_len, err);
	/* Its expiry is judged with that of its successors. */
	if (!rc) {
		rc = trust_root_load(im->memory.root, im->memory.root_len, 0,
				     &check, err);
		if (rc)
			errinfo_wrap(err, rc, "%s", root);
	}
	trust_root_free(check);
	if (rc) {
		images_close(im);
		return rc;
	}
	images_poll(im, now_ms);
	*out = im;
	return 0;
}

void images_close(struct images *im)
{
	if (!im)
		return;
	catalogue_dispose(&im->found);
	json_decref(im->list);
	free(im->memory.root);
	free(im);
}

int images_poll(struct images *im, int64_t now_ms)
{
	uint8_t print[HASH_LEN];

	if (fingerprint(im, print))
		return 0;
	if (im->list && !memcmp(print, im->print, HASH_LEN) &&
	    now_ms >= im->read_ms && now_ms - im->read_ms < REREAD_MS)
		return 0;
	memcpy(im->print, print, HASH_LEN);
	im->read_ms = now_ms;
	read_all(im, now_ms);
	return 1;
}

const json_t *images_list(const struct images *im)
{
	return im->list;
}

static const struct catalogue_version *find_version(const struct images *im,
						    const char *sha256)
{
	for (size_t i = 0; i < im->found.n_versions; i++)
		if (!strcmp(im->found.versions[i].sha256, sha256))
			return &im->found.versions[i];
	return NULL;
}

int images_is_revoked(const struct images *im, const char *sha256)
{
	const struct catalogue_version *v = find_version(im, sha256);

	return v && v->revoked;
}

int images_resolve(const struct images *im, const char *image,
		   const char *channel, struct images_target *out,
		   struct errinfo *err)
{
	const struct catalogue_channel *c = NULL;
	const struct catalogue_version *v;

	if (im->error[0])
		return errinfo_set(err, -EBADMSG, "%s", im->error);
	for (size_t i = 0; i < im->found.n_channels && !c; i++)
		if (!strcmp(im->found.channels[i].image, image) &&
		    !strcmp(im->found.channels[i].channel, channel))
			c = &im->found.channels[i];
	if (!c)
		return errinfo_set(err, -ENOENT,
				   "no channel %s/%s in the repository", image,
				   channel);
	v = find_version(im, c->sha256);
	if (!v)
		return errinfo_set(err, -EBADMSG,
				   "channel %s/%s names a manifest that is no "
				   "version",
				   image, channel);
	if (v->error[0])
		return errinfo_set(err, -EBADMSG, "image %s %s: %.200s", image,
				   v->version, v->error);
	snprintf(out->manifest, sizeof(out->manifest), "%s", c->sha256);
	snprintf(out->version, sizeof(out->version), "%s", v->version);
	return 0;
}
