/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "imagerepo.h"

#include "images.h"

#define REREAD_MS 60000

struct images {
	const char *repository, *root_path;
	struct trust_root *root;
	uint8_t print[HASH_LEN]; /* of names, times and sizes */
	int64_t read_ms;
	struct imagerepo_list found;
	json_t *list;
};

/* --- has anything changed? ----------------------------------------------- */

static void print_file(struct hash *h, int dir, const char *name,
		       const struct stat *sb)
{
	uint64_t facts[] = { (uint64_t)sb->st_mtim.tv_sec,
			     (uint64_t)sb->st_mtim.tv_nsec,
			     (uint64_t)sb->st_size, (uint64_t)sb->st_ino };

	(void)dir;
	hash_update(h, name, strlen(name) + 1);
	hash_update(h, facts, sizeof(facts));
}

/* readdir's order is stable while nothing changes, which is all we need. */
static void print_dir(struct hash *h, int at, const char *name, int depth)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	struct stat sb;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' ||
		    fstatat(dirfd(dir), d->d_name, &sb, 0) < 0)
			continue;
		print_file(h, dirfd(dir), d->d_name, &sb);
		if (S_ISDIR(sb.st_mode) && depth > 0)
			print_dir(h, dirfd(dir), d->d_name, depth - 1);
	}
	closedir(dir);
}

static int fingerprint(const struct images *im, uint8_t out[HASH_LEN])
{
	auto_close int top = -1;
	struct hash *h = hash_new();
	struct stat sb;

	if (!h)
		return -ENOMEM;
	if (!stat(im->root_path, &sb))
		print_file(h, -1, im->root_path, &sb);
	top = open(im->repository, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top >= 0) {
		print_dir(h, top, "channels", 1);
		print_dir(h, top, "manifests", 0);
		print_dir(h, top, "blobs", 0);
	}
	hash_final(h, out);
	hash_free(h);
	return 0;
}

/* --- reading ------------------------------------------------------------- */

