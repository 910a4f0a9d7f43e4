/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror: the blobs of one image. What a boot needs comes first; then the
 * packs, rebuilt from a delta where an older image is here, fetched plain
 * where not.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blobset.h"
#include "cleanup.h"
#include "delta.h"
#include "fileio.h"
#include "mirror.h"
#include "tool.h"

#define TELL_MS 1000

static void show(const struct mirror *m, const struct mirror_image *i,
		 uint64_t now)
{
	char done[TOOL_SIZE], total[TOOL_SIZE];

	if (m->quiet || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s %s: %s of %s   ", i->w.image, i->m.version,
		tool_size(i->done + now, done), tool_size(i->total, total));
}

static int tick(uint64_t now, void *arg)
{
	struct mirror *m = arg;
	int64_t now_ms = clock_boot_ms();

	show(m, m->now, now);
	if (now_ms - m->told_ms >= TELL_MS) {
		m->told_ms = now_ms;
		mirror_save(m, NULL);
	}
	return m->interrupted ? m->interrupted(m) : 0;
}

static int done(const struct image_blob *b, int rc, int took,
		const struct errinfo *why, void *arg)
{
	struct mirror *m = arg;

	if (rc) {
		snprintf(m->now->error, sizeof(m->now->error), "%s",
			 errinfo_text(why, rc));
		return rc;
	}
	m->now->done += b->size;
	m->blobs += took ? 1 : 0;
	return 0;
}

static int get(struct mirror *m, struct mirror_image *i,
	       const struct blobset *s, struct errinfo *err)
{
	const struct fetch_hooks hooks = { done, tick, m };
	int rc;

	m->now = i;
	i->error[0] = '\0';
	rc = fetch_blobs(m->from, s->blob, s->n, m->dir, &hooks, err);
	if (rc && i->error[0])
		errinfo_set(err, rc, "%s", i->error);
	return rc;
}

/* The older image that a delta leads from, if all of it is here. */
static int load_old(struct mirror *m, const struct mirror_image *i,
		    const struct image_delta *d, struct image_manifest *old)
{
	auto_free char *doc = NULL;
	struct blobset blobs = { 0 };
	char pattern[PATH_MAX], hex[HASH_HEX];
	glob_t found = { 0 };
	size_t len = 0;
	int rc = -ENOENT;

	snprintf(pattern, sizeof(pattern), "%s/targets/%s/%s.*.json", m->dir,
		 i->w.image, d->from);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc)
		rc = fileio_read(found.gl_pathv[0], IMAGE_MAX, &doc, &len, NULL);
	globfree(&found);
	if (!rc) {
		hash_bytes_hex(doc, len, hex);
		rc = strcmp(hex, d->from) ? -EBADMSG : 0;
	}
	if (!rc)
		rc = imagerepo_image_parse(doc, len, old, NULL);
	if (!rc && !imagerepo_repo_has(m->repo, &old->index))
		rc = -ENOENT;
	if (!rc)
		rc = imagerepo_repo_each(m->repo, old, 0, blobset_add_each,
					 &blobs, NULL);
	for (size_t k = 0; k < blobs.n && !rc; k++)
		if (!imagerepo_repo_has(m->repo, &blobs.blob[k]))
			rc = -ENOENT;
	blobset_dispose(&blobs);
	return rc;
}

static int apply(struct mirror *m, struct mirror_image *i,
		 const struct image_delta *d, const struct image_manifest *old,
		 struct errinfo *err)
{
	struct imagerepo_delta_stats stats = { 0 };
	struct image_blob blob = d->blob;
	const struct blobset s = { &blob, 1, 1, blob.size };
	char file[IMAGE_PATH], path[PATH_MAX];
	uint64_t was = i->done;
	int there = imagerepo_repo_has(m->repo, &d->blob);
	int rc = get(m, i, &s, err);

