/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeps what no manifest names.
 *
 * First all that is kept is marked; a manifest or an index that cannot be read
 * ends it before anything is deleted. Then files go one by one, each of them
 * garbage, so that it may be killed anywhere. An index goes before the packs
 * would matter: publishers look whether a pack is there before they share it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "repo-private.h"

struct marks {
	uint8_t (*sha256)[HASH_LEN];
	size_t n, room;
};

struct sweep {
	struct imagerepo_repo *r;
	const struct imagerepo_keep *keep;
	size_t n_keep;
	struct marks blobs;
	time_t before; /* younger files stay */
	int dry_run;
	struct imagerepo_gc_stats *stats;
};

static int mark(const struct image_blob *b, void *arg)
{
	struct marks *m = arg;
	void *more;

	if (m->n == m->room) {
		m->room = m->room * 2 + 1024;
		more = reallocarray(m->sha256, m->room, HASH_LEN);
		if (!more)
			return -ENOMEM;
		m->sha256 = more;
	}
	return parse_hex(b->sha256, m->sha256[m->n++], HASH_LEN);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, HASH_LEN);
}

static int is_marked(const struct sweep *s, const char *hex)
{
	uint8_t sha256[HASH_LEN];

	/* A stranger's file: not ours to delete. */
	if (!hash_is_hex(hex) || parse_hex(hex, sha256, HASH_LEN))
		return 1;
	return s->blobs.n &&
	       bsearch(sha256, s->blobs.sha256, s->blobs.n, HASH_LEN, compare);
}

int imagerepo_repo_manifest(struct imagerepo_repo *r,
			    const struct imagerepo_keep *k,
			    struct image_manifest *m, struct errinfo *err)
{
	auto_free char *doc = NULL;
	char hex[HASH_HEX];
	size_t len;
	int rc = imagerepo_repo_get_doc(r, k->file, IMAGE_MAX, &doc, &len, err);

	if (rc)
		return rc;
	hash_bytes_hex(doc, len, hex);
	if (strcmp(hex, k->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "%s/%s is damaged: its SHA-256 is another",
				   r->name, k->file);
	rc = imagerepo_image_parse(doc, len, m, err);
	return rc ? errinfo_wrap(err, rc, "%s/%s", r->name, k->file) : 0;
}

static int mark_image(struct sweep *s, const struct imagerepo_keep *k,
		      struct errinfo *err)
{
	struct image_manifest m;
	struct index *ix;
	int rc = imagerepo_repo_manifest(s->r, k, &m, err);

	if (rc)
		return rc;
	rc = imagerepo_repo_index(s->r, &m.index, &ix, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s %s: nothing was deleted",
				    m.name, m.version);
	imagerepo_index_free(ix);
	rc = imagerepo_repo_each(s->r, &m, 1, mark, &s->blobs, err);
	return rc ? errinfo_set(err, rc, "out of memory") : 0;
}

/* One file of a directory: is it to go, and does it? */
static int sweep_file(struct sweep *s, int dir, const char *name, int keep,
		      struct errinfo *err)
{
	struct imagerepo_gc_stats *st = s->stats;
	struct stat is;

	if (fstatat(dir, name, &is, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT
			       ? 0
			       : errinfo_set_errno(err, -errno, "%s", name);
	if (!S_ISREG(is.st_mode))
		return 0;
	if (keep || is.st_mtime >= s->before) {
		*(keep ? &st->kept : &st->young) += 1;
		*(keep ? &st->kept_bytes : &st->young_bytes) +=
			(uint64_t)is.st_size;
		return 0;
	}
	if (!s->dry_run && unlinkat(dir, name, 0))
		return errinfo_set_errno(err, -errno, "cannot delete %s", name);
	st->swept++;
	st->swept_bytes += (uint64_t)is.st_size;
	return 0;
}

static int sweep_entry(int dir, const char *path, const struct dirent *e,
		       void *arg, struct errinfo *err)
{
	(void)path;
	return sweep_file(arg, dir, e->d_name, is_marked(arg, e->d_name), err);
}

static int sweep_target(const char *file, void *arg, struct errinfo *err)
{
	struct sweep *s = arg;
	const char *name = strrchr(file, '/') + 1;
	char hex[HASH_HEX];
	int keep = strlen(name) < HASH_HEX || name[HASH_HEX - 1] != '.';

	if (!keep) {
		memcpy(hex, name, HASH_HEX - 1);
		hex[HASH_HEX - 1] = 0;
		keep = !hash_is_hex(hex);
	}
	for (size_t i = 0; !keep && i < s->n_keep; i++)
		keep = !strcmp(s->keep[i].file, file);
	return sweep_file(s, s->r->dir, file, keep, err);
}

static int sweep_all(struct sweep *s, struct errinfo *err)
{
	int rc = imagerepo_repo_targets(s->r, sweep_target, s, err);

	if (!rc)
		rc = imagerepo_repo_blobs(s->r, sweep_entry, s, err);
	/* what was remembered of an index that went, and no bytes of a client */
	if (!rc) {
		struct imagerepo_gc_stats none = { 0 };

		s->stats = &none;
		rc = imagerepo_repo_entries(s->r, REPO_CACHE, sweep_entry, s,
					    err);
	}
	return rc;
}

int imagerepo_repo_gc(struct imagerepo_repo *r, const struct imagerepo_keep *keep,
		      size_t n, int64_t grace_sec, int dry_run,
		      struct imagerepo_gc_stats *stats, struct errinfo *err)
{
	struct imagerepo_gc_stats unused;
	struct sweep s = { .r = r,
			   .keep = keep,
			   .n_keep = n,
			   .dry_run = dry_run,
			   .stats = stats ? stats : &unused };
	int rc = 0;

	if (!r->locked)
		return errinfo_set(err, -ENOLCK, "%s is not locked", r->name);
	memset(s.stats, 0, sizeof(*s.stats));
	/* the kernel's clock of files is a tick behind */
	s.before = time(NULL) - (time_t)grace_sec + (grace_sec ? 0 : 2);
	for (size_t i = 0; !rc && i < n; i++)
		rc = mark_image(&s, &keep[i], err);
	if (!rc) {
		if (s.blobs.n)
			qsort(s.blobs.sha256, s.blobs.n, HASH_LEN, compare);
		rc = sweep_all(&s, err);
	}
	free(s.blobs.sha256);
	return rc;
}
