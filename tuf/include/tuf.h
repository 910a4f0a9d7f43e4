/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf - The Update Framework 1.0 (theupdateframework.io, specification 1.0.31)
 * for the image repository: which bytes are this image now, and who says so.
 *
 *	metadata/N.root.json		keys and roles; signed by old and new root
 *	metadata/timestamp.json		-> snapshot; expires within days
 *	metadata/N.snapshot.json	-> versions of all targets metadata
 *	metadata/N.targets.json		delegates IMAGE/ to a maintainer
 *	metadata/N.MAINTAINER.json	-> targets: digests of image manifests
 *	targets/IMAGE/HEX64.VERSION.json		a manifest (image.h)
 *	targets/IMAGE/channels/HEX64.CHANNEL.json	the manifest that it names
 *
 * Consistent snapshots: all but timestamp.json never change. The target path
 * of a version is "IMAGE/VERSION.json", that of a channel
 * "IMAGE/channels/CHANNEL.json": a channel is one more name of a manifest, so
 * that any TUF client can follow it.
 *
 * The client does no input or output: it says what it wants next and is fed
 * what came, so that a process without rights can run it on foreign bytes.
 *
 *	tuf_client_new(&how, &c, err)
 *	while ((rc = tuf_client_next(c, &want)) == 1)
 *		... get want.path, at most want.max bytes ...
 *		rc = tuf_client_feed(c, bytes, len, err)  or  tuf_client_absent(c, err)
 *
 * It keeps to the client workflow of the specification (section 5): fixed
 * start time, bounds on every size before a byte is parsed, root updates one
 * by one, rollback, freeze, mix-and-match, arbitrary installation. What a
 * client remembers between runs comes in as `floor` and goes out by
 * tuf_client_floor(): a gateway keeps it on its disk, a diskless node gets it
 * from its gateway's signed statement and from what its own image was built
 * with, and takes the higher of each.
 *
 * Silent library; errors as in trust.h: -EBADMSG (form, digest, or size),
 * -ENOKEY (signatures), -ESTALE (expired), -EFBIG, -EEXIST is not used,
 * -ENOENT (no such target, or revoked), -EPERM (version below the floor: a
 * rollback), -EINVAL (called wrongly). The text names file and reason. After
 * an error of feed the client still wants the same file: another server may
 * have a better one. -ENOENT for the target itself is final.
 *
 * Ed25519 and SHA-256 only, one signature each at least; names of roles are
 * NAMEs (parse.h). A delegated role that the snapshot does not list yet has no
 * targets. Unknown members are passed over, as the specification has it.
 */
#ifndef TUF_H
#define TUF_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "errinfo.h"
#include "hash.h"
#include "trust.h"

#define TUF_PATH       256 /* longest path below the repository, with NUL */
#define TUF_NAME       64  /* role names */
#define TUF_META_MAX   (4 * 1024 * 1024)  /* targets metadata */
#define TUF_SMALL_MAX  (64 * 1024)        /* root, timestamp, snapshot */
#define TUF_ROOTS_MAX  64                 /* root updates in one run */
#define TUF_ROLES_MAX  256                /* delegated roles looked at */
#define TUF_TOTAL_MAX  (16 * 1024 * 1024) /* all targets metadata of one run */
#define TUF_TARGET_MAX (64 * 1024)        /* a manifest */

/*
 * Lowest versions that are still taken; 0: any. When keys of snapshot or
 * timestamp change in a root above `root`, the other two count no more: whoever
 * had stolen those keys may have pushed the numbers up (fast-forward attack).
 */
struct tuf_floor {
	int root, timestamp, snapshot;
};

struct tuf_how {
	const void *root; /* trusted root document, any version */
	size_t root_len;
	int64_t now_ms; /* fixed time of this run; must not be 0 */
	struct tuf_floor floor;
	const char *target; /* path to find: "batch/1.json"; NULL: only
			     * metadata, all delegated roles are read then */
	/* The last snapshot this client has verified, or NULL: no file that it
	 * lists may go back or vanish. For clients with a disk. */
	const void *snapshot;
	size_t snapshot_len;
};

struct tuf_want {
	char path[TUF_PATH]; /* below the repository */
	uint64_t max;        /* bytes; more is an attack */
	int may_be_absent;   /* next root: absence is an answer */
};

