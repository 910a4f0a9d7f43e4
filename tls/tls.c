/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - key, certificate and pin by OpenSSL.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"

#include "tls.h"

#define DAY_SEC    86400L
#define VALID_DAYS 7300L /* pinned by key: its age protects nothing */
#define FILE_MAX   (64 * 1024)

static int add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
					  (const unsigned char *)value, -1, -1,
					  0);
}

static int fill(X509 *crt, EVP_PKEY *key, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(crt);
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       X509_set_version(crt, X509_VERSION_3) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(crt), serial >> 1) &&
	       /* A day back: clocks of new PCs are wrong. */
	       X509_gmtime_adj(X509_getm_notBefore(crt), -DAY_SEC) &&
	       X509_gmtime_adj(X509_getm_notAfter(crt), VALID_DAYS * DAY_SEC) &&
	       add_name(name, "O", "Nightshift") && add_name(name, "CN", cn) &&
	       X509_set_issuer_name(crt, name) && X509_set_pubkey(crt, key) &&
	       X509_sign(crt, key, EVP_sha256());
}

/* Writes what `bio` holds as a whole file. */
static int write_pem(BIO *bio, const char *path, mode_t mode, struct errinfo *err)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0)
		return errinfo_set(err, -EIO, "%s: cannot encode it", path);
	return fileio_write_atomic(path, data, (size_t)len, mode, err);
}

static int make_pair(const char *key_path, const char *crt_path, const char *cn,
		     struct errinfo *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *crt = X509_new();
	BIO *key_pem = BIO_new(BIO_s_secmem());
	BIO *crt_pem = BIO_new(BIO_s_mem());
	int rc;

	if (!key || !crt || !key_pem || !crt_pem || !fill(crt, key, cn) ||
	    !PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(crt_pem, crt)) {
		rc = errinfo_set(err, -EIO, "cannot make a TLS key");
		goto out;
	}
	rc = write_pem(key_pem, key_path, 0600, err);
	/* The certificate last: where it is, its key is. */
	if (!rc)
		rc = write_pem(crt_pem, crt_path, 0644, err);
out:
	BIO_free(crt_pem);
	BIO_free(key_pem);
	X509_free(crt);
	EVP_PKEY_free(key);
	return rc;
}

int tls_ensure(const char *dir, const char *name, int *made, struct errinfo *err)
{
	auto_free char *key_path = NULL, *crt_path = NULL;
	int rc, missing;

	rc = fileio_mkdirs(dir, 0755, err);
	if (rc)
		return rc;
	if (asprintf(&key_path, "%s/tls.key", dir) < 0 ||
	    asprintf(&crt_path, "%s/tls.crt", dir) < 0)
		return errinfo_set(err, -ENOMEM, "out of memory");
	missing = access(key_path, F_OK) || access(crt_path, F_OK);
	if (made)
		*made = missing;
	return missing ? make_pair(key_path, crt_path, name, err) : 0;
}

static int pin_of(X509 *crt, char out[TLS_PIN_LEN])
{
	unsigned char *der = NULL, text[4 * ((HASH_LEN + 2) / 3) + 1];
	uint8_t sum[HASH_LEN];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(crt), &der);

	if (len <= 0)
		return -EBADMSG;
	hash_bytes(der, (size_t)len, sum);
	OPENSSL_free(der);
	EVP_EncodeBlock(text, sum, sizeof(sum));
	snprintf(out, TLS_PIN_LEN, "sha256//%s", (char *)text);
	return 0;
}

int tls_pin(const char *dir, char out[TLS_PIN_LEN], struct errinfo *err)
{
	auto_free char *path = NULL, *pem = NULL;
	X509 *crt;
	BIO *bio;
	size_t len;
	int rc;

	if (asprintf(&path, "%s/tls.crt", dir) < 0)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read(path, FILE_MAX, &pem, &len, err);
	if (rc)
		return rc;
	bio = BIO_new_mem_buf(pem, (int)len);
	crt = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	rc = crt ? pin_of(crt, out) : -EBADMSG;
	X509_free(crt);
	BIO_free(bio);
	return rc ? errinfo_set(err, rc, "%s: not a certificate", path) : 0;
}
