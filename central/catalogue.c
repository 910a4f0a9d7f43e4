/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "image.h"
#include "parse.h"
#include "repo.h"

#include "catalogue.h"

#define REVOKED "x-nightshift-revoked"

void catalogue_dispose(struct catalogue *f)
{
	free(f->versions);
	free(f->channels);
	memset(f, 0, sizeof(*f));
}

/* Feeds a client from the files of the repository. */
static int verify(struct imagerepo_repo *repo, struct tuf_client *c,
		  struct errinfo *err)
{
	struct tuf_want want;
	int rc = 0;

	while (!rc && tuf_client_next(c, &want) == 1) {
		auto_free char *doc = NULL;
		size_t len;

		rc = imagerepo_repo_get_doc(repo, want.path, want.max, &doc,
					    &len, err);
		if (rc == -ENOENT && want.may_be_absent)
			rc = tuf_client_absent(c, err);
		else if (!rc)
			rc = tuf_client_feed(c, doc, len, err);
	}
	return rc;
}

/* "batch/1.json" or "batch/channels/stable.json" -> its words. */
static int split_path(const char *path, char image[TUF_PATH],
		      char name[TUF_PATH], int *is_channel)
{
	static const char below[] = "channels/";
	const char *slash = strchr(path, '/');
	size_t len;

	if (!slash || strlen(path) >= TUF_PATH)
		return -EINVAL;
	snprintf(image, TUF_PATH, "%.*s", (int)(slash - path), path);
	slash++;
	*is_channel = !strncmp(slash, below, sizeof(below) - 1);
	if (*is_channel)
		slash += sizeof(below) - 1;
	len = strlen(slash);
	if (len < 6 || strcmp(slash + len - 5, ".json"))
		return -EINVAL;
	snprintf(name, TUF_PATH, "%.*s", (int)(len - 5), slash);
	return parse_is_name(image) && parse_is_name(name) ? 0 : -EINVAL;
}

static void *grow(void *list, size_t n, size_t size)
{
	char **at = list, *bigger = reallocarray(*at, n + 1, size);

	if (!bigger)
		return NULL;
	*at = bigger;
	return memset(bigger + n * size, 0, size);
}

static int add_target(struct catalogue *f, const struct tuf_target *t)
{
	char image[TUF_PATH], name[TUF_PATH];
	struct catalogue_version *v;
	struct catalogue_channel *c;
	int is_channel;

	/* Other files than ours may be targets. */
	if (split_path(t->path, image, name, &is_channel))
		return 0;
	if (is_channel) {
		c = grow(&f->channels, f->n_channels, sizeof(*c));
		if (!c)
			return -ENOMEM;
		f->n_channels++;
		strcpy(c->image, image);
		strcpy(c->channel, name);
		strcpy(c->sha256, t->sha256);
		return 0;
	}
	v = grow(&f->versions, f->n_versions, sizeof(*v));
	if (!v)
		return -ENOMEM;
	f->n_versions++;
	strcpy(v->image, image);
	strcpy(v->version, name);
	strcpy(v->sha256, t->sha256);
	return 0;
}

static int add_revoked(struct catalogue *f, const json_t *list)
{
	char image[TUF_PATH], name[TUF_PATH];
	const char *path, *sha256, *reason;
	struct catalogue_version *v;
	int is_channel;
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_unpack(item, "{s:s, s:s, s:s}", "path", &path,
				"sha256", &sha256, "reason", &reason) ||
		    split_path(path, image, name, &is_channel) || is_channel ||
		    !hash_is_hex(sha256))
			continue;
		v = grow(&f->versions, f->n_versions, sizeof(*v));
		if (!v)
			return -ENOMEM;
		f->n_versions++;
		v->revoked = 1;
		strcpy(v->image, image);
		strcpy(v->version, name);
		strcpy(v->sha256, sha256);
		snprintf(v->error, sizeof(v->error), "revoked: %.200s", reason);
	}
	return 0;
}

