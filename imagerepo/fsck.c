/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at all there is: blobs against their names, then each image against
 * its blobs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "bundle.h"
#include "cleanup.h"
#include "delta.h"
#include "index-private.h"
#include "parallel.h"
#include "repo-private.h"

struct checking {
	struct imagerepo_repo *r;
	const struct imagerepo_keep *keep;
	size_t n_keep;
	int all;
	imagerepo_fsck_fn fn;
	imagerepo_scrub_fn scrub; /* instead of fn; what is bad goes */
	void *arg;
	struct imagerepo_fsck_stats *stats;
};

static void fault(struct checking *c, const char *where, const char *what)
{
	c->stats->faults++;
	if (c->fn)
		c->fn(where, what, c->arg);
}

/* ---- blobs against their names -------------------------------------------------- */

static int look_at_blob(struct checking *c, const char *path, int dir,
			const char *name, struct errinfo *why)
{
	struct image_blob b;
	struct stat st;

	if (!hash_is_hex(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode) || strncmp(name, path + strlen(path) - 2, 2))
		return errinfo_set(why, -ENOTSUP,
				   "is no blob: it does not belong here");
	strcpy(b.sha256, name);
	b.size = (uint64_t)st.st_size;
	c->stats->blobs++;
	c->stats->bytes += b.size;
	return imagerepo_repo_check(c->r, &b, why);
}

static int check_blob(struct checking *c, const char *path, int dir,
		      const char *name)
{
	struct errinfo why = ERRINFO_INIT;
	char where[2 * IMAGE_PATH];
	int rc = look_at_blob(c, path, dir, name, &why);
	const char *what = rc ? errinfo_text(&why, rc) : NULL;

	snprintf(where, sizeof(where), "%s/%s", path, name);
	if (rc)
		fault(c, where, what);
	if (!c->scrub)
		return 0;
	/* not for want of memory, or of descriptors */
	if (rc == -EBADMSG || rc == -EIO)
		unlinkat(dir, name, 0);
	return c->scrub(where, what, c->arg);
}

static int check_entry(int dir, const char *path, const struct dirent *e,
		       void *arg, struct errinfo *err)
{
	(void)err;
	return check_blob(arg, path, dir, e->d_name);
}

static int check_all_blobs(struct checking *c, struct errinfo *err)
{
	memset(c->stats, 0, sizeof(*c->stats));
	return imagerepo_repo_blobs(c->r, check_entry, c, err);
}

/* ---- an image against its blobs --------------------------------------------------- */

struct presence {
	struct checking *c;
	const char *where;
	int missing;
};

static int check_presence(const struct image_blob *b, void *arg)
{
	struct presence *p = arg;
	char path[IMAGE_PATH], what[IMAGE_PATH + 64];

	if (imagerepo_repo_has(p->c->r, b))
		return 0;
	imagerepo_blob_file(b->sha256, path);
	snprintf(what, sizeof(what), "needs %s, which is missing or cut", path);
	fault(p->c, p->where, what);
	p->missing = 1;
	return 0;
}

struct decoding {
	struct checking *c;
	struct index *ix;
	const char *where;
};

struct slot {
	char what[ERRINFO_MAX];
};

static int run_chunk(void *arg, struct imagerepo_tools *t, size_t i, void *slot,
		     struct errinfo *err)
{
	const struct decoding *d = arg;
	void *raw = imagerepo_tools_buffer(t, 0, INDEX_CHUNK_MAX);
	struct errinfo why = ERRINFO_INIT;
	struct slot *s = slot;
	struct index_chunk c;

	s->what[0] = 0;
	if (!raw)
		return errinfo_set(err, -ENOMEM, "out of memory");
	imagerepo_index_chunk(d->ix, (uint32_t)i, &c);
	if (c.kind != INDEX_HOLE &&
	    imagerepo_chunk_load(d->c->r, d->ix, &c, t, raw, &why))
		snprintf(s->what, sizeof(s->what), "%s", why.text);
	return 0;
}

static int done_chunk(void *arg, size_t i, void *slot, struct errinfo *err)
{
	struct decoding *d = arg;
	struct slot *s = slot;

	(void)i;
	(void)err;
	if (s->what[0])
		fault(d->c, d->where, s->what);
	return 0;
}

static int check_bundle(struct checking *c, const struct image_manifest *m,
			struct imagerepo_disk *disk, struct errinfo *err)
{
	auto_free char *doc = NULL;
	auto_free uint8_t *raw = malloc(BUNDLE_FRAME_BLOCKS * INDEX_BLOCK);
	uint8_t block[INDEX_BLOCK];
	ZSTD_DCtx *dctx = ZSTD_createDCtx();
	struct bundle *b = NULL;
	char hex[HASH_HEX];
	int rc = raw && dctx ? imagerepo_repo_get(c->r, &m->bundle, &doc, err)
			     : -ENOMEM;

