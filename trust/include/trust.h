/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust - signed documents: Ed25519 (RFC 8032) over canonical JSON, in the
 * envelope of The Update Framework 1.0 (specification, "Document formats"):
 *
 *	{ "signatures": [ { "keyid": HEX64, "sig": HEX128 }, ... ],
 *	  "signed": { "_type": "image", "expires": "2026-12-01T00:00:00Z", ... } }
 *
 * A signature covers the canonical form (OLPC: sorted keys, no white space,
 * integers only; no control characters) of the value of "signed". The envelope
 * itself must be in that form too, followed by one '\n': pass its bytes on as
 * they are, a document that was printed anew by something else is refused.
 * (TUF's own metadata, root included, may come from other tools and in other
 * layouts.) A key id is the SHA-256 of the canonical form of the public key
 * object
 *
 *	{ "keytype": "ed25519", "keyval": { "public": HEX64 },
 *	  "scheme": "ed25519" }
 *
 * The root document (_type "root") lists keys and which of them may sign what:
 * TUF's roles "root", "targets", "snapshot" and "timestamp", each with a
 * threshold, and in the member "x-nightshift-gateways", which other TUF clients
 * pass over, the role "gateways" (segment, lease, desired). The node's image
 * carries a root document; nothing else is trusted from the start.
 *
 * Silent library; no files beyond those named in a call; no clock: the caller
 * passes the time. Not for several threads at once with the same object.
 */
#ifndef TRUST_H
#define TRUST_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "errinfo.h"

#define TRUST_PUBLIC_LEN 32
#define TRUST_SECRET_LEN 64 /* libsodium's form: seed, public key */
#define TRUST_SIG_LEN    64
#define TRUST_KEYID_HEX  65
#define TRUST_DOC_MAX    (64 * 1024) /* bytes of a signed document */
#define TRUST_KEYS_MAX   32
#define TRUST_SPEC       "1"      /* "spec_version" of our own documents */
#define TRUST_TUF_SPEC   "1.0.31" /* and of TUF's */
#define TRUST_ROLE_NAME  64

/* Who may sign for one role, and how many of them must. */
struct trust_signers {
	char role[TRUST_ROLE_NAME];
	int threshold;
	size_t n;
	uint8_t public[TRUST_KEYS_MAX][TRUST_PUBLIC_LEN];
	char keyid[TRUST_KEYS_MAX][TRUST_KEYID_HEX];
};

struct trust_key {
	uint8_t public[TRUST_PUBLIC_LEN];
	uint8_t secret[TRUST_SECRET_LEN];
	int has_secret;
	char keyid[TRUST_KEYID_HEX];
};

/* Makes a fresh key in memory. */
int trust_key_generate(struct trust_key *key, struct errinfo *err);
/* Key files: PATH (secret, mode 0600, created exclusively: -EEXIST rather than
 * overwrite) and PATH.pub (the public key object as JSON). trust_key_load reads
 * either kind; -EPERM for a secret key that others may read. */
int trust_key_save(const struct trust_key *key, const char *path,
		   struct errinfo *err);
int trust_key_load(const char *path, struct trust_key *key, struct errinfo *err);
void trust_key_wipe(struct trust_key *key);

/* Raw signatures, for request headers. verify: 0 or -EBADMSG. */
void trust_sign_bytes(const struct trust_key *key, const void *data, size_t len,
		      uint8_t sig[TRUST_SIG_LEN]);
int trust_verify_bytes(const uint8_t public[TRUST_PUBLIC_LEN], const void *data,
		       size_t len, const uint8_t sig[TRUST_SIG_LEN]);

/* Canonical form; caller frees. NULL on reals, non-UTF-8, control characters,
 * more than 16 levels, out of memory. */
char *trust_canonical(const json_t *value);

/* Signs with n keys; *doc is the envelope's text ('\n' at its end), caller
 * frees. `body` is borrowed; it needs "_type", "spec_version", "expires". */
int trust_sign(const json_t *body, const struct trust_key *keys, size_t n,
	       char **doc, struct errinfo *err);

/* The same for documents of up to `max` bytes. */
int trust_sign_max(const json_t *body, const struct trust_key *keys, size_t n,
		   size_t max, char **doc, struct errinfo *err);
/* Adds signatures to a document, for keys that lie in different places; a
 * signature by the same key is replaced. */
int trust_sign_more(const void *doc, size_t len, const struct trust_key *keys,
		    size_t n, char **out, struct errinfo *err);

/* The root document, verified against itself (signed by its own root role to
 * its threshold, not expired at now_ms unless now_ms is 0). */
struct trust_root;
int trust_root_load(const void *doc, size_t len, int64_t now_ms,
		    struct trust_root **root, struct errinfo *err);
void trust_root_free(struct trust_root *root);
/* The next root document, N+1 after N: signed to the threshold of the old root
 * role and of its own. -EBADMSG (form, version), -ENOKEY. Expiry is not
 * checked: only that of the last one counts. */
int trust_root_update(const struct trust_root *old, const void *doc, size_t len,
		      struct trust_root **root, struct errinfo *err);
int trust_root_version(const struct trust_root *root);
int64_t trust_root_expires(const struct trust_root *root);
/* Borrowed from root; NULL: there is no such role. */
const struct trust_signers *trust_root_signers(const struct trust_root *root,
					       const char *role);
/* A new root document, signed by those keys of its role "root" whose secret
 * halves are here; to its threshold, else -ENOKEY. With a role "targets" it
 * has TUF's form and must have all four of its roles. */
struct trust_role {
	const char *name;
	const struct trust_key *keys;
	size_t n;
	int threshold;
};
int trust_root_make(const struct trust_role *roles, size_t n, int version,
		    int64_t expires_ms, char **doc, struct errinfo *err);
/* Its body alone, for several people to sign one after another. */
json_t *trust_root_body(const struct trust_role *roles, size_t n, int version,
			int64_t expires_ms);

/*
 * Verifies an envelope: size bound, form, threshold of distinct keys of `role`,
 * "_type" equal to `type`, "spec_version", "expires" after now_ms (0: do not
 * check expiry). On success *body is a new reference to "signed".
 * Fails with -EBADMSG (form or signature), -ENOKEY (no signature by a key of
 * the role), -ESTALE (expired), -EFBIG; the text says which.
 */
int trust_verify(const struct trust_root *root, const char *role,
		 const char *type, const void *doc, size_t len, int64_t now_ms,
		 json_t **body, struct errinfo *err);

/* ---- parts, for metadata of TUF ------------------------------------------ */

/* {"keyids": [..], "threshold": n} over "keys" {KEYID: object}, as in a root
 * document and in "delegations". */
int trust_signers_parse(const json_t *keys, const json_t *object,
			const char *role, struct trust_signers *out,
			struct errinfo *err);
/* Opens an envelope of any layout, trusting nothing; caller drops it. -EFBIG
 * past max, before a byte is parsed; -EBADMSG. */
int trust_open(const void *doc, size_t len, size_t max, json_t **envelope,
	       struct errinfo *err);
/* Enough signatures over the canonical form of "signed"? Each key counts once;
 * signatures by others, and wrong ones, do not count. -ENOKEY. */
int trust_check(const struct trust_signers *signers, const json_t *envelope,
		struct errinfo *err);
/* {"keytype", "keyval", "scheme"}: new reference; and back. */
json_t *trust_key_json(const struct trust_key *key);
int trust_key_parse(const json_t *object, struct trust_key *key);

#endif
