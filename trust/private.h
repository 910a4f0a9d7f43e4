/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of trust/ share and nobody else sees.
 */
#ifndef TRUST_PRIVATE_H
#define TRUST_PRIVATE_H

#include "parse.h"
#include "trust.h"

#define TRUST_ROLES_MAX 8
/* Our deepest document (desired) needs 5; bounds our own recursion. */
#define TRUST_DEPTH_MAX 16
#define TRUST_SIG_HEX   (2 * TRUST_SIG_LEN + 1)

struct root_key {
	uint8_t public[TRUST_PUBLIC_LEN];
	char keyid[TRUST_KEYID_HEX];
};

struct root_role {
	char name[PARSE_NAME_MAX + 1];
	int threshold;
	size_t n;
	size_t key[TRUST_KEYS_MAX]; /* indices into trust_root.keys */
};

struct trust_root {
	int64_t expires_ms;
	size_t n_keys, n_roles;
	struct root_key keys[TRUST_KEYS_MAX];
	struct root_role roles[TRUST_ROLES_MAX];
};

const struct root_role *trust_root_find_role(const struct trust_root *root,
					     const char *name);

/* The public key object and back. parse_object accepts exactly that form. */
json_t *trust_key_object(const uint8_t public[TRUST_PUBLIC_LEN]);
int trust_key_parse_object(json_t *object, uint8_t public[TRUST_PUBLIC_LEN]);
int trust_key_id(const uint8_t public[TRUST_PUBLIC_LEN],
		 char out[TRUST_KEYID_HEX]);

/* Opens an envelope without trusting it: size, form, canonical bytes. */
int trust_document_open(const void *doc, size_t len, json_t **envelope,
			struct errinfo *err);
/* Enough signatures by distinct keys of the role over "signed"? */
int trust_document_check_signatures(const struct trust_root *root,
				    const struct root_role *role,
				    json_t *envelope, struct errinfo *err);
/* "_type", "spec_version" and "expires" of "signed". */
int trust_document_check_head(json_t *body, const char *type, int64_t now_ms,
			      int64_t *expires_ms, struct errinfo *err);

#endif
