/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delegations: images to maintainers.
 *
 * An image's delegation is terminating, so that nobody with a wider one can
 * sign for it; those for any image stand last and are not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"
#include "private.h"

#define ANY "*"

/* The two patterns of an image. */
struct patterns {
	char text[2][TUF_NAME + sizeof("/channels/*")];
};

static struct patterns patterns_of(const char *image)
{
	struct patterns p;

	snprintf(p.text[0], sizeof(p.text[0]), "%s/*", image);
	snprintf(p.text[1], sizeof(p.text[1]), "%s/channels/*", image);
	return p;
}

static size_t find_text(const json_t *list, const char *text)
{
	size_t i;
	json_t *value;

	json_array_foreach((json_t *)list, i, value)
	{
		if (!strcmp(json_string_value(value), text))
			break;
	}
	return i;
}

static int has_text(const json_t *list, const char *text)
{
	return find_text(list, text) < json_array_size(list);
}

static int check(const struct tuf_delegation *d)
{
	if (!tuf_is_role(d->role) ||
	    (strcmp(d->image, ANY) != 0 && !parse_is_name(d->image)) ||
	    d->threshold < 1 || (size_t)d->threshold > d->n_keys ||
	    d->n_keys > TRUST_KEYS_MAX)
		return -EINVAL;
	return 0;
}

/* "delegations", made if it is not there. */
static json_t *delegations_of(json_t *body)
{
	if (!json_object_get(body, "delegations"))
		json_object_set_new(body, "delegations",
				    json_pack("{s:{}, s:[]}", "keys", "roles"));
	return json_object_get(body, "delegations");
}

/* Another's image? */
static int is_taken(const json_t *roles, const struct tuf_delegation *d,
		    const struct patterns *p)
{
	json_t *other;
	size_t i;

	if (!strcmp(d->image, ANY))
		return 0;
	json_array_foreach((json_t *)roles, i, other)
	{
		const char *name =
			json_string_value(json_object_get(other, "name"));

		if (has_text(json_object_get(other, "paths"), p->text[0]) &&
		    strcmp(name, d->role) != 0)
			return 1;
	}
	return 0;
}

static json_t *new_role(json_t *roles, const struct tuf_delegation *d)
{
	int any = !strcmp(d->image, ANY);
	json_t *role = json_pack("{s:s, s:b, s:[]}", "name", d->role,
				 "terminating", !any, "paths");
	int r = any ? json_array_append_new(roles, role)
		    : json_array_insert_new(roles, 0, role);

	return r ? NULL : role;
}

/* Keys that no role names any more. */
static void prune_keys(json_t *delegations)
{
	json_t *keys = json_object_get(delegations, "keys"), *value, *role;
	const char *keyid;
	void *next;
	size_t i;

	json_object_foreach_safe(keys, next, keyid, value)
	{
		int used = 0;

		json_array_foreach(json_object_get(delegations, "roles"), i, role)
			used |= has_text(json_object_get(role, "keyids"), keyid);
		if (!used)
			json_object_del(keys, keyid);
	}
}

static int set_keys(json_t *delegations, json_t *role,
		    const struct tuf_delegation *d)
{
	json_t *keys = json_object_get(delegations, "keys");
	json_t *keyids = json_array();
	int r = 0;

	for (size_t i = 0; i < d->n_keys; i++) {
		if (has_text(keyids, d->key[i].keyid))
			continue;
		r |= json_object_set_new(keys, d->key[i].keyid,
					 trust_key_json(&d->key[i]));
		r |= json_array_append_new(keyids, json_string(d->key[i].keyid));
	}
	if ((size_t)d->threshold > json_array_size(keyids)) {
		json_decref(keyids);
		return -EINVAL; /* one key twice */
	}
	r |= json_object_set_new(role, "keyids", keyids);
	r |= json_object_set_new(role, "threshold", json_integer(d->threshold));
	prune_keys(delegations);
	return r ? -ENOMEM : 0;
}

/* A role is for certain images, or for any: its place and its end differ. */
static int is_other_kind(const json_t *role, const struct tuf_delegation *d)
{
	return json_is_true(json_object_get(role, "terminating")) ==
	       !strcmp(d->image, ANY);
}

int tuf_targets_delegate(json_t *body, const struct tuf_delegation *d)
{
	struct patterns p = patterns_of(d->image);
	json_t *delegations, *roles, *role, *paths;
	int rc = check(d);

	if (rc)
		return rc;
	delegations = delegations_of(body);
	roles = json_object_get(delegations, "roles");
	if (is_taken(roles, d, &p))
		return -EEXIST;
	role = tuf_delegation_find(body, d->role);
	if (role && is_other_kind(role, d))
		return -EINVAL;
	if (!role)
		role = new_role(roles, d);
	if (!role)
		return -ENOMEM;
	paths = json_object_get(role, "paths");
	for (int i = 0; i < 2; i++)
		if (!has_text(paths, p.text[i]) &&
		    json_array_append_new(paths, json_string(p.text[i])))
			return -ENOMEM;
	return set_keys(delegations, role, d);
}

int tuf_targets_undelegate(json_t *body, const char *role, const char *image)
{
	json_t *delegations = json_object_get(body, "delegations");
	json_t *roles = json_object_get(delegations, "roles");
	json_t *d = tuf_delegation_find(body, role), *paths, *value;
	struct patterns p;
	size_t i;

	if (!d)
		return -ENOENT;
	paths = json_object_get(d, "paths");
	if (image) {
		p = patterns_of(image);
		if (!has_text(paths, p.text[0]))
			return -ENOENT;
		for (int k = 0; k < 2; k++)
			json_array_remove(paths, find_text(paths, p.text[k]));
	}
	if (image && json_array_size(paths))
		return 0;
	json_array_foreach(roles, i, value)
	{
		if (value == d)
			break;
	}
	json_array_remove(roles, i);
	if (json_array_size(roles))
		prune_keys(delegations);
	else
		json_object_del(body, "delegations");
	return 0;
}

int tuf_targets_signers(const json_t *body, const char *role,
			struct trust_signers *out, struct errinfo *err)
{
	return tuf_delegation_signers(body, role, out, err);
}