struct missing {
	struct imagerepo_repo *repo;
	struct catalogue_version *v;
};

/* Nodes check the bytes; here it is only whether they can be there. */
static int check_blob(const struct image_blob *b, void *arg)
{
	struct missing *m = arg;

	if (imagerepo_repo_has(m->repo, b))
		return 0;
	snprintf(m->v->error, sizeof(m->v->error),
		 "blob %s is missing or has not %llu bytes", b->sha256,
		 (unsigned long long)b->size);
	return 1;
}

static void read_version(struct imagerepo_repo *repo,
			 const struct tuf_target *t, struct catalogue_version *v)
{
	struct errinfo err = ERRINFO_INIT;
	struct missing missing = { repo, v };
	auto_free char *doc = NULL;
	struct image_manifest m;
	char digest[HASH_HEX];
	size_t len;
	int rc;

	rc = imagerepo_repo_get_doc(repo, t->file, TUF_TARGET_MAX, &doc, &len,
				    &err);
	if (rc)
		goto out;
	hash_bytes_hex(doc, len, digest);
	if (strcmp(digest, t->sha256)) {
		rc = errinfo_set(&err, -EBADMSG, "%s: sha256 %s", t->file,
				 digest);
		goto out;
	}
	rc = imagerepo_image_parse(doc, len, &m, &err);
	if (!rc && (strcmp(m.name, v->image) || strcmp(m.version, v->version)))
		rc = errinfo_set(&err, -EBADMSG, "%s: is %s %s", t->file,
				 m.name, m.version);
	if (rc)
		goto out;
	v->created_ms = m.created_ms;
	v->size = m.kernel.size + m.initrd.size + m.index.size + m.disk_stored;
	rc = imagerepo_repo_each(repo, &m, 0, check_blob, &missing, &err);
out:
	if (rc < 0)
		snprintf(v->error, sizeof(v->error), "%s",
			 errinfo_text(&err, rc));
}

static int collect(struct imagerepo_repo *repo, const struct tuf_client *c,
		   struct catalogue *f)
{
	const struct tuf_target *t;
	const char *role;
	size_t i, had;
	int rc = 0;

	for (i = 0; !rc && (t = tuf_client_each(c, i)); i++) {
		had = f->n_versions;
		rc = add_target(f, t);
		if (f->n_versions > had)
			read_version(repo, t, &f->versions[had]);
	}
	for (i = 0; !rc && (role = tuf_client_role(c, i)); i++)
		rc = add_revoked(
			f, json_object_get(tuf_client_body(c, role), REVOKED));
	f->expires_ms = tuf_client_expires(c);
	return rc;
}

static int keep_root(struct catalogue_memory *m, const struct tuf_client *c)
{
	size_t len;
	const char *doc = tuf_client_root(c, &len);
	char *copy = doc ? malloc(len + 1) : NULL;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, doc, len);
	free(m->root);
	m->root = copy;
	m->root_len = len;
	m->floor = tuf_client_floor(c);
	return 0;
}

int catalogue_read(const char *repository, struct catalogue_memory *memory,
		   int64_t now_ms, struct catalogue *out, struct errinfo *err)
{
	struct tuf_how how = { .root = memory->root,
			       .root_len = memory->root_len,
			       .now_ms = now_ms,
			       .floor = memory->floor };
	struct imagerepo_repo *repo = NULL;
	struct catalogue found = { 0 };
	struct tuf_client *c = NULL;
	int rc;

	rc = imagerepo_repo_open(repository, 0, &repo, err);
	if (!rc)
		rc = tuf_client_new(&how, &c, err);
	if (!rc)
		rc = verify(repo, c, err);
	if (!rc)
		rc = collect(repo, c, &found);
	if (!rc)
		rc = keep_root(memory, c);
	if (!rc) {
		catalogue_dispose(out);
		*out = found;
	} else {
		catalogue_dispose(&found);
	}
	tuf_client_free(c);
	imagerepo_repo_close(repo);
	return rc;
}
