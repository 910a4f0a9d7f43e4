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

struct trust_root {
	int version, tuf;
	int64_t expires_ms;
	size_t n_roles;
	struct trust_signers roles[TRUST_ROLES_MAX];
};

/* The public key object and back. parse_object accepts exactly that form. */
json_t *trust_key_object(const uint8_t public[TRUST_PUBLIC_LEN]);
int trust_key_parse_object(json_t *object, uint8_t public[TRUST_PUBLIC_LEN]);
int trust_key_id(const uint8_t public[TRUST_PUBLIC_LEN],
		 char out[TRUST_KEYID_HEX]);

/* Bytes are exactly the canonical form and a newline? */
int trust_document_check_canonical(const json_t *envelope, const void *doc,
				   size_t len, struct errinfo *err);
/* As trust_check; with `strict` a wrong signature by a key of the role is
 * -EBADMSG, whatever else there is. */
int trust_document_check(const struct trust_signers *signers,
			 const json_t *envelope, int strict, struct errinfo *err);
/* "_type", "spec_version" and "expires" of "signed". */
int trust_document_check_head(const json_t *body, const char *type,
			      int64_t now_ms, int64_t *expires_ms,
			      struct errinfo *err);

#endif
