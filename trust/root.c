/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root document: which keys may sign what.
 *
 * In TUF's form ("spec_version" 1.0.x) unknown members are passed over, as TUF
 * demands, and roles that TUF does not know come from members of ours. Until
 * all repositories have moved, the older form ("1", any roles, nothing else) is
 * loaded as well.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "private.h"

#define ROOT_ROLE "root"

static const char *const tuf_roles[] = { ROOT_ROLE, "targets", "snapshot",
					 "timestamp" };

/* Roles of ours, beside TUF's. */
static const struct {
	const char *role, *member;
} extras[] = {
	{ "gateways", "x-nightshift-gateways" },
};

static const char *extra_member(const char *role)
{
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
		if (!strcmp(extras[i].role, role))
			return extras[i].member;
	return NULL;
}

const struct trust_signers *trust_root_signers(const struct trust_root *root,
					       const char *role)
{
	for (size_t i = 0; i < root->n_roles; i++)
		if (!strcmp(root->roles[i].role, role))
			return &root->roles[i];
	return NULL;
}

int trust_root_version(const struct trust_root *root)
{
	return root->version;
}

int64_t trust_root_expires(const struct trust_root *root)
{
	return root->expires_ms;
}

/* A key's name must be the digest of the key: no two names for one key, so
 * that a threshold counts keys and not names. */
static int check_key(const char *keyid, const json_t *object,
		     struct trust_key *key, struct errinfo *err)
{
	if (trust_key_parse(object, key))
		return errinfo_set(err, -EBADMSG, "a key is not Ed25519");
	if (strcmp(keyid, key->keyid) != 0)
		return errinfo_set(err, -EBADMSG,
				   "key %.8s stands under another id",
				   key->keyid);
	return 0;
}

static int add_key(struct trust_signers *s, const json_t *keys,
		   const char *keyid, struct errinfo *err)
{
	const json_t *object = json_object_get(keys, keyid);
	struct trust_key key;
	int rc;

	if (!object)
		return errinfo_set(err, -EBADMSG,
				   "role '%s' names a key that is not there",
				   s->role);
	rc = check_key(keyid, object, &key, err);
	if (rc)
		return rc;
	if (s->n == TRUST_KEYS_MAX)
		return errinfo_set(err, -EBADMSG,
				   "role '%s' has more than %d "
				   "keys",
				   s->role, TRUST_KEYS_MAX);
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->keyid[i], keyid))
			return errinfo_set(err, -EBADMSG,
					   "role '%s' names key %.8s twice",
					   s->role, keyid);
	memcpy(s->public[s->n], key.public, sizeof(key.public));
	memcpy(s->keyid[s->n], key.keyid, sizeof(key.keyid));
	s->n++;
	return 0;
}

int trust_signers_parse(const json_t *keys, const json_t *object,
			const char *role, struct trust_signers *out,
			struct errinfo *err)
{
	json_t *keyids, *keyid;
	json_int_t threshold;
	size_t i;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!parse_is_name(role))
		return errinfo_set(err, -EBADMSG, "bad name of a role");
	strcpy(out->role, role); /* fits: it is a name */
	if (!json_is_object(keys) ||
	    json_unpack((json_t *)object, "{s:o, s:I}", "keyids", &keyids,
			"threshold", &threshold) ||
	    !json_is_array(keyids))
		return errinfo_set(err, -EBADMSG, "role '%s' is malformed", role);
	json_array_foreach(keyids, i, keyid)
	{
		if (!json_is_string(keyid))
			return errinfo_set(err, -EBADMSG,
					   "role '%s' is malformed", role);
		rc = add_key(out, keys, json_string_value(keyid), err);
		if (rc)
			return rc;
	}
	if (threshold < 1 || threshold > (json_int_t)out->n)
		return errinfo_set(err, -EBADMSG,
				   "role '%s' wants %lld signatures of %zu keys",
				   role, (long long)threshold, out->n);
	out->threshold = (int)threshold;
	return 0;
}

