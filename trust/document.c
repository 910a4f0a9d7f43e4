/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope: made, opened, checked.
 *
 * A document of ours is refused unless its bytes are exactly the canonical form
 * of what they say and one '\n': there is one spelling of each document, so no
 * byte of it can be changed without a check that notices. Metadata of TUF is
 * judged by the canonical form of "signed" alone, as TUF has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "clock.h"
#include "private.h"

int trust_document_check_canonical(const json_t *envelope, const void *doc,
				   size_t len, struct errinfo *err)
{
	auto_free char *text = trust_canonical(envelope);
	size_t n;

	if (!text)
		return errinfo_set(err, -EBADMSG,
				   "holds what canonical JSON cannot (a real, a "
				   "control character, more than %d levels)",
				   TRUST_DEPTH_MAX);
	n = strlen(text);
	if (len != n + 1 || memcmp(doc, text, n) != 0 ||
	    ((const char *)doc)[n] != '\n')
		return errinfo_set(err, -EBADMSG,
				   "not in canonical form (sorted, no white "
				   "space, one newline at the end)");
	return 0;
}

static int check_shape(const json_t *envelope, struct errinfo *err)
{
	json_t *body, *signatures;

	if (json_unpack((json_t *)envelope, "{s:o, s:o !}", "signed", &body,
			"signatures", &signatures) ||
	    !json_is_object(body) || !json_is_array(signatures))
		return errinfo_set(err, -EBADMSG,
				   "not a signed document (\"signed\" and "
				   "\"signatures\" and nothing else)");
	if (json_array_size(signatures) > TRUST_KEYS_MAX)
		return errinfo_set(err, -EBADMSG, "more than %d signatures",
				   TRUST_KEYS_MAX);
	return 0;
}

int trust_open(const void *doc, size_t len, size_t max, json_t **envelope,
	       struct errinfo *err)
{
	json_error_t why;
	json_t *top;
	int rc;

	if (len > max)
		return errinfo_set(err, -EFBIG,
				   "%zu bytes, such a document has at most %zu",
				   len, max);
	top = json_loadb(doc, len, JSON_REJECT_DUPLICATES, &why);
	if (!top)
		/* without why.text, which quotes foreign bytes */
		return errinfo_set(err, -EBADMSG, "not JSON (at byte %d)",
				   why.position);
	rc = check_shape(top, err);
	if (rc) {
		json_decref(top);
		return rc;
	}
	*envelope = top;
	return 0;
}

/* Index of the key in the role's list, or -1. */
static int find_key(const struct trust_signers *s, const char *keyid)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->keyid[i], keyid))
			return (int)i;
	return -1;
}

/*
 * Signatures by keys that are not of the role say nothing and are passed over
 * (a document may be signed by an old and a new key during a change). Returns
 * the key's index, -1 for a foreign one, -2 for a wrong signature.
 */
static int check_signature(const struct trust_signers *s, const char *keyid,
			   const char *hex, const char *text)
{
	uint8_t sig[TRUST_SIG_LEN];
	int i = find_key(s, keyid);

	if (i < 0)
		return -1;
	if (parse_hex(hex, sig, sizeof(sig)) ||
	    trust_verify_bytes(s->public[i], text, strlen(text), sig))
		return -2;
	return i;
}

static int count_signatures(const struct trust_signers *s,
			    const json_t *signatures, const char *text,
			    int strict, int *count, struct errinfo *err)
{
	uint8_t seen[TRUST_KEYS_MAX] = { 0 };
	json_t *signature;
	size_t i;

	json_array_foreach((json_t *)signatures, i, signature)
	{
		const char *keyid, *hex;
		int k;

		if (json_unpack(signature, strict ? "{s:s, s:s !}" : "{s:s, s:s}",
				"keyid", &keyid, "sig", &hex) ||
		    (strict && strlen(hex) != TRUST_SIG_HEX - 1))
			return errinfo_set(err, -EBADMSG, "malformed signature");
		k = check_signature(s, keyid, hex, text);
		if (k == -2 && strict)
			return errinfo_set(err, -EBADMSG,
					   "the signature of key %.8s is "
					   "wrong: the document was changed",
					   keyid);
		if (k >= 0 && !seen[k]) {
			seen[k] = 1;
			(*count)++;
		}
	}
	return 0;
}

