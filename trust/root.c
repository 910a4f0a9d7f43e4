/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root document: which keys may sign what.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "private.h"

#define ROOT_ROLE "root"

const struct root_role *trust_root_find_role(const struct trust_root *root,
					     const char *name)
{
	for (size_t i = 0; i < root->n_roles; i++)
		if (!strcmp(root->roles[i].name, name))
			return &root->roles[i];
	return NULL;
}

/* A key's name must be the digest of the key: no two names for one key, so
 * that a threshold counts keys and not names. */
static int parse_key(struct trust_root *root, const char *keyid, json_t *object,
		     struct errinfo *err)
{
	struct root_key *key = &root->keys[root->n_keys];

	if (root->n_keys == TRUST_KEYS_MAX)
		return errinfo_set(err, -EBADMSG, "more than %d keys",
				   TRUST_KEYS_MAX);
	if (trust_key_parse_object(object, key->public))
		return errinfo_set(err, -EBADMSG, "a key is not Ed25519");
	if (trust_key_id(key->public, key->keyid))
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (strcmp(keyid, key->keyid) != 0)
		return errinfo_set(err, -EBADMSG,
				   "key %.8s stands under another id",
				   key->keyid);
	root->n_keys++;
	return 0;
}

static int role_add_key(const struct trust_root *root, struct root_role *role,
			const char *keyid, struct errinfo *err)
{
	size_t i;

	for (i = 0; i < root->n_keys; i++)
		if (!strcmp(root->keys[i].keyid, keyid))
			break;
	if (i == root->n_keys)
		return errinfo_set(err, -EBADMSG,
				   "role '%s' names a key that is not there",
				   role->name);
	for (size_t j = 0; j < role->n; j++)
		if (role->key[j] == i)
			return errinfo_set(err, -EBADMSG,
					   "role '%s' names key %.8s twice",
					   role->name, keyid);
	role->key[role->n++] = i;
	return 0;
}

static int parse_role(struct trust_root *root, const char *name, json_t *object,
		      struct errinfo *err)
{
	struct root_role *role = &root->roles[root->n_roles];
	json_t *keyids, *keyid;
	json_int_t threshold;
	size_t i;
	int rc;

	if (root->n_roles == TRUST_ROLES_MAX)
		return errinfo_set(err, -EBADMSG, "more than %d roles",
				   TRUST_ROLES_MAX);
	if (!parse_is_name(name))
		return errinfo_set(err, -EBADMSG, "bad name of a role");
	strcpy(role->name, name); /* fits: it is a name */
	if (json_unpack(object, "{s:o, s:I !}", "keyids", &keyids, "threshold",
			&threshold) ||
	    !json_is_array(keyids))
		return errinfo_set(err, -EBADMSG, "role '%s' is malformed", name);
	json_array_foreach(keyids, i, keyid)
	{
		if (!json_is_string(keyid))
			return errinfo_set(err, -EBADMSG,
					   "role '%s' is malformed", name);
		rc = role_add_key(root, role, json_string_value(keyid), err);
		if (rc)
			return rc;
	}
	if (threshold < 1 || threshold > (json_int_t)role->n)
		return errinfo_set(err, -EBADMSG,
				   "role '%s' wants %lld signatures of %zu keys",
				   name, (long long)threshold, role->n);
	role->threshold = (int)threshold;
	root->n_roles++;
	return 0;
}

static int parse_body(struct trust_root *root, json_t *body, struct errinfo *err)
{
	json_t *keys, *roles, *value;
	const char *type, *spec, *expires, *name;
	json_int_t version;
	int rc;

	if (json_unpack(body, "{s:s, s:s, s:s, s:I, s:o, s:o !}", "_type",
			&type, "spec_version", &spec, "expires", &expires,
			"version", &version, "keys", &keys, "roles", &roles) ||
	    !json_is_object(keys) || !json_is_object(roles) || version < 1)
		return errinfo_set(err, -EBADMSG, "malformed root document");
	json_object_foreach(keys, name, value)
	{
		rc = parse_key(root, name, value, err);
		if (rc)
			return rc;
	}
	json_object_foreach(roles, name, value)
	{
		rc = parse_role(root, name, value, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Reads the keys out of the document and lets them judge it. */
static int check_itself(struct trust_root *root, json_t *envelope,
			int64_t now_ms, struct errinfo *err)
{
	json_t *body = json_object_get(envelope, "signed");
	const struct root_role *role;
	int rc = trust_document_check_head(body, "root", now_ms,
					   &root->expires_ms, err);

	if (!rc)
		rc = parse_body(root, body, err);
	if (rc)
		return rc;
	role = trust_root_find_role(root, ROOT_ROLE);
	if (!role)
		return errinfo_set(err, -EBADMSG, "no role 'root'");
	return trust_document_check_signatures(root, role, envelope, err);
}

int trust_root_load(const void *doc, size_t len, int64_t now_ms,
		    struct trust_root **root, struct errinfo *err)
{
	struct trust_root *r;
	json_t *envelope = NULL;
	int rc = trust_document_open(doc, len, &envelope, err);

	if (rc)
		return errinfo_wrap(err, rc, "root document");
	r = calloc(1, sizeof(*r));
	rc = r ? check_itself(r, envelope, now_ms, err)
	       : errinfo_set(err, -ENOMEM, "out of memory");
	json_decref(envelope);
	if (rc) {
		trust_root_free(r);
		return errinfo_wrap(err, rc, "root document");
	}
	*root = r;
	return 0;
}

void trust_root_free(struct trust_root *root)
{
	free(root);
}

/* Adds one role and its keys to the members of a root document. */
static int add_role(json_t *keys, json_t *roles, const struct trust_role *role)
{
	json_t *keyids = json_array();
	int r = 0;

	for (size_t i = 0; i < role->n; i++) {
		r |= json_object_set_new(keys, role->keys[i].keyid,
					 trust_key_object(role->keys[i].public));
		r |= json_array_append_new(keyids,
					   json_string(role->keys[i].keyid));
	}
	r |= json_object_set_new(roles, role->name,
				 json_pack("{s:o, s:i}", "keyids", keyids,
					   "threshold", role->threshold));
	return r ? -ENOMEM : 0;
}

static json_t *root_body(const struct trust_role *roles, size_t n, int version,
			 int64_t expires_ms)
{
	json_t *keys = json_object(), *role_list = json_object();
	char expires[CLOCK_ISO];

	for (size_t i = 0; i < n; i++) {
		if (add_role(keys, role_list, &roles[i])) {
			json_decref(keys);
			json_decref(role_list);
			return NULL;
		}
	}
	clock_format(expires_ms, expires);
	return json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "_type", "root",
			 "spec_version", TRUST_SPEC, "expires", expires,
			 "version", version, "keys", keys, "roles", role_list);
}

int trust_root_make(const struct trust_role *roles, size_t n, int version,
		    int64_t expires_ms, char **doc, struct errinfo *err)
{
	auto_free char *text = NULL;
	const struct trust_role *signer = NULL;
	struct trust_root *check;
	json_t *body;
	int rc;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(roles[i].name, ROOT_ROLE))
			signer = &roles[i];
	if (!signer)
		return errinfo_set(err, -EINVAL, "no role 'root'");
	body = root_body(roles, n, version, expires_ms);
	if (!body)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = trust_sign(body, signer->keys, signer->n, &text, err);
	json_decref(body);
	if (rc)
		return rc;
	/* What this library would not load it does not make. */
	rc = trust_root_load(text, strlen(text), 0, &check, err);
	if (rc)
		return rc;
	trust_root_free(check);
	*doc = TAKE(text);
	return 0;
}
