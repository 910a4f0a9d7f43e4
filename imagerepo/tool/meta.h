/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta - the TUF metadata of a repository in a directory: read and verified,
 * changed in memory, signed and written in an order in which no reader ever
 * finds a hole.
 *
 *	struct meta_how how = { .repo = repo, .seed = keys_dir, .write = 1 };
 *
 *	meta_keys_load(keys_dir, &keys, err)
 *	meta_open(&how, &m, err)
 *	meta_role_of(m, "debian", role, err)		-> "maintainer"
 *	meta_set(m, role, "debian/12.1.json", sha256, length, custom, err)
 *	meta_set(m, role, "debian/channels/stable.json", ...)
 *	... all blobs and the files of the targets are on the disk, durable ...
 *	meta_commit(m, &keys, &times, now_ms, 0, err)
 *	meta_close(m)
 *
 * Commit writes N.ROLE.json of every role that was changed, then
 * N.snapshot.json, and timestamp.json last: each fsynced and renamed. A crash
 * before the last rename leaves the repository as it was; what was written by
 * then is never named by anything and its number is not used again.
 *
 * A repository begins with what `init` made in the directory of the keys
 * (`seed`): its root.json and metadata/. Publishing into an empty directory
 * copies them, so that the keys of root and targets may be far away.
 *
 * Keys find their roles by key id: every secret key in the directory that may
 * sign a role signs it, file names do not matter.
 */
#ifndef META_H
#define META_H

#include "tuf.h"

#define META_DIR          "metadata"
#define META_TIMESTAMP    META_DIR "/timestamp.json"
#define META_DAY          UINT64_C(86400)
#define META_TARGETS_ROLE "targets"

/* How long what is signed now is valid. */
struct meta_times {
	uint64_t timestamp_sec, snapshot_sec, targets_sec;
};
/* clang-format off */
#define META_TIMES_INIT { 7 * META_DAY, 30 * META_DAY, 180 * META_DAY }
/* clang-format on */

struct meta_keys {
	struct trust_key key[TRUST_KEYS_MAX];
	size_t n;
};

/* All files *.key of a directory; wipe them also after an error. */
int meta_keys_load(const char *dir, struct meta_keys *keys, struct errinfo *err);
int meta_keys_add(struct meta_keys *keys, const char *file, struct errinfo *err);
void meta_keys_wipe(struct meta_keys *keys);

struct meta_how {
	const char *repo; /* directory; made by commit if it is not there */
	const char *seed; /* may be NULL: -ENOENT where there is no metadata */
	const char *root; /* file of the trusted root document; NULL: the
			   * repository's own first one */
	int write;        /* waits for the lock of writers, holds it to close */
};

struct meta;

/* Verifies all but expiry (a repository that expired must be refreshable):
 * errors of tuf.h, and -ENOENT (no metadata there). */
int meta_open(const struct meta_how *how, struct meta **out, struct errinfo *err);
void meta_close(struct meta *m);

/* An empty repository that begins with this root document; for init. */
int meta_create(const char *repo, const void *root, size_t len,
		struct meta **out, struct errinfo *err);

/* Body ("signed") of "root", "timestamp", "snapshot", "targets" or of a
 * maintainer, with the changes made so far. Borrowed; NULL: there is none. */
const json_t *meta_body(const struct meta *m, const char *role);
/* The root document in force, for tuf_how.root. Borrowed. */
const char *meta_root(const struct meta *m, size_t *len);
/* Names of maintainers' roles in order of search; NULL at the end. */
const char *meta_role(const struct meta *m, size_t i);
/* Who signs for an image: the first role that clients look into. -ENOENT: it
 * is delegated to nobody. */
int meta_role_of(const struct meta *m, const char *image, char role[TUF_NAME],
		 struct errinfo *err);
/* What a role says of a path: {"custom", "hashes", "length"}, or NULL. */
const json_t *meta_target(const struct meta *m, const char *role,
			  const char *path);

/* Changes, in memory. `custom` is borrowed, may be NULL. A maintainer's role
 * that is delegated to but has no metadata yet begins here. */
int meta_set(struct meta *m, const char *role, const char *path,
	     const char *sha256, uint64_t length, json_t *custom,
	     struct errinfo *err);
int meta_delete(struct meta *m, const char *role, const char *path,
		struct errinfo *err); /* -ENOENT: is none */
/* For anything else ("x-nightshift-revoked"): the body, marked as changed;
 * version and expires are set by commit. Borrowed; NULL: out of memory, or
 * nobody delegated to this role. */
json_t *meta_edit(struct meta *m, const char *role);
/* Signs snapshot (which is signed whenever any role is) or timestamp anew. */
int meta_renew(struct meta *m, const char *role);

/* The next root document: signed by its own role and by the one in force.
 * Commit signs anew what other keys must sign now, by old and new keys, and
 * makes the root appear last; where old keys are lost, first (clients that
 * come in between fail and try again). */
int meta_set_root(struct meta *m, const void *doc, size_t len,
		  struct errinfo *err);

/* Signs and writes what was changed (nothing changed: 0, nothing written).
 * Verifies all that it made as a client would, at now_ms, before the first
 * byte is written: -ENOKEY names the role for which keys are missing. dry_run:
 * all but writing. */
int meta_commit(struct meta *m, const struct meta_keys *keys,
		const struct meta_times *times, int64_t now_ms, int dry_run,
		struct errinfo *err);

#endif
