/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 keys: in memory, as JSON objects, as files.
 *
 * A secret key file is the public key object with "private" (the 32 byte seed,
 * hex) beside "public" in "keyval".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"
#include "private.h"

#define KEY_FILE_MAX 4096
#define SEED_LEN     crypto_sign_SEEDBYTES

_Static_assert(TRUST_PUBLIC_LEN == crypto_sign_PUBLICKEYBYTES, "public");
_Static_assert(TRUST_SECRET_LEN == crypto_sign_SECRETKEYBYTES, "secret");
_Static_assert(TRUST_SIG_LEN == crypto_sign_BYTES, "signature");

json_t *trust_key_object(const uint8_t public[TRUST_PUBLIC_LEN])
{
	char hex[2 * TRUST_PUBLIC_LEN + 1];

	format_hex(public, TRUST_PUBLIC_LEN, hex);
	return json_pack("{s:s, s:{s:s}, s:s}", "keytype", "ed25519", "keyval",
			 "public", hex, "scheme", "ed25519");
}

static int is_ed25519(const char *keytype, const char *scheme)
{
	return !strcmp(keytype, "ed25519") && !strcmp(scheme, "ed25519");
}

int trust_key_parse_object(json_t *object, uint8_t public[TRUST_PUBLIC_LEN])
{
	const char *keytype, *scheme, *hex;

	if (json_unpack(object, "{s:s, s:{s:s !}, s:s !}", "keytype", &keytype,
			"keyval", "public", &hex, "scheme", &scheme))
		return -EBADMSG;
	if (!is_ed25519(keytype, scheme) ||
	    parse_hex(hex, public, TRUST_PUBLIC_LEN))
		return -EBADMSG;
	return 0;
}

json_t *trust_key_json(const struct trust_key *key)
{
	return trust_key_object(key->public);
}

int trust_key_parse(const json_t *object, struct trust_key *key)
{
	memset(key, 0, sizeof(*key));
	if (trust_key_parse_object((json_t *)object, key->public))
		return -EBADMSG;
	return trust_key_id(key->public, key->keyid);
}

int trust_key_id(const uint8_t public[TRUST_PUBLIC_LEN],
		 char out[TRUST_KEYID_HEX])
{
	json_t *object = trust_key_object(public);
	auto_free char *text = object ? trust_canonical(object) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	hash_bytes_hex(text, strlen(text), out);
	return 0;
}

static int key_from_seed(const uint8_t seed[SEED_LEN], struct trust_key *key)
{
	if (crypto_sign_seed_keypair(key->public, key->secret, seed))
		return -EIO;
	key->has_secret = 1;
	return trust_key_id(key->public, key->keyid);
}

int trust_key_generate(struct trust_key *key, struct errinfo *err)
{
	uint8_t seed[SEED_LEN];
	int rc;

	if (sodium_init() < 0)
		return errinfo_set(err, -EIO, "no random numbers");
	randombytes_buf(seed, sizeof(seed));
	rc = key_from_seed(seed, key);
	sodium_memzero(seed, sizeof(seed));
	return rc ? errinfo_set_errno(err, rc, "cannot make a key") : 0;
}

void trust_key_wipe(struct trust_key *key)
{
	if (key)
		sodium_memzero(key, sizeof(*key));
}

/* Never replaces: a key that is overwritten is a repository that is lost. */
static int write_new(const char *path, const char *text, mode_t mode,
		     struct errinfo *err)
{
	auto_close int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int rc;

	if (fd < 0 && errno == EEXIST)
		return errinfo_set(err, -EEXIST,
				   "%s is there already and is kept", path);
	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	rc = fileio_write_all(fd, text, strlen(text));
	if (!rc)
		rc = fileio_write_all(fd, "\n", 1);
	if (!rc && fsync(fd))
		rc = -errno;
	if (!rc)
		return 0;
	unlink(path);
	return errinfo_set_errno(err, rc, "%s", path);
}

static char *public_path(const char *path)
{
	char *pub = NULL;

	return asprintf(&pub, "%s.pub", path) < 0 ? NULL : pub;
}

