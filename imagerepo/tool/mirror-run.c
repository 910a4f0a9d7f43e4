/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror: one run. Metadata is verified first and kept, all but
 * timestamp.json, which nothing leads past: it is moved when all images are
 * complete, or (early) at once, for a web server that asks its upstream for
 * what is not here.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "meta.h"
#include "mirror.h"
#include "sweep.h"
#include "tool.h"

static int keep_doc(const char *path, const void *data, size_t len, void *arg,
		    struct errinfo *err)
{
	struct mirror *m = arg;

	if (strcmp(path, META_TIMESTAMP) != 0)
		return imagerepo_repo_put_doc(m->repo, path, data, len, err);
	free(m->timestamp);
	m->timestamp = malloc(len ? len : 1);
	if (!m->timestamp)
		return errinfo_set(err, -ENOMEM, "out of memory");
	memcpy(m->timestamp, data, len);
	m->timestamp_len = len;
	return 0;
}

/* Nodes come with any root document and go on from there: all of them are
 * kept, each by its own word; nodes check the chain. */
static int keep_roots(struct mirror *m, struct errinfo *err)
{
	int last = tuf_client_floor(m->c).root;
	char path[TUF_PATH];
	const char *doc;
	size_t len;

	for (int n = 1; n < last; n++) {
		auto_free char *old = NULL, *file = NULL;
		struct trust_root *root = NULL;

		snprintf(path, sizeof(path), META_DIR "/%d.root.json", n);
		file = tool_join(m->dir, path);
		if (!file || !access(file, F_OK) ||
		    fetch_doc(m->from, path, TUF_SMALL_MAX, &old, &len, NULL) ||
		    trust_root_load(old, len, 0, &root, NULL))
			continue;
		trust_root_free(root);
		imagerepo_repo_put_doc(m->repo, path, old, len, NULL);
	}
	doc = tuf_client_root(m->c, &len);
	snprintf(path, sizeof(path), META_DIR "/%d.root.json", last);
	return imagerepo_repo_put_doc(m->repo, path, doc, len, err);
}

static int move_timestamp(struct mirror *m, struct errinfo *err)
{
	int known = mirror_knows_root(m), rc = known ? 0 : keep_roots(m, err);

	if (!rc)
		rc = imagerepo_repo_put_doc(m->repo, META_TIMESTAMP,
					    m->timestamp, m->timestamp_len, err);
	if (rc)
		return rc;
	m->floor = tuf_client_floor(m->c);
	rc = known ? 0 : mirror_save_root(m, err);
	return rc ? rc : mirror_save(m, err);
}

static int read_metadata(struct mirror *m, struct errinfo *err)
{
	struct follow how = { .from = m->from,
			      .root = m->root,
			      .root_len = m->root_len,
			      .now_ms = m->at_ms ? m->at_ms : clock_unix_ms(),
			      .floor = m->floor,
			      .local = m->dir,
			      .keep = keep_doc,
			      .arg = m };

	return follow_run(&how, &m->c, err);
}

/* All names of the manifest: its version, its channels. */
static int put_names(struct mirror *m, const struct tuf_target *t,
		     const char *doc, size_t len, struct errinfo *err)
{
	const struct tuf_target *other;
	int rc = 0;

	for (size_t k = 0; !rc && (other = tuf_client_each(m->c, k)); k++)
		if (target_same_image(other, t))
			rc = imagerepo_repo_put_doc(m->repo, other->file, doc,
						    len, err);
	return rc;
}

static int read_manifest(struct mirror *m, struct mirror_image *i,
			 struct errinfo *err)
{
	const struct tuf_target *t;
	auto_free char *doc = NULL;
	size_t len;
	int rc = wanted_find(&i->w, m->c, &t, err);

	if (rc)
		return rc;
	if (i->state == MIRROR_COMPLETE && !strcmp(i->sha256, t->sha256) &&
	    mirror_has_all(m, i)) {
		i->skip = 1;
		return 0;
	}
	i->state = MIRROR_PENDING;
	strcpy(i->sha256, t->sha256);
	rc = follow_manifest(m->from, t, &doc, &len, &i->m, err);
	return rc ? rc : put_names(m, t, doc, len, err);
}

/* What went wrong with one image leaves the others alone; what goes wrong
 * with us ends the run. */
static int note(struct mirror *m, struct mirror_image *i, int rc,
		struct errinfo *err)
{
	char text[IMAGE_PATH];

	if (!rc)
		return 0;
	if (rc == -EINTR)
		return rc;
	i->state = MIRROR_FAILED;
	i->skip = 1;
	snprintf(i->error, sizeof(i->error), "%s", errinfo_text(err, rc));
	wanted_text(&i->w, text);
	if (!m->quiet)
		fprintf(stderr, TOOL_NAME ": %s: %s\n", text, i->error);
	return rc == -ENOSPC || rc == -ENOMEM || rc == -EROFS ? rc : 0;
}

