/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client workflow of the specification, section 5, one step per file that
 * is fed. A step changes the client only when all its checks have passed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "private.h"

/* Where the digests of the keys of a role differ between two roots. */
static int keys_changed(const struct trust_root *a, const struct trust_root *b,
			const char *role)
{
	const struct trust_signers *x = trust_root_signers(a, role);
	const struct trust_signers *y = trust_root_signers(b, role);
	size_t same = 0;

	for (size_t i = 0; i < x->n; i++)
		for (size_t j = 0; j < y->n; j++)
			same += !strcmp(x->keyid[i], y->keyid[j]);
	return same != x->n || same != y->n;
}

static char *copy(const void *data, size_t len)
{
	char *p = malloc(len + 1);

	if (p) {
		memcpy(p, data, len);
		p[len] = '\0';
	}
	return p;
}

/* Takes ownership of root on success. */
static int set_root(struct tuf_client *c, struct trust_root *root,
		    const void *data, size_t len, struct errinfo *err)
{
	char *doc = copy(data, len);
	json_t *envelope = NULL;

	if (!trust_root_signers(root, "timestamp"))
		errinfo_set(err, -EBADMSG,
			    "a root document of the older form, without "
			    "TUF's roles");
	else if (!doc || trust_open(data, len, TUF_SMALL_MAX, &envelope, err))
		errinfo_set(err, -ENOMEM, "out of memory");
	if (!envelope) {
		free(doc);
		return doc ? -EBADMSG : -ENOMEM;
	}
	json_decref(c->root_body);
	c->root_body = json_incref(json_object_get(envelope, "signed"));
	json_decref(envelope);
	free(c->root_doc);
	c->root_doc = doc;
	c->root_len = len;
	trust_root_free(c->root);
	c->root = root;
	return 0;
}

int tuf_client_new(const struct tuf_how *how, struct tuf_client **out,
		   struct errinfo *err)
{
	struct trust_root *root = NULL;
	struct tuf_client *c;
	int rc;

	if (!how->now_ms || (how->target && !tuf_is_path(how->target)))
		return errinfo_set(err, -EINVAL, "no time, or a bad path");
	rc = trust_root_load(how->root, how->root_len, 0, &root, err);
	if (rc)
		return errinfo_wrap(err, rc, "trusted root");
	c = calloc(1, sizeof(*c));
	if (c)
		c->roles = calloc(TUF_ROLES_MAX + 1, sizeof(*c->roles));
	if (c && how->target)
		c->path = strdup(how->target);
	if (!c || !c->roles || (how->target && !c->path))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (!rc)
		rc = set_root(c, root, how->root, how->root_len, err);
	if (rc) {
		trust_root_free(root);
		tuf_client_free(c);
		return errinfo_wrap(err, rc, "trusted root");
	}
	c->now_ms = how->now_ms;
	c->floor = how->floor;
	/* Whether it was rightly signed is seen once the keys are known. */
	if (how->snapshot)
		trust_open(how->snapshot, how->snapshot_len, TUF_SMALL_MAX,
			   &c->old_snapshot, NULL);
	*out = c;
	return 0;
}

void tuf_client_free(struct tuf_client *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->roles && i < c->n_roles; i++)
		json_decref(c->roles[i].body);
	free(c->roles);
	json_decref(c->root_body);
	json_decref(c->timestamp);
	json_decref(c->snapshot);
	json_decref(c->old_snapshot);
	trust_root_free(c->root);
	free(c->root_doc);
	free(c->snapshot_doc);
	free(c->path);
	free(c->bytes);
	free(c->list);
	free(c);
}