int trust_document_check(const struct trust_signers *signers,
			 const json_t *envelope, int strict, struct errinfo *err)
{
	auto_free char *text =
		trust_canonical(json_object_get(envelope, "signed"));
	int count = 0, rc;

	if (!text)
		return errinfo_set(err, -EBADMSG,
				   "holds what canonical JSON cannot (a real, a "
				   "control character, more than %d levels)",
				   TRUST_DEPTH_MAX);
	rc = count_signatures(signers, json_object_get(envelope, "signatures"),
			      text, strict, &count, err);
	if (rc)
		return rc;
	if (count < signers->threshold)
		return errinfo_set(err, -ENOKEY,
				   "rightly signed by %d of the keys of role "
				   "'%s', %d needed",
				   count, signers->role, signers->threshold);
	return 0;
}

int trust_check(const struct trust_signers *signers, const json_t *envelope,
		struct errinfo *err)
{
	return trust_document_check(signers, envelope, 0, err);
}

static int is_spec(const char *spec)
{
	return spec && (!strcmp(spec, TRUST_SPEC) || !strncmp(spec, "1.0.", 4));
}

int trust_document_check_head(const json_t *body, const char *type,
			      int64_t now_ms, int64_t *expires_ms,
			      struct errinfo *err)
{
	const char *is = json_string_value(json_object_get(body, "_type"));
	const char *spec =
		json_string_value(json_object_get(body, "spec_version"));
	const char *expires = json_string_value(json_object_get(body, "expires"));
	int64_t at;

	if (!is || strcmp(is, type) != 0)
		return errinfo_set(err, -EBADMSG, "\"_type\" is not \"%s\"",
				   type);
	if (!is_spec(spec))
		return errinfo_set(err, -EBADMSG,
				   "\"spec_version\" is not \"" TRUST_SPEC
				   "\" or \"" TRUST_TUF_SPEC "\"");
	if (!expires || clock_parse(expires, &at))
		return errinfo_set(err, -EBADMSG,
				   "\"expires\" is not a time such as "
				   "2026-12-01T00:00:00Z");
	if (now_ms && at <= now_ms)
		return errinfo_set(err, -ESTALE, "expired at %s", expires);
	if (expires_ms)
		*expires_ms = at;
	return 0;
}

int trust_verify(const struct trust_root *root, const char *role,
		 const char *type, const void *doc, size_t len, int64_t now_ms,
		 json_t **body, struct errinfo *err)
{
	const struct trust_signers *r = trust_root_signers(root, role);
	json_t *envelope = NULL;
	int rc;

	if (!r)
		return errinfo_set(err, -ENOKEY,
				   "the root document has no role '%s'", role);
	if (now_ms && root->expires_ms <= now_ms)
		return errinfo_set(err, -ESTALE, "the root document expired");
	rc = trust_open(doc, len, TRUST_DOC_MAX, &envelope, err);
	if (rc)
		return rc;
	rc = trust_document_check_canonical(envelope, doc, len, err);
	if (!rc)
		rc = trust_document_check(r, envelope, 1, err);
	if (!rc)
		rc = trust_document_check_head(json_object_get(envelope, "signed"),
					       type, now_ms, NULL, err);
	if (!rc)
		*body = json_incref(json_object_get(envelope, "signed"));
	json_decref(envelope);
	return rc;
}

static int add_signatures(json_t *list, const char *text,
			  const struct trust_key *keys, size_t n)
{
	uint8_t sig[TRUST_SIG_LEN];
	char hex[TRUST_SIG_HEX];

	for (size_t i = 0; i < n; i++) {
		trust_sign_bytes(&keys[i], text, strlen(text), sig);
		format_hex(sig, sizeof(sig), hex);
		if (json_array_append_new(list,
					  json_pack("{s:s, s:s}", "keyid",
						    keys[i].keyid, "sig", hex)))
			return -ENOMEM;
	}
	return 0;
}