	i->done = was;
	if (rc)
		return rc;
	m->delta_bytes += there ? 0 : blob.size;
	/* What does not come out right is fetched plain. */
	rc = imagerepo_delta_apply(m->repo, &old->index, &i->m.index, &blob, 0,
				   &stats, err);
	m->packs_rebuilt += stats.rebuilt;
	if (!m->deltas && !there) {
		imagerepo_blob_file(blob.sha256, file);
		snprintf(path, sizeof(path), "%s/%s", m->dir, file);
		unlink(path);
	}
	return rc == -ENOMEM || rc == -ENOSPC ? rc : 0;
}

int mirror_has_all(struct mirror *m, const struct mirror_image *i)
{
	struct blobset s = { 0 };
	int all;

	if (!imagerepo_repo_has(m->repo, &i->m.index))
		return 0;
	if (m->boot_only)
		all = !blobset_add(&s, &i->m.kernel) &&
		      !blobset_add(&s, &i->m.initrd) &&
		      !blobset_add(&s, &i->m.bundle);
	else
		all = !imagerepo_repo_each(m->repo, &i->m, m->deltas,
					   blobset_add_each, &s, NULL);
	for (size_t k = 0; k < s.n && all; k++)
		all = imagerepo_repo_has(m->repo, &s.blob[k]);
	blobset_dispose(&s);
	return all;
}

/* The smallest delta from an image that is here; -EINTR and failures of our
 * own disk end it, anything else leaves the packs to be fetched. */
static int use_delta(struct mirror *m, struct mirror_image *i, struct errinfo *err)
{
	const struct image_delta *best = NULL;
	struct image_manifest old, best_old;
	int rc;

	if (mirror_has_all(m, i))
		return 0;
	for (int k = 0; k < i->m.n_deltas; k++) {
		const struct image_delta *d = &i->m.delta[k];

		if ((best && d->blob.size >= best->blob.size) ||
		    load_old(m, i, d, &old))
			continue;
		best = d;
		best_old = old;
	}
	if (!best)
		return 0;
	rc = apply(m, i, best, &best_old, err);
	if (rc == -EINTR || rc == -ENOSPC || rc == -ENOMEM)
		return rc;
	i->error[0] = '\0';
	return 0;
}

int mirror_boot_set(struct mirror *m, struct mirror_image *i, struct errinfo *err)
{
	const struct image_manifest *im = &i->m;
	struct blobset s = { 0 };
	int rc;

	i->state = MIRROR_FETCHING;
	i->done = 0;
	i->total = im->kernel.size + im->initrd.size + im->bundle.size +
		   im->index.size + (m->boot_only ? 0 : im->disk_stored);
	rc = blobset_add(&s, &im->kernel);
	if (!rc)
		rc = blobset_add(&s, &im->initrd);
	if (!rc)
		rc = blobset_add(&s, &im->bundle);
	if (rc)
		errinfo_set(err, rc, "out of memory");
	if (!rc)
		rc = get(m, i, &s, err);
	blobset_dispose(&s);
	if (!rc && !m->boot_only)
		rc = use_delta(m, i, err);
	if (!rc && blobset_add(&s, &im->index))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (!rc)
		rc = get(m, i, &s, err);
	blobset_dispose(&s);
	if (!rc)
		i->state = m->boot_only ? MIRROR_COMPLETE : MIRROR_BOOTABLE;
	i->skip = m->boot_only;
	return rc;
}

int mirror_packs(struct mirror *m, struct mirror_image *i, struct errinfo *err)
{
	struct blobset s = { 0 };
	int rc = imagerepo_repo_each(m->repo, &i->m, m->deltas,
				     blobset_add_each, &s, err);

	if (rc == -ENOMEM)
		errinfo_set(err, rc, "out of memory");
	i->done = 0;
	i->total = s.bytes;
	if (!rc)
		rc = get(m, i, &s, err);
	blobset_dispose(&s);
	if (!rc)
		i->state = MIRROR_COMPLETE;
	return rc;
}
