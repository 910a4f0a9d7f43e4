/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's last part: targets metadata, delegated or not, and the target.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

static int signers_of(const struct tuf_client *c, struct trust_signers *out,
		      struct errinfo *err)
{
	if (c->step.parent < 0) {
		*out = *trust_root_signers(c->root, TUF_TARGETS);
		return 0;
	}
	return tuf_delegation_signers(c->roles[c->step.parent].body,
				      c->step.name, out, err);
}

static int check_role(const struct tuf_client *c, const json_t *envelope,
		      struct errinfo *err)
{
	const json_t *body = json_object_get(envelope, "signed");
	struct trust_signers signers;
	int64_t expires_ms;
	int version, rc;

	rc = signers_of(c, &signers, err);
	if (!rc)
		rc = trust_check(&signers, envelope, err);
	if (!rc)
		rc = tuf_head(body, "targets", &version, &expires_ms, err);
	if (rc)
		return rc;
	if (version != c->file.version)
		return errinfo_set(err, -EBADMSG,
				   "version %d, the snapshot says %d", version,
				   c->file.version);
	rc = tuf_check_fresh(expires_ms, c->now_ms, err);
	return rc ? rc : tuf_targets_check(body, err);
}

int tuf_feed_role(struct tuf_client *c, const void *data, size_t len,
		  struct errinfo *err)
{
	struct tuf_role *role = &c->roles[c->n_roles];
	json_t *envelope = NULL;
	int rc = tuf_file_check(&c->file, data, len, err);

	if (!rc)
		rc = trust_open(data, len, TUF_META_MAX, &envelope, err);
	if (rc)
		return rc;
	rc = check_role(c, envelope, err);
	if (!rc) {
		strcpy(role->name, c->step.name);
		role->body = json_incref(json_object_get(envelope, "signed"));
		c->n_roles++;
		c->total += len;
	}
	json_decref(envelope);
	return rc ? rc : tuf_advance(c, err);
}

int tuf_feed_target(struct tuf_client *c, const void *data, size_t len,
		    struct errinfo *err)
{
	struct tuf_file file = { .length = c->target.length };
	int rc;

	strcpy(file.sha256, c->target.sha256);
	rc = tuf_file_check(&file, data, len, err);
	if (rc)
		return rc;
	c->bytes = malloc(len + 1);
	if (!c->bytes)
		return errinfo_set(err, -ENOMEM, "out of memory");
	memcpy(c->bytes, data, len);
	c->bytes[len] = '\0';
	c->state = TUF_DONE;
	return 0;
}

/* Adds those targets of role i that a search for them would find there. */
static int list_role(struct tuf_client *c, size_t i)
{
	const json_t *targets = json_object_get(c->roles[i].body, "targets");
	const char *path;
	json_t *value;

	json_object_foreach((json_t *)targets, path, value)
	{
		struct tuf_step need;
		size_t found;

		if (tuf_walk(c, path, &need, &found) || found != i ||
		    tuf_target_parse(&c->roles[i], path, &c->list[c->n_list],
				     NULL))
			continue;
		c->n_list++;
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tuf_target *)a)->path,
		      ((const struct tuf_target *)b)->path);
}

static int list_all(struct tuf_client *c, struct errinfo *err)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_roles; i++)
		n += json_object_size(
			json_object_get(c->roles[i].body, "targets"));
	c->list = calloc(n + 1, sizeof(*c->list));
	if (!c->list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_roles; i++)
		list_role(c, i);
	qsort(c->list, c->n_list, sizeof(*c->list), by_path);
	c->state = TUF_DONE;
	return 0;
}

/* A maintainer who withdraws a version says why. */
static const char *revoked(const struct tuf_client *c)
{
	for (size_t i = 0; i < c->n_roles; i++) {
		const json_t *list = json_object_get(c->roles[i].body,
						     "x-nightshift-revoked");
		json_t *entry;
		size_t j;

		json_array_foreach((json_t *)list, j, entry)
		{
			const char *path, *reason;

			if (!json_unpack(entry, "{s:s, s:s}", "path", &path,
					 "reason", &reason) &&
			    !strcmp(path, c->path))
				return reason;
		}
	}
	return NULL;
}

static int not_found(struct tuf_client *c, struct errinfo *err)
{
	const char *reason = revoked(c);

	c->state = TUF_NOT_FOUND;
	if (reason)
		return errinfo_set(err, -ENOENT, "%s was revoked: %s", c->path,
				   reason);
	return errinfo_set(err, -ENOENT, "no target %s", c->path);
}

static int want_role(struct tuf_client *c, struct errinfo *err)
{
	char name[TUF_NAME + sizeof(".json")];
	int rc;

	snprintf(name, sizeof(name), "%s.json", c->step.name);
	rc = tuf_file_parse(c->snapshot, name, &c->file, err);
	if (rc)
		return errinfo_wrap(err, rc == -ENOENT ? -EBADMSG : rc,
				    "snapshot");
	if (c->file.length > TUF_META_MAX || c->total > TUF_TOTAL_MAX)
		return errinfo_set(err, -EFBIG, "%s: too much metadata", name);
	c->state = TUF_WANT_ROLE;
	return 0;
}

static int find_next(struct tuf_client *c, struct errinfo *err)
{
	size_t found;
	int rc = tuf_walk(c, c->path, &c->step, &found);

	if (rc == 1)
		return want_role(c, err);
	if (rc == -ENOENT)
		return not_found(c, err);
	if (rc)
		return errinfo_set_errno(err, rc, "too many roles");
	if (!c->path)
		return list_all(c, err);
	rc = tuf_target_parse(&c->roles[found], c->path, &c->target, err);
	if (rc)
		return rc;
	if (c->target.length > TUF_TARGET_MAX)
		return errinfo_set(err, -EFBIG, "target %s: %llu bytes", c->path,
				   (unsigned long long)c->target.length);
	c->state = TUF_WANT_TARGET;
	return 0;
}

/* What stands in the way now was rightly signed: no other file will help. */
int tuf_advance(struct tuf_client *c, struct errinfo *err)
{
	int rc = find_next(c, err);

	if (rc && c->state != TUF_NOT_FOUND)
		c->state = TUF_STUCK;
	return rc;
}
