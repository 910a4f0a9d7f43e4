/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "cleanup.h"
#include "fileio.h"
#include "hash.h"

#include "cert.h"

#define VALID_DAYS 7300

static int write_pem(BIO *bio, const char *path, mode_t mode, struct errinfo *err)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0)
		return errinfo_set(err, -EIO, "%s: cannot encode it", path);
	return fileio_write_atomic(path, data, (size_t)len, mode, err);
}

static int fill(X509 *crt, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(crt);
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
	       X509_set_version(crt, X509_VERSION_3) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(crt), serial >> 1) &&
	       /* A day back: clocks of new PCs are wrong. */
	       X509_gmtime_adj(X509_getm_notBefore(crt), -86400) &&
	       X509_gmtime_adj(X509_getm_notAfter(crt), VALID_DAYS * 86400L) &&
	       X509_NAME_add_entry_by_txt(
		       name, "CN", MBSTRING_ASC,
		       (const unsigned char *)"nightshift central", -1, -1, 0) &&
	       X509_set_issuer_name(crt, name) && X509_set_pubkey(crt, key) &&
	       X509_sign(crt, key, EVP_sha256());
}

static int make(const char *key_path, const char *crt_path, struct errinfo *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *key_pem = BIO_new(BIO_s_mem()), *crt_pem = BIO_new(BIO_s_mem());
	X509 *crt = X509_new();
	int rc = -EIO;

	if (!key || !key_pem || !crt_pem || !crt || !fill(crt, key) ||
	    !PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(crt_pem, crt)) {
		errinfo_set(err, rc, "cannot make a TLS key");
		goto out;
	}
	rc = write_pem(key_pem, key_path, 0600, err);
	/* The certificate last: where it is, its key is. */
	if (!rc)
		rc = write_pem(crt_pem, crt_path, 0644, err);
out:
	X509_free(crt);
	BIO_free(crt_pem);
	BIO_free(key_pem);
	EVP_PKEY_free(key);
	return rc;
}

int cert_ensure(const char *state, int *made, struct errinfo *err)
{
	auto_free char *key_path = NULL, *crt_path = NULL;

	*made = 0;
	if (asprintf(&key_path, "%s/tls.key", state) < 0 ||
	    asprintf(&crt_path, "%s/tls.crt", state) < 0)
		return -ENOMEM;
	if (!access(crt_path, F_OK))
		return 0;
	*made = 1;
	return make(key_path, crt_path, err);
}

static int pin_of(X509 *crt, char out[CERT_PIN_LEN])
{
	unsigned char *der = NULL, text[48];
	uint8_t sum[HASH_LEN];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(crt), &der);

	if (len <= 0)
		return -EIO;
	hash_bytes(der, (size_t)len, sum);
	OPENSSL_free(der);
	EVP_EncodeBlock(text, sum, sizeof(sum));
	snprintf(out, CERT_PIN_LEN, "sha256//%s", (char *)text);
	return 0;
}

int cert_pin(const char *state, char out[CERT_PIN_LEN], struct errinfo *err)
{
	auto_free char *path = NULL;
	auto_fclose FILE *f = NULL;
	X509 *crt;
	int rc;

	if (asprintf(&path, "%s/tls.crt", state) < 0)
		return -ENOMEM;
	f = fopen(path, "re");
	if (!f)
		return errinfo_set_errno(err, -errno,
					 "%s (centrald -g makes it)", path);
	crt = PEM_read_X509(f, NULL, NULL, NULL);
	rc = crt ? pin_of(crt, out) : -EBADMSG;
	X509_free(crt);
	return rc ? errinfo_set(err, rc, "%s: not a certificate", path) : 0;
}