	if (rc)
		goto out;
	hash_bytes_hex(doc, m->bundle_head, hex);
	rc = strcmp(hex, m->bundle_head_sha256)
		     ? -EBADMSG
		     : imagerepo_bundle_parse(doc, m->bundle_head, m->disk_size,
					      m->index.sha256, &b, err);
	for (uint32_t i = 0; !rc && i < imagerepo_bundle_n_frames(b); i++) {
		struct bundle_frame f;

		imagerepo_bundle_frame(b, i, &f);
		rc = f.offset + f.stored > m->bundle.size
			     ? -EBADMSG
			     : imagerepo_bundle_decode(dctx, &f, doc + f.offset,
						       f.stored, raw, err);
		for (uint32_t k = 0; !rc && k < f.blocks; k++) {
			uint64_t at = imagerepo_bundle_block(b, f.first + k);

			rc = imagerepo_disk_read(disk, at * INDEX_BLOCK, block,
						 INDEX_BLOCK, err);
			if (!rc && memcmp(block, raw + (size_t)k * INDEX_BLOCK,
					  INDEX_BLOCK) != 0)
				rc = errinfo_set(err, -EBADMSG,
						 "block %llu is not the disk's",
						 (unsigned long long)at);
		}
	}
out:
	imagerepo_bundle_free(b);
	ZSTD_freeDCtx(dctx);
	return rc;
}

static int check_disk(struct checking *c, const struct image_manifest *m,
		      const char *where, struct errinfo *err)
{
	struct decoding d = { c, NULL, where };
	struct imagerepo_parallel how = { .slot_size = sizeof(struct slot),
					  .run = run_chunk,
					  .done = done_chunk,
					  .arg = &d };
	struct imagerepo_disk *disk = NULL;
	struct errinfo why = ERRINFO_INIT;
	int rc = imagerepo_repo_index(c->r, &m->index, &d.ix, &why);

	if (rc) {
		fault(c, where, why.text);
		return 0;
	}
	if (imagerepo_index_disk_size(d.ix) != m->disk_size)
		fault(c, where, "its index is of a disk of another size");
	how.n = imagerepo_index_n_chunks(d.ix);
	rc = imagerepo_parallel(&how, err);
	if (!rc && m->bundle.size) {
		why.text[0] = 0;
		if (imagerepo_disk_open(c->r, &m->index, &disk, &why) ||
		    check_bundle(c, m, disk, &why)) {
			errinfo_wrap(&why, -EBADMSG, "bundle");
			fault(c, where, why.text);
		}
		imagerepo_disk_close(disk);
	}
	imagerepo_index_free(d.ix);
	return rc;
}

/* A delta from an image that is kept gives all packs, unless another release
 * of zstd made it. */
static int check_delta(struct checking *c, const struct image_manifest *m,
		       const struct image_delta *d, const char *where)
{
	struct imagerepo_delta_stats stats = { 0 };
	struct errinfo why = ERRINFO_INIT;
	const struct imagerepo_keep *k = c->keep;
	struct image_manifest old;
	int rc;

	while (k < c->keep + c->n_keep && strcmp(k->sha256, d->from) != 0)
		k++;
	if (k == c->keep + c->n_keep ||
	    imagerepo_repo_manifest(c->r, k, &old, NULL))
		return 0;
	rc = imagerepo_delta_check(c->r, &old.index, &m->index, &d->blob,
				   &stats, &why);
	if (rc == -ENOMEM)
		return rc;
	if (!rc && stats.rebuilt < stats.packs &&
	    stats.zstd == ZSTD_versionNumber())
		rc = errinfo_set(&why, -EBADMSG, "%u of %u packs do not come out",
				 stats.packs - stats.rebuilt, stats.packs);
	if (rc) {
		errinfo_wrap(&why, rc, "delta from %.12s...", d->from);
		fault(c, where, why.text);
	}
	return 0;
}

static int check_image(struct checking *c, const struct imagerepo_keep *k,
		       struct errinfo *err)
{
	struct presence p = { c, k->file, 0 };
	struct errinfo why = ERRINFO_INIT;
	struct image_manifest m;
	int rc;

	if (imagerepo_repo_manifest(c->r, k, &m, &why)) {
		fault(c, k->file, why.text);
		return 0;
	}
	rc = imagerepo_repo_each(c->r, &m, c->all, check_presence, &p, err);
	if (rc || p.missing)
		return rc;
	rc = check_disk(c, &m, k->file, err);
	for (int i = 0; !rc && c->all && i < m.n_deltas; i++)
		if (check_delta(c, &m, &m.delta[i], k->file))
			rc = errinfo_set(err, -ENOMEM, "out of memory");
	return rc;
}

int imagerepo_repo_fsck(struct imagerepo_repo *r,
			const struct imagerepo_keep *keep, size_t n, int all,
			imagerepo_fsck_fn fn, void *arg,
			struct imagerepo_fsck_stats *stats, struct errinfo *err)
{
	struct imagerepo_fsck_stats unused;
	struct checking c = { .r = r,
			      .keep = keep,
			      .n_keep = n,
			      .all = all,
			      .fn = fn,
			      .arg = arg,
			      .stats = stats ? stats : &unused };
	int rc = check_all_blobs(&c, err);

	for (size_t i = 0; !rc && i < n; i++)
		rc = check_image(&c, &keep[i], err);
	return rc;
}

int imagerepo_repo_scrub(struct imagerepo_repo *r, imagerepo_scrub_fn fn,
			 void *arg, struct imagerepo_fsck_stats *stats,
			 struct errinfo *err)
{
	struct imagerepo_fsck_stats unused;
	struct checking c = {
		.r = r, .scrub = fn, .arg = arg, .stats = stats ? stats : &unused
	};

	if (!r->locked)
		return errinfo_set(err, -ENOLCK, "%s is not locked", r->name);
	return check_all_blobs(&c, err);
}