/* Refuses to sign what could never be verified. */
static int check_before_sign(const json_t *body, const struct trust_key *keys,
			     size_t n, struct errinfo *err)
{
	const char *type = json_string_value(json_object_get(body, "_type"));

	if (!n || n > TRUST_KEYS_MAX)
		return errinfo_set(err, -EINVAL, "%zu keys to sign with", n);
	for (size_t i = 0; i < n; i++)
		if (!keys[i].has_secret)
			return errinfo_set(err, -EINVAL,
					   "key %.8s is a public key, signing "
					   "needs the secret one",
					   keys[i].keyid);
	if (!type)
		return errinfo_set(err, -EINVAL, "no \"_type\"");
	return trust_document_check_head(body, type, 0, NULL, err);
}

/* Takes ownership of `signatures`. */
static int print_envelope(const json_t *body, json_t *signatures, size_t max,
			  char **doc, struct errinfo *err)
{
	json_t *envelope = json_pack("{s:O, s:o}", "signed", body, "signatures",
				     signatures);
	auto_free char *text = envelope ? trust_canonical(envelope) : NULL;
	auto_buf struct buf b = BUF_INIT_MAX(max);
	int rc;

	json_decref(envelope);
	if (!text)
		return errinfo_set(err, -ENOMEM, "out of memory");
	buf_adds(&b, text);
	rc = buf_adds(&b, "\n");
	if (rc)
		return errinfo_set_errno(err, rc, "a document of %zu bytes",
					 strlen(text) + 1);
	*doc = buf_take(&b);
	return *doc ? 0 : -ENOMEM;
}

int trust_sign_max(const json_t *body, const struct trust_key *keys, size_t n,
		   size_t max, char **doc, struct errinfo *err)
{
	auto_free char *text = trust_canonical(body);
	json_t *signatures = json_array();
	int rc = check_before_sign(body, keys, n, err);

	if (!rc && !text)
		rc = errinfo_set(err, -EINVAL, "has no canonical form");
	if (!rc)
		rc = add_signatures(signatures, text, keys, n);
	if (rc) {
		json_decref(signatures);
		return rc;
	}
	return print_envelope(body, signatures, max, doc, err);
}

int trust_sign(const json_t *body, const struct trust_key *keys, size_t n,
	       char **doc, struct errinfo *err)
{
	return trust_sign_max(body, keys, n, TRUST_DOC_MAX, doc, err);
}

static void drop_signatures(json_t *signatures, const char *keyid)
{
	for (size_t i = json_array_size(signatures); i-- > 0;) {
		const char *is = json_string_value(
			json_object_get(json_array_get(signatures, i), "keyid"));

		if (is && !strcmp(is, keyid))
			json_array_remove(signatures, i);
	}
}

int trust_sign_more(const void *doc, size_t len, const struct trust_key *keys,
		    size_t n, char **out, struct errinfo *err)
{
	auto_free char *text = NULL;
	json_t *envelope = NULL, *body, *signatures;
	int rc = trust_open(doc, len, TRUST_DOC_MAX, &envelope, err);

	if (rc)
		return rc;
	body = json_object_get(envelope, "signed");
	signatures = json_object_get(envelope, "signatures");
	rc = check_before_sign(body, keys, n, err);
	text = trust_canonical(body);
	if (!rc && !text)
		rc = errinfo_set(err, -EBADMSG, "has no canonical form");
	for (size_t i = 0; i < n && !rc; i++)
		drop_signatures(signatures, keys[i].keyid);
	if (!rc)
		rc = add_signatures(signatures, text, keys, n);
	if (!rc)
		rc = print_envelope(body, json_incref(signatures),
				    TRUST_DOC_MAX, out, err);
	json_decref(envelope);
	return rc;
}