static int read_root(struct images *im, int64_t now_ms, struct errinfo *err)
{
	auto_free char *doc = NULL;
	struct trust_root *root;
	size_t len;
	int rc;

	rc = fileio_read(im->root_path, TRUST_DOC_MAX, &doc, &len, err);
	if (rc)
		return rc;
	rc = trust_root_load(doc, len, now_ms, &root, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", im->root_path);
	trust_root_free(im->root);
	im->root = root;
	return 0;
}

/* Nodes check the bytes; here it is only whether they can be there. */
static void check_blobs(const struct images *im,
			const struct imagerepo_manifest *m, char *error,
			size_t len)
{
	char below[IMAGEREPO_PATH];
	struct stat sb;
	int i;

	for (i = 0; i < IMAGEREPO_ROLES; i++) {
		auto_free char *path = NULL;
		const struct imagerepo_blob *b = &m->blob[i];

		if (!b->size)
			continue;
		imagerepo_blob_path(b->sha256, below);
		if (asprintf(&path, "%s/%s", im->repository, below) < 0)
			return;
		if (stat(path, &sb) < 0)
			snprintf(error, len, "%s: %s is missing",
				 imagerepo_role_name((enum imagerepo_role)i),
				 below);
		else if ((uint64_t)sb.st_size != b->size)
			snprintf(error, len, "%s: %s has %lld bytes, not %llu",
				 imagerepo_role_name((enum imagerepo_role)i),
				 below, (long long)sb.st_size,
				 (unsigned long long)b->size);
	}
}

/* The channels that point to a manifest. */
static json_t *channels_of(const struct images *im, const char *digest)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < im->found.n_channels; i++) {
		const struct imagerepo_list_channel *c = &im->found.channels[i];

		if (!strcmp(c->c.manifest, digest))
			json_array_append_new(names, json_string(c->c.channel));
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

static json_t *image_json(const struct images *im,
			  const struct imagerepo_list_image *i)
{
	return json_pack("{ss ss ss so so sI so ss}", "name", i->m.name,
			 "version", i->m.version, "manifest", i->digest,
			 "created", time_json(i->m.created_ms), "expires",
			 time_json(i->m.expires_ms), "size",
			 (json_int_t)imagerepo_manifest_size(&i->m), "channels",
			 channels_of(im, i->digest), "error", i->error);
}

/* A channel that is itself refused has no manifest to be listed under. */
static json_t *refused_channel_json(const struct imagerepo_list_channel *c)
{
	return json_pack("{ss ss ss ss ss si s[s] ss}", "name", c->c.image,
			 "version", "", "manifest", "", "created", "",
			 "expires", "", "size", 0, "channels", c->c.channel,
			 "error", c->error);
}

static void build_list(struct images *im)
{
	struct imagerepo_list *found = &im->found;
	size_t i;

	json_decref(im->list);
	im->list = json_array();
	for (i = 0; i < found->n_images; i++) {
		struct imagerepo_list_image *image = &found->images[i];

		if (!image->error[0])
			check_blobs(im, &image->m, image->error,
				    sizeof(image->error));
		json_array_append_new(im->list, image_json(im, image));
	}
	for (i = 0; i < found->n_channels; i++)
		if (found->channels[i].error[0])
			json_array_append_new(
				im->list,
				refused_channel_json(&found->channels[i]));
}

static void read_all(struct images *im, int64_t now_ms)
{
	struct imagerepo_store *store = NULL;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	/* A root document that went bad does not replace a good one. */
	read_root(im, now_ms, &err);
	imagerepo_list_dispose(&im->found);
	memset(&im->found, 0, sizeof(im->found));
	rc = imagerepo_store_open(im->repository, 0, &store, &err);
	if (!rc)
		rc = imagerepo_list(store, im->root, now_ms, &im->found, &err);
	if (rc)
		memset(&im->found, 0, sizeof(im->found));
	imagerepo_store_close(store);
	build_list(im);
}

/* --- public -------------------------------------------------------------- */

int images_open(const char *repository, const char *root, int64_t now_ms,
		struct images **out, struct errinfo *err)
{
	struct images *im = calloc(1, sizeof(*im));
	int rc;

	if (!im)
		return -ENOMEM;
	im->repository = repository;
	im->root_path = root;
	rc = read_root(im, now_ms, err);
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
	imagerepo_list_dispose(&im->found);
	json_decref(im->list);
	trust_root_free(im->root);
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

static const struct imagerepo_list_image *find_image(const struct images *im,
						     const char *digest)
{
	size_t i;

	for (i = 0; i < im->found.n_images; i++)
		if (!strcmp(im->found.images[i].digest, digest))
			return &im->found.images[i];
	return NULL;
}

int images_resolve(const struct images *im, const char *image,
		   const char *channel, struct images_target *out,
		   struct errinfo *err)
{
	const struct imagerepo_list_channel *c = NULL;
	const struct imagerepo_list_image *i;
	size_t n;

	for (n = 0; n < im->found.n_channels && !c; n++)
		if (!strcmp(im->found.channels[n].c.image, image) &&
		    !strcmp(im->found.channels[n].c.channel, channel))
			c = &im->found.channels[n];
	if (!c)
		return errinfo_set(err, -ENOENT,
				   "no channel %s/%s in the repository", image,
				   channel);
	if (c->error[0])
		return errinfo_set(err, -EBADMSG, "channel %s/%s: %s", image,
				   channel, c->error);
	i = find_image(im, c->c.manifest);
	if (!i || i->error[0])
		return errinfo_set(err, -EBADMSG, "image %s %s: %s", image,
				   c->c.image_version,
				   i ? i->error : "its manifest is missing");
	snprintf(out->manifest, sizeof(out->manifest), "%s", c->c.manifest);
	snprintf(out->version, sizeof(out->version), "%s", c->c.image_version);
	return 0;
}