static int parse_role(struct trust_root *root, const json_t *keys,
		      const char *name, json_t *object, struct errinfo *err)
{
	int rc;

	if (root->n_roles == TRUST_ROLES_MAX)
		return errinfo_set(err, -EBADMSG, "more than %d roles",
				   TRUST_ROLES_MAX);
	if (!root->tuf && json_object_size(object) != 2)
		return errinfo_set(err, -EBADMSG, "a role is malformed");
	rc = trust_signers_parse(keys, object, name,
				 &root->roles[root->n_roles], err);
	if (!rc)
		root->n_roles++;
	return rc;
}

static int parse_keys(const json_t *keys, struct errinfo *err)
{
	const char *keyid;
	struct trust_key key;
	json_t *object;
	int rc;

	if (json_object_size(keys) > TRUST_KEYS_MAX)
		return errinfo_set(err, -EBADMSG, "more than %d keys",
				   TRUST_KEYS_MAX);
	json_object_foreach((json_t *)keys, keyid, object)
	{
		rc = check_key(keyid, object, &key, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* What TUF's form has beside keys and roles. */
static int parse_tuf(struct trust_root *root, const json_t *body,
		     const json_t *keys, struct errinfo *err)
{
	int rc = 0;

	if (!json_is_true(json_object_get(body, "consistent_snapshot")))
		return errinfo_set(err, -EBADMSG,
				   "\"consistent_snapshot\" is not true");
	for (size_t i = 0; i < ARRAY_SIZE(tuf_roles); i++)
		if (!trust_root_signers(root, tuf_roles[i]))
			return errinfo_set(err, -EBADMSG, "no role '%s'",
					   tuf_roles[i]);
	for (size_t i = 0; i < ARRAY_SIZE(extras) && !rc; i++) {
		json_t *object = json_object_get(body, extras[i].member);

		if (object && trust_root_signers(root, extras[i].role))
			rc = errinfo_set(err, -EBADMSG, "two roles '%s'",
					 extras[i].role);
		else if (object)
			rc = parse_role(root, keys, extras[i].role, object, err);
	}
	return rc;
}

static int parse_body(struct trust_root *root, json_t *body, struct errinfo *err)
{
	json_t *keys = json_object_get(body, "keys");
	json_t *roles = json_object_get(body, "roles"), *value;
	json_int_t version = json_integer_value(json_object_get(body, "version"));
	const char *name;
	int rc;

	/* the older form: these and the three of the head, nothing else */
	if (!json_is_object(keys) || !json_is_object(roles) || version < 1 ||
	    version > INT_MAX || (!root->tuf && json_object_size(body) != 6))
		return errinfo_set(err, -EBADMSG, "malformed root document");
	root->version = (int)version;
	rc = parse_keys(keys, err);
	if (rc)
		return rc;
	json_object_foreach(roles, name, value)
	{
		rc = parse_role(root, keys, name, value, err);
		if (rc)
			return rc;
	}
	return root->tuf ? parse_tuf(root, body, keys, err) : 0;
}

/* Reads the keys out of the document and lets them judge it. */
static int check_itself(struct trust_root *root, json_t *envelope,
			const void *doc, size_t len, int64_t now_ms,
			struct errinfo *err)
{
	json_t *body = json_object_get(envelope, "signed");
	const char *spec =
		json_string_value(json_object_get(body, "spec_version"));
	const struct trust_signers *role;
	int rc = trust_document_check_head(body, "root", now_ms,
					   &root->expires_ms, err);

	root->tuf = spec && strcmp(spec, TRUST_SPEC) != 0;
	if (!rc && !root->tuf)
		rc = trust_document_check_canonical(envelope, doc, len, err);
	if (!rc)
		rc = parse_body(root, body, err);
	if (rc)
		return rc;
	role = trust_root_signers(root, ROOT_ROLE);
	if (!role)
		return errinfo_set(err, -EBADMSG, "no role 'root'");
	return trust_document_check(role, envelope, !root->tuf, err);
}

/* old: must accept the new one, too; may be NULL. */
static int load(const struct trust_root *old, const void *doc, size_t len,
		int64_t now_ms, struct trust_root **root, struct errinfo *err)
{
	struct trust_root *r;
	json_t *envelope = NULL;
	int rc = trust_open(doc, len, TRUST_DOC_MAX, &envelope, err);

	if (rc)
		return errinfo_wrap(err, rc, "root document");
	r = calloc(1, sizeof(*r));
	rc = r ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
	if (!rc && old) {
		rc = trust_check(trust_root_signers(old, ROOT_ROLE), envelope,
				 err);
		if (rc)
			rc = errinfo_wrap(err, rc, "by version %d", old->version);
	}
	if (!rc)
		rc = check_itself(r, envelope, doc, len, now_ms, err);
	json_decref(envelope);
	if (!rc && old && r->version != old->version + 1)
		rc = errinfo_set(err, -EBADMSG, "version %d after %d",
				 r->version, old->version);
	if (rc) {
		trust_root_free(r);
		return errinfo_wrap(err, rc, "root document");
	}
	*root = r;
	return 0;
}

int trust_root_load(const void *doc, size_t len, int64_t now_ms,
		    struct trust_root **root, struct errinfo *err)
{
	return load(NULL, doc, len, now_ms, root, err);
}

int trust_root_update(const struct trust_root *old, const void *doc, size_t len,
		      struct trust_root **root, struct errinfo *err)
{
	return load(old, doc, len, 0, root, err);
}

void trust_root_free(struct trust_root *root)
{
	free(root);
}

/* Adds a role's keys, and gives its own object. */
static json_t *make_role(json_t *keys, const struct trust_role *role)
{
	json_t *keyids = json_array();

	for (size_t i = 0; i < role->n; i++) {
		json_object_set_new(keys, role->keys[i].keyid,
				    trust_key_object(role->keys[i].public));
		json_array_append_new(keyids, json_string(role->keys[i].keyid));
	}
	return json_pack("{s:o, s:i}", "keyids", keyids, "threshold",
			 role->threshold);
}

static const struct trust_role *find_role(const struct trust_role *roles,
					  size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(roles[i].name, name))
			return &roles[i];
	return NULL;
}

json_t *trust_root_body(const struct trust_role *roles, size_t n, int version,
			int64_t expires_ms)
{
	json_t *keys = json_object(), *list = json_object(), *body;
	int tuf = find_role(roles, n, "targets") != NULL;
	char expires[CLOCK_ISO];

	clock_format(expires_ms, expires);
	body = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o}", "_type", "root",
			 "spec_version", tuf ? TRUST_TUF_SPEC : TRUST_SPEC,
			 "expires", expires, "version", version, "keys", keys,
			 "roles", list);
	if (!body)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *extra = tuf ? extra_member(roles[i].name) : NULL;

		json_object_set_new(extra ? body : list,
				    extra ? extra : roles[i].name,
				    make_role(keys, &roles[i]));
	}
	if (tuf)
		json_object_set_new(body, "consistent_snapshot", json_true());
	return body;
}

/* Those of the keys that can sign. */
static size_t with_secret(const struct trust_role *role,
			  struct trust_key out[TRUST_KEYS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < role->n && n < TRUST_KEYS_MAX; i++)
		if (role->keys[i].has_secret)
			out[n++] = role->keys[i];
	return n;
}

int trust_root_make(const struct trust_role *roles, size_t n, int version,
		    int64_t expires_ms, char **doc, struct errinfo *err)
{
	const struct trust_role *signer = find_role(roles, n, ROOT_ROLE);
	struct trust_key keys[TRUST_KEYS_MAX];
	auto_free char *text = NULL;
	struct trust_root *check;
	json_t *body;
	size_t n_keys;
	int rc;

	if (!signer)
		return errinfo_set(err, -EINVAL, "no role 'root'");
	body = trust_root_body(roles, n, version, expires_ms);
	if (!body)
		return errinfo_set(err, -ENOMEM, "out of memory");
	n_keys = with_secret(signer, keys);
	rc = trust_sign(body, keys, n_keys, &text, err);
	for (size_t i = 0; i < n_keys; i++)
		trust_key_wipe(&keys[i]);
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