int tuf_client_next(const struct tuf_client *c, struct tuf_want *want)
{
	memset(want, 0, sizeof(*want));
	want->max = TUF_SMALL_MAX;
	switch (c->state) {
	case TUF_WANT_ROOT:
		want->may_be_absent = 1;
		snprintf(want->path, TUF_PATH, "metadata/%d.root.json",
			 trust_root_version(c->root) + 1);
		return 1;
	case TUF_WANT_TIMESTAMP:
		strcpy(want->path, "metadata/timestamp.json");
		return 1;
	case TUF_WANT_SNAPSHOT:
		snprintf(want->path, TUF_PATH, "metadata/%d.snapshot.json",
			 c->snapshot_file.version);
		if (c->snapshot_file.length)
			want->max = c->snapshot_file.length;
		return 1;
	case TUF_WANT_ROLE:
		snprintf(want->path, TUF_PATH, "metadata/%d.%s.json",
			 c->file.version, c->step.name);
		want->max = c->file.length ? c->file.length : TUF_META_MAX;
		return 1;
	case TUF_WANT_TARGET:
		strcpy(want->path, c->target.file);
		want->max = c->target.length;
		return 1;
	case TUF_DONE:
		return 0;
	case TUF_NOT_FOUND:
		return -ENOENT;
	case TUF_STUCK:
		break;
	}
	return -EBADMSG;
}

/* No newer root: this one must do. 5.3.10 */
static int end_roots(struct tuf_client *c, struct errinfo *err)
{
	int version = trust_root_version(c->root), rc;

	if (version < c->floor.root)
		return errinfo_set(err, -EPERM,
				   "root: version %d, %d was there before: a "
				   "rollback",
				   version, c->floor.root);
	rc = tuf_check_fresh(trust_root_expires(c->root), c->now_ms, err);
	if (rc)
		return errinfo_wrap(err, rc, "root version %d", version);
	if (c->old_snapshot && trust_check(trust_root_signers(c->root, "snapshot"),
					   c->old_snapshot, NULL)) {
		json_decref(c->old_snapshot);
		c->old_snapshot = NULL;
	}
	c->state = TUF_WANT_TIMESTAMP;
	return 0;
}

static int feed_root(struct tuf_client *c, const void *data, size_t len,
		     struct errinfo *err)
{
	struct trust_root *root = NULL;
	int changed, rc = trust_root_update(c->root, data, len, &root, err);

	if (rc)
		return rc;
	changed = trust_root_signers(root, "timestamp") &&
		  (keys_changed(c->root, root, "timestamp") ||
		   keys_changed(c->root, root, "snapshot"));
	rc = set_root(c, root, data, len, err);
	if (rc) {
		trust_root_free(root);
		return rc;
	}
	/* 5.3.11: numbers signed by keys that are gone say nothing. */
	if (changed && trust_root_version(root) > c->floor.root) {
		c->floor.timestamp = c->floor.snapshot = 0;
		json_decref(c->old_snapshot);
		c->old_snapshot = NULL;
	}
	return ++c->n_roots < TUF_ROOTS_MAX ? 0 : end_roots(c, err);
}

static int check_floor(int version, int floor, struct errinfo *err)
{
	if (version >= floor)
		return 0;
	return errinfo_set(err, -EPERM,
			   "version %d, %d was there before: a rollback",
			   version, floor);
}

/* Form, signatures and head; *envelope is the caller's on success. */
static int open_small(const struct tuf_client *c, const char *role,
		      const void *data, size_t len, json_t **envelope,
		      int *version, int64_t *expires_ms, struct errinfo *err)
{
	int rc = trust_open(data, len, TUF_SMALL_MAX, envelope, err);

	if (rc)
		return rc;
	rc = trust_check(trust_root_signers(c->root, role), *envelope, err);
	if (!rc)
		rc = tuf_head(json_object_get(*envelope, "signed"), role,
			      version, expires_ms, err);
	if (rc) {
		json_decref(*envelope);
		*envelope = NULL;
	}
	return rc;
}

/* 5.4 */
static int feed_timestamp(struct tuf_client *c, const void *data, size_t len,
			  struct errinfo *err)
{
	struct tuf_file file;
	json_t *envelope = NULL, *body;
	int64_t expires_ms = 0;
	int version = 0, rc;

	rc = open_small(c, "timestamp", data, len, &envelope, &version,
			&expires_ms, err);
	if (rc)
		return rc;
	body = json_object_get(envelope, "signed");
	rc = check_floor(version, c->floor.timestamp, err);
	if (!rc)
		rc = tuf_file_parse(body, TUF_SNAPSHOT_NAME, &file, err);
	if (rc == -ENOENT)
		rc = -EBADMSG;
	if (!rc) {
		rc = check_floor(file.version, c->floor.snapshot, err);
		if (rc)
			errinfo_wrap(err, rc, "snapshot");
	}
	if (!rc)
		rc = tuf_check_fresh(expires_ms, c->now_ms, err);
	if (!rc && file.length > TUF_SMALL_MAX)
		rc = errinfo_set(err, -EFBIG, "snapshot of %llu bytes",
				 (unsigned long long)file.length);
	if (!rc) {
		c->timestamp = json_incref(body);
		c->snapshot_file = file;
		c->state = TUF_WANT_SNAPSHOT;
	}
	json_decref(envelope);
	return rc;
}

