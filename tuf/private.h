/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of tuf/ share and nobody else sees.
 */
#ifndef TUF_PRIVATE_H
#define TUF_PRIVATE_H

#include "tuf.h"

#define TUF_SNAPSHOT_NAME   "snapshot.json"
#define TUF_TARGETS         "targets"
#define TUF_DELEGATIONS_MAX 256 /* of one role */
#define TUF_PATTERNS_MAX    256 /* of one delegation */

/* In the order in which they pass (specification, 5.3 to 5.7). */
enum tuf_state {
	TUF_WANT_ROOT,
	TUF_WANT_TIMESTAMP,
	TUF_WANT_SNAPSHOT,
	TUF_WANT_ROLE,
	TUF_WANT_TARGET,
	TUF_DONE,
	TUF_NOT_FOUND,
	TUF_STUCK
};

/* Targets metadata that was verified. */
struct tuf_role {
	char name[TUF_NAME];
	json_t *body;
};

/* A role to look into; parent: index of the role that delegates, -1: root. */
struct tuf_step {
	char name[TUF_NAME];
	int parent;
};

struct tuf_client {
	enum tuf_state state;
	int64_t now_ms;
	struct tuf_floor floor;
	char *path; /* to find, or NULL */

	struct trust_root *root;
	char *root_doc, *snapshot_doc;
	size_t root_len, snapshot_len;
	int n_roots; /* updates in this run */
	json_t *root_body, *timestamp, *snapshot;
	json_t *old_snapshot; /* envelope; not trusted until the root is known */
	struct tuf_file snapshot_file;

	struct tuf_role *roles; /* TUF_ROLES_MAX + 1 */
	size_t n_roles;
	struct tuf_step step; /* wanted now */
	struct tuf_file file; /* what the snapshot says of it */
	size_t total;         /* bytes of targets metadata so far */

	struct tuf_target target;
	char *bytes;
	struct tuf_target *list;
	size_t n_list;
};

/* ---- document.c: parts of verified or foreign bodies --------------------- */

/* "_type", "spec_version", "version", "expires" (not whether it is over). */
int tuf_head(const json_t *body, const char *type, int *version,
	     int64_t *expires_ms, struct errinfo *err);
int tuf_check_fresh(int64_t expires_ms, int64_t now_ms, struct errinfo *err);
/* Member `name` of "meta". -ENOENT, -EBADMSG. */
int tuf_file_parse(const json_t *body, const char *name, struct tuf_file *out,
		   struct errinfo *err);
int tuf_file_check(const struct tuf_file *file, const void *data, size_t len,
		   struct errinfo *err);
/* Form of targets metadata. */
int tuf_targets_check(const json_t *body, struct errinfo *err);
/* What a role says of a path. -ENOENT, -EBADMSG. */
int tuf_target_parse(const struct tuf_role *role, const char *path,
		     struct tuf_target *out, struct errinfo *err);

/* ---- path.c --------------------------------------------------------------- */

/* A name that a delegated role may have. */
int tuf_is_role(const char *name);

/* ---- walk.c --------------------------------------------------------------- */

/*
 * The search of section 5.6.7 over what has been read: 0: in role *found (with
 * a path), or all is read (path NULL); 1: *need must be read first; -ENOENT,
 * -EFBIG.
 */
int tuf_walk(const struct tuf_client *c, const char *path,
	     struct tuf_step *need, size_t *found);
/* The entry of a role in a targets body's delegations; NULL: none. */
json_t *tuf_delegation_find(const json_t *body, const char *role);
/* What the delegation says of who may sign. */
int tuf_delegation_signers(const json_t *body, const char *role,
			   struct trust_signers *out, struct errinfo *err);

/* ---- targets.c: steps of the client --------------------------------------- */

int tuf_feed_role(struct tuf_client *c, const void *data, size_t len,
		  struct errinfo *err);
int tuf_feed_target(struct tuf_client *c, const void *data, size_t len,
		    struct errinfo *err);
/* After the snapshot or a role: what is wanted now? */
int tuf_advance(struct tuf_client *c, struct errinfo *err);

#endif
