/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "parse.h"

#define READ_STEP (256 * 1024)

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_new(void)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
		hash_free(h);
		return NULL;
	}
	return h;
}

/* OpenSSL's SHA-256 cannot fail on a context that was set up; if it did, no
 * digest would be safer than a wrong one. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

void hash_update(struct hash *h, const void *data, size_t len)
{
	must(EVP_DigestUpdate(h->ctx, data, len));
}

void hash_final(struct hash *h, uint8_t out[HASH_LEN])
{
	must(EVP_DigestFinal_ex(h->ctx, out, NULL));
	must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_bytes(const void *data, size_t len, uint8_t out[HASH_LEN])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL));
}

void hash_bytes_hex(const void *data, size_t len, char out[HASH_HEX])
{
	uint8_t raw[HASH_LEN];

	hash_bytes(data, len, raw);
	format_hex(raw, sizeof(raw), out);
}

int hash_fd(int fd, uint8_t out[HASH_LEN], uint64_t *size)
{
	auto_free char *step = malloc(READ_STEP);
	struct hash *h = hash_new();
	off_t at = 0;
	ssize_t n = -1;
	int rc = 0;

	if (!step || !h) {
		hash_free(h);
		return -ENOMEM;
	}
	while ((n = pread(fd, step, READ_STEP, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = -errno;
			break;
		}
		hash_update(h, step, (size_t)n);
		at += n;
	}
	hash_final(h, out);
	hash_free(h);
	if (size)
		*size = (uint64_t)at;
	return rc;
}

int hash_file_hex(const char *path, char out[HASH_HEX], uint64_t *size,
		  struct errinfo *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t raw[HASH_LEN];
	int rc;

	if (fd < 0)
		return errinfo_set_errno(err, -errno, "%s", path);
	rc = hash_fd(fd, raw, size);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", path);
	format_hex(raw, sizeof(raw), out);
	return 0;
}

int hash_is_hex(const char *s)
{
	uint8_t raw[HASH_LEN];

	return parse_hex(s, raw, sizeof(raw)) == 0;
}