/* Nothing that the last snapshot listed may go back or vanish. 5.5.5 */
static int check_listed(const struct tuf_client *c, const json_t *body,
			struct errinfo *err)
{
	const json_t *old = json_object_get(c->old_snapshot, "signed");
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(old, "meta"), name, value)
	{
		struct tuf_file was, is;
		int rc = tuf_file_parse(old, name, &was, NULL);

		if (!rc)
			rc = tuf_file_parse(body, name, &is, err);
		if (rc)
			return errinfo_set(err, -EPERM,
					   "%s is not listed any more: a "
					   "rollback",
					   name);
		rc = check_floor(is.version, was.version, err);
		if (rc)
			return errinfo_wrap(err, rc, "%s", name);
	}
	return 0;
}

static int check_snapshot(const struct tuf_client *c, const json_t *body,
			  int version, int64_t expires_ms, struct errinfo *err)
{
	struct tuf_file targets;
	int rc;

	if (version != c->snapshot_file.version)
		return errinfo_set(err, -EBADMSG,
				   "version %d, the timestamp says %d", version,
				   c->snapshot_file.version);
	rc = check_listed(c, body, err);
	if (!rc)
		rc = tuf_check_fresh(expires_ms, c->now_ms, err);
	if (rc)
		return rc;
	rc = tuf_file_parse(body, TUF_TARGETS ".json", &targets, err);
	return rc == -ENOENT ? -EBADMSG : rc;
}

/* 5.5 */
static int feed_snapshot(struct tuf_client *c, const void *data, size_t len,
			 struct errinfo *err)
{
	json_t *envelope = NULL, *body;
	int64_t expires_ms = 0;
	int version = 0, rc;

	rc = tuf_file_check(&c->snapshot_file, data, len, err);
	if (!rc)
		rc = open_small(c, "snapshot", data, len, &envelope, &version,
				&expires_ms, err);
	if (rc)
		return rc;
	body = json_object_get(envelope, "signed");
	rc = check_snapshot(c, body, version, expires_ms, err);
	if (!rc && !(c->snapshot_doc = copy(data, len)))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	if (!rc) {
		c->snapshot_len = len;
		c->snapshot = json_incref(body);
	}
	json_decref(envelope);
	return rc ? rc : tuf_advance(c, err);
}

typedef int (*feed_fn)(struct tuf_client *c, const void *data, size_t len,
		       struct errinfo *err);

static const feed_fn feeds[] = {
	[TUF_WANT_ROOT] = feed_root,
	[TUF_WANT_TIMESTAMP] = feed_timestamp,
	[TUF_WANT_SNAPSHOT] = feed_snapshot,
	[TUF_WANT_ROLE] = tuf_feed_role,
	[TUF_WANT_TARGET] = tuf_feed_target,
};

int tuf_client_feed(struct tuf_client *c, const void *data, size_t len,
		    struct errinfo *err)
{
	enum tuf_state was = c->state;
	struct tuf_want want;
	int rc;

	if (tuf_client_next(c, &want) != 1)
		return errinfo_set(err, -EINVAL, "nothing is wanted");
	if (len > want.max)
		rc = errinfo_set(err, -EFBIG, "more than %llu bytes",
				 (unsigned long long)want.max);
	else
		rc = feeds[was](c, data, len, err);
	/* a target that is not there is not the fault of this file */
	if (!rc || c->state == TUF_NOT_FOUND)
		return rc;
	return errinfo_wrap(err, rc, "%s", want.path);
}

int tuf_client_absent(struct tuf_client *c, struct errinfo *err)
{
	struct tuf_want want;

	if (tuf_client_next(c, &want) != 1)
		return errinfo_set(err, -EINVAL, "nothing is wanted");
	if (want.may_be_absent)
		return end_roots(c, err);
	return errinfo_set(err, -ENOENT, "%s: not there", want.path);
}