struct tuf_target {
	char path[TUF_PATH]; /* as signed: "batch/1.json" */
	char file[TUF_PATH]; /* "targets/batch/HEX64.1.json" */
	char sha256[HASH_HEX];
	uint64_t length;
	char role[TUF_NAME];  /* who signed for it */
	const json_t *custom; /* borrowed, may be NULL */
};

struct tuf_client;

int tuf_client_new(const struct tuf_how *how, struct tuf_client **out,
		   struct errinfo *err);
void tuf_client_free(struct tuf_client *c);
/* 1: fetch *want and feed it; 0: done, all verified. */
int tuf_client_next(const struct tuf_client *c, struct tuf_want *want);
int tuf_client_feed(struct tuf_client *c, const void *data, size_t len,
		    struct errinfo *err);
int tuf_client_absent(struct tuf_client *c, struct errinfo *err);

/* Results, once next says 0. The target's own bytes are the last that the
 * client wants (when `target` was given), checked against length and digest. */
const struct tuf_target *tuf_client_target(const struct tuf_client *c);
const char *tuf_client_target_bytes(const struct tuf_client *c, size_t *len);
struct tuf_floor tuf_client_floor(const struct tuf_client *c);
/* The root document in force (bytes), to keep. */
const char *tuf_client_root(const struct tuf_client *c, size_t *len);
/* All targets of all roles (how.target == NULL): the first that a role may
 * sign for wins, as in the specification. Index from 0; NULL at the end. */
const struct tuf_target *tuf_client_each(const struct tuf_client *c, size_t i);
/* The snapshot in force (bytes), for tuf_how.snapshot of the next run. */
const char *tuf_client_snapshot(const struct tuf_client *c, size_t *len);
/* What was verified ("signed") of "root", "timestamp", "snapshot", "targets" or
 * a delegated role: borrowed; NULL: not read. */
const json_t *tuf_client_body(const struct tuf_client *c, const char *role);
/* Names of the targets roles read, "targets" first; NULL at the end. */
const char *tuf_client_role(const struct tuf_client *c, size_t i);
/* When the first of the documents in force expires. */
int64_t tuf_client_expires(const struct tuf_client *c);

/* ---- writing: bodies to sign with trust_sign() --------------------------- */

struct tuf_file {            /* what snapshot and timestamp say of a file */
	char name[TUF_PATH]; /* "targets.json", "snapshot.json" */
	int version;
	uint64_t length;       /* 0: not said */
	char sha256[HASH_HEX]; /* "": not said */
};

struct tuf_delegation {
	char role[TUF_NAME];
	struct trust_key key[TRUST_KEYS_MAX]; /* public halves */
	size_t n_keys;
	int threshold;
	char image[TUF_NAME]; /* its versions and its channels; "*": of any */
};

json_t *tuf_timestamp_body(int version, int64_t expires_ms,
			   const struct tuf_file *snapshot);
json_t *tuf_snapshot_body(int version, int64_t expires_ms,
			  const struct tuf_file *files, size_t n);
/* Targets without delegations: a maintainer's. Add with tuf_targets_set. */
json_t *tuf_targets_body(int version, int64_t expires_ms);
int tuf_targets_set(json_t *body, const char *path, const char *sha256,
		    uint64_t length, json_t *custom);
int tuf_targets_delete(json_t *body, const char *path);
/*
 * Delegates an image to a role, which gets these keys and keeps what it had
 * else. An image has one maintainer's role (several people: several keys):
 * -EEXIST if it is another's; the search ends there. Roles for any image come
 * last. -EINVAL for a name, a threshold, or keys that cannot be.
 */
int tuf_targets_delegate(json_t *body, const struct tuf_delegation *d);
/* Takes an image from a role; NULL: all, and the role. -ENOENT. */
int tuf_targets_undelegate(json_t *body, const char *role, const char *image);
/* Who may sign for a delegated role. -ENOENT. */
int tuf_targets_signers(const json_t *body, const char *role,
			struct trust_signers *out, struct errinfo *err);

/* ---- paths -------------------------------------------------------------- */

/* A path that a target may have: elements of [A-Za-z0-9._+~-], none of them
 * empty or beginning with '.', short enough to be a file. Returns 1. */
int tuf_is_path(const char *path);
/* '*' and '?' of TUF, which match no '/'. Returns 1. */
int tuf_path_matches(const char *pattern, const char *path);
/* "batch/1.json" -> "targets/batch/HEX64.1.json" */
void tuf_target_file(const char *path, const char *sha256, char out[TUF_PATH]);

#endif