typedef int (*image_fn)(struct mirror *m, struct mirror_image *i,
			struct errinfo *err);

static int each(struct mirror *m, image_fn fn, struct errinfo *err)
{
	int rc = 0;

	for (size_t k = 0; k < m->n_images && !rc; k++) {
		struct mirror_image *i = &m->images[k];

		if (i->skip)
			continue;
		rc = note(m, i, fn(m, i, err), err);
		mirror_save(m, NULL);
	}
	return rc;
}

static int failures(const struct mirror *m)
{
	int n = 0;

	for (size_t k = 0; k < m->n_images; k++)
		n += m->images[k].state == MIRROR_FAILED;
	return n;
}

static const json_t *in_force(const void *of, const char *role)
{
	return tuf_client_body(of, role);
}

static int prune(struct mirror *m, struct errinfo *err)
{
	auto_free struct imagerepo_keep *keep = NULL;
	struct imagerepo_gc_stats stats = { 0 };
	const struct tuf_target *t;
	size_t n = 0;
	int rc;

	for (size_t i = 0; tuf_client_each(m->c, i); i++)
		n++;
	keep = calloc(n + 1, sizeof(*keep));
	if (!keep)
		return errinfo_set(err, -ENOMEM, "out of memory");
	n = 0;
	for (size_t i = 0; (t = tuf_client_each(m->c, i)); i++) {
		int wanted = 0;

		for (size_t k = 0; k < m->n_images; k++)
			wanted |= !strcmp(t->sha256, m->images[k].sha256);
		if (!wanted)
			continue;
		strcpy(keep[n].sha256, t->sha256);
		strcpy(keep[n++].file, t->file);
	}
	rc = imagerepo_repo_gc(m->repo, keep, n, (int64_t)m->prune_sec, 0,
			       &stats, err);
	return rc ? rc
		  : sweep_metadata(m->repo, in_force, m->c, m->prune_sec, 0,
				   &stats, err);
}

/* Halves of blobs that nobody asks for any more. */
static void drop_partial(const struct mirror *m)
{
	auto_free char *path = tool_join(m->dir, "partial");
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (hash_is_hex(e->d_name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

static int get_images(struct mirror *m, struct errinfo *err)
{
	int rc = each(m, read_manifest, err);

	if (!rc && m->early)
		rc = move_timestamp(m, err);
	if (!rc)
		rc = each(m, mirror_boot_set, err);
	if (!rc)
		rc = each(m, mirror_packs, err);
	if (rc)
		return rc;
	if (failures(m))
		return mirror_save(m, err);
	drop_partial(m);
	rc = m->early ? 0 : move_timestamp(m, err);
	if (!rc && m->prune)
		rc = prune(m, err);
	return rc ? rc : mirror_save(m, err);
}

/* ---- rot ------------------------------------------------------------------------ */

static int scrubbed(const char *where, const char *what, void *arg)
{
	struct mirror *m = arg;

	if (what) {
		m->damaged++;
		if (!m->quiet)
			fprintf(stderr, TOOL_NAME ": %s: %s; fetched again\n",
				where, what);
	}
	return m->interrupted ? m->interrupted(m) : 0;
}

/* When it is time: reads all blobs again; what is damaged is gone then, and
 * comes as if it had never been here. */
static int scrub(struct mirror *m, struct errinfo *err)
{
	int64_t now_ms = clock_unix_ms(), since_ms = now_ms - m->checked_ms;
	uint64_t was = m->damaged;
	int rc;

	if (!m->check ||
	    (since_ms >= 0 && since_ms < (int64_t)m->check_sec * 1000))
		return 0;
	rc = imagerepo_repo_scrub(m->repo, scrubbed, m, NULL, err);
	if (rc)
		return rc;
	m->checked_ms = now_ms;
	if (m->damaged == was)
		return mirror_save(m, err);
	for (size_t k = 0; k < m->n_images; k++)
		m->images[k].skip = 0;
	return get_images(m, err);
}

void mirror_end(struct mirror *m)
{
	tuf_client_free(m->c);
	m->c = NULL;
	imagerepo_repo_close(m->repo);
	m->repo = NULL;
	free(m->timestamp);
	m->timestamp = NULL;
}

void mirror_free_images(struct mirror *m)
{
	free(m->images);
	m->images = NULL;
	m->n_images = 0;
}

int mirror_run(struct mirror *m, struct errinfo *err)
{
	int rc = imagerepo_repo_open(m->dir, 1, &m->repo, err);

	if (!rc)
		rc = imagerepo_repo_lock(m->repo, err);
	for (size_t k = 0; k < m->n_images; k++)
		m->images[k].skip = 0;
	if (!rc)
		rc = read_metadata(m, err);
	if (!rc)
		rc = get_images(m, err);
	return rc ? rc : scrub(m, err);
}