/* Texts of both files; the caller wipes and frees *secret. */
static int key_texts(const struct trust_key *key, char **secret, char **public)
{
	char hex[2 * SEED_LEN + 1];
	json_t *object = trust_key_object(key->public);
	int r;

	*secret = NULL;
	*public = object ? trust_canonical(object) : NULL;
	if (!*public) {
		json_decref(object);
		return -ENOMEM;
	}
	format_hex(key->secret, SEED_LEN, hex); /* the seed comes first */
	r = json_object_set_new(json_object_get(object, "keyval"), "private",
				json_string(hex));
	sodium_memzero(hex, sizeof(hex));
	if (!r)
		*secret = trust_canonical(object);
	json_decref(object);
	return *secret ? 0 : -ENOMEM;
}

int trust_key_save(const struct trust_key *key, const char *path,
		   struct errinfo *err)
{
	auto_free char *pub_path = public_path(path);
	auto_free char *public = NULL;
	auto_free char *secret = NULL;
	int rc;

	if (!key->has_secret)
		return errinfo_set(err, -EINVAL, "%s: no secret key", path);
	if (!pub_path || key_texts(key, &secret, &public))
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = write_new(path, secret, 0600, err);
	sodium_memzero(secret, strlen(secret));
	if (rc)
		return rc;
	rc = write_new(pub_path, public, 0644, err);
	if (rc)
		unlink(path);
	return rc;
}

/* Accepts both forms of key object. */
static int key_from_json(json_t *object, struct trust_key *key)
{
	const char *keytype, *scheme, *hex, *seed_hex = NULL;
	uint8_t public[TRUST_PUBLIC_LEN], seed[SEED_LEN];
	int rc;

	if (json_unpack(object, "{s:s, s:{s:s, s?s !}, s:s !}", "keytype",
			&keytype, "keyval", "public", &hex, "private",
			&seed_hex, "scheme", &scheme))
		return -EBADMSG;
	if (!is_ed25519(keytype, scheme) ||
	    parse_hex(hex, public, sizeof(public)))
		return -EBADMSG;
	if (!seed_hex) {
		memcpy(key->public, public, sizeof(public));
		return trust_key_id(key->public, key->keyid);
	}
	if (parse_hex(seed_hex, seed, sizeof(seed)))
		return -EBADMSG;
	rc = key_from_seed(seed, key);
	sodium_memzero(seed, sizeof(seed));
	if (!rc && memcmp(public, key->public, sizeof(public)) != 0)
		rc = -EBADMSG;
	return rc;
}

static int check_mode(const char *path, struct errinfo *err)
{
	struct stat st;

	if (stat(path, &st))
		return errinfo_set_errno(err, -errno, "%s", path);
	if (st.st_mode & S_IRWXO)
		return errinfo_set(err, -EPERM,
				   "%s: a secret key that everybody may read; "
				   "chmod o= it",
				   path);
	return 0;
}

int trust_key_load(const char *path, struct trust_key *key, struct errinfo *err)
{
	auto_free char *text = NULL;
	json_t *object;
	size_t len;
	int rc;

	memset(key, 0, sizeof(*key));
	rc = fileio_read(path, KEY_FILE_MAX, &text, &len, err);
	if (rc)
		return rc;
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	sodium_memzero(text, len);
	rc = object ? key_from_json(object, key) : -EBADMSG;
	json_decref(object);
	if (rc)
		rc = errinfo_set(err, rc, "%s: not an Ed25519 key", path);
	else if (key->has_secret)
		rc = check_mode(path, err);
	if (rc)
		trust_key_wipe(key);
	return rc;
}

void trust_sign_bytes(const struct trust_key *key, const void *data, size_t len,
		      uint8_t sig[TRUST_SIG_LEN])
{
	crypto_sign_detached(sig, NULL, data, len, key->secret);
}

int trust_verify_bytes(const uint8_t public[TRUST_PUBLIC_LEN], const void *data,
		       size_t len, const uint8_t sig[TRUST_SIG_LEN])
{
	return crypto_sign_verify_detached(sig, data, len, public) ? -EBADMSG : 0;
}
