/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - ECDSA P-256 key and self-signed certificate by OpenSSL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"
#include "tls.h"

#define TLS_PATH_MAX 1024
#define TLS_DAYS     3650L /* pinned by key: its age protects nothing */
#define TLS_FILE_MAX (64 * 1024)

static int path_of(char out[TLS_PATH_MAX], const char *state, const char *file)
{
	int n = snprintf(out, TLS_PATH_MAX, "%s/%s", state, file);

	return n < 0 || n >= TLS_PATH_MAX ? -ENAMETOOLONG : 0;
}

static X509 *make_certificate(EVP_PKEY *key, const char *segment)
{
	X509 *crt = X509_new();
	uint64_t serial;
	X509_NAME *name;

	if (!crt)
		return NULL;
	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		goto err_free;
	name = X509_get_subject_name(crt);
	if (!X509_set_version(crt, X509_VERSION_3) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(crt), serial >> 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(crt), -86400L) ||
	    !X509_gmtime_adj(X509_getm_notAfter(crt), TLS_DAYS * 86400L) ||
	    !X509_set_pubkey(crt, key) ||
	    !X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
					(const unsigned char *)"Nightshift", -1,
					-1, 0) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					(const unsigned char *)segment, -1, -1,
					0) ||
	    !X509_set_issuer_name(crt, name) ||
	    !X509_sign(crt, key, EVP_sha256()))
		goto err_free;
	return crt;

err_free:
	X509_free(crt);
	return NULL;
}

/* Writes what `bio` holds as a whole file. */
static int write_bio(BIO *bio, const char *path, mode_t mode, struct errinfo *err)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0)
		return errinfo_set(err, -EIO, "%s: cannot encode", path);
	return fileio_write_atomic(path, data, (size_t)len, mode, err);
}

static int make_pair(const char *key_path, const char *crt_path,
		     const char *segment, struct errinfo *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *crt = key ? make_certificate(key, segment) : NULL;
	BIO *key_bio = BIO_new(BIO_s_secmem());
	BIO *crt_bio = BIO_new(BIO_s_mem());
	int rc;

	if (!crt || !key_bio || !crt_bio ||
	    !PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(crt_bio, crt)) {
		rc = errinfo_set(err, -EIO, "cannot make a TLS key");
		goto out;
	}
	rc = write_bio(key_bio, key_path, 0600, err);
	if (!rc)
		rc = write_bio(crt_bio, crt_path, 0644, err);
out:
	BIO_free(key_bio);
	BIO_free(crt_bio);
	X509_free(crt);
	EVP_PKEY_free(key);
	return rc;
}

int tls_ensure(const char *state, const char *segment, struct errinfo *err)
{
	char key_path[TLS_PATH_MAX], crt_path[TLS_PATH_MAX];
	int rc;

	rc = fileio_mkdirs(state, 0755, err);
	if (rc)
		return rc;
	if (path_of(key_path, state, "tls.key") ||
	    path_of(crt_path, state, "tls.crt"))
		return errinfo_set(err, -ENAMETOOLONG, "%s: too long", state);
	if (!access(key_path, F_OK) && !access(crt_path, F_OK))
		return 0;
	return make_pair(key_path, crt_path, segment, err);
}

int tls_pin(const char *state, char pin[TLS_PIN], struct errinfo *err)
{
	char path[TLS_PATH_MAX];
	uint8_t digest[HASH_LEN];
	unsigned char *der = NULL;
	auto_free char *pem = NULL;
	size_t len;
	X509 *crt;
	BIO *bio;
	int rc, n;

	if (path_of(path, state, "tls.crt"))
		return errinfo_set(err, -ENAMETOOLONG, "%s: too long", state);
	rc = fileio_read(path, TLS_FILE_MAX, &pem, &len, err);
	if (rc)
		return rc;
	bio = BIO_new_mem_buf(pem, (int)len);
	crt = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	n = crt ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(crt), &der) : -1;
	X509_free(crt);
	if (n <= 0)
		return errinfo_set(err, -EINVAL, "%s: no certificate", path);
	hash_bytes(der, (size_t)n, digest);
	OPENSSL_free(der);
	memcpy(pin, "sha256//", 8);
	EVP_EncodeBlock((unsigned char *)pin + 8, digest, sizeof(digest));
	return 0;
}
