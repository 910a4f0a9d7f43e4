/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read before the first client comes: metadata, manifest, index. One
 * after another, blocking, each of a bounded size.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "clock.h"
#include "tool-image.h"
#include "tuf.h"

#define TIMEOUT_SEC 60L

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	return buf_add(arg, data, size * n) ? 0 : size * n;
}

static CURLcode set_up(CURL *e, const char *url, struct buf *b)
{
	CURLcode rc;

	rc = curl_easy_setopt(e, CURLOPT_URL, url);
	rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, b);
	rc |= curl_easy_setopt(e, CURLOPT_FAILONERROR, 1L);
	rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT, TIMEOUT_SEC);
	rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https,file");
	return rc;
}

int tool_fetch(struct fetcher *f, const char *path, uint64_t max, char **data,
	       size_t *len, struct errinfo *err)
{
	auto_buf struct buf b = BUF_INIT_MAX((size_t)max + 1);
	auto_free char *url = NULL;
	CURLcode rc = CURLE_OUT_OF_MEMORY;
	long status = 0;

	if (!f->easy)
		f->easy = curl_easy_init();
	if (f->easy && asprintf(&url, "%s/%s", f->base, path) >= 0) {
		curl_easy_reset(f->easy);
		rc = set_up(f->easy, url, &b);
	}
	if (rc == CURLE_OK && f->h2)
		rc = httpc_h2_set(&f->known, f->easy);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(f->easy);
	httpc_h2_ended(&f->known, rc);
	if (b.rc == -EFBIG)
		return errinfo_set(err, -EFBIG, "%s: more than %llu bytes", url,
				   (unsigned long long)max);
	if (rc != CURLE_OK) {
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
		return errinfo_set(err,
				   status == 404 || rc == CURLE_FILE_COULDNT_READ_FILE
					   ? -ENOENT
					   : -EIO,
				   "%s: %s", url, curl_easy_strerror(rc));
	}
	*len = b.len;
	*data = buf_take(&b);
	return *data ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

static int follow(struct fetcher *f, struct tuf_client *c, struct errinfo *err)
{
	struct tuf_want want;
	int rc;

	while ((rc = tuf_client_next(c, &want)) == 1) {
		auto_free char *data = NULL;
		size_t len;

		rc = tool_fetch(f, want.path, want.max, &data, &len, err);
		if (!rc)
			rc = tuf_client_feed(c, data, len, err);
		else if (rc == -ENOENT && want.may_be_absent)
			rc = tuf_client_absent(c, err);
		if (rc)
			return rc;
	}
	return rc;
}

int tool_fetch_target(struct fetcher *f, const char *root_file,
		      const char *target, char **data, size_t *len,
		      struct errinfo *err)
{
	auto_free char *root = NULL;
	struct tuf_how how = { .now_ms = clock_unix_ms(), .target = target };
	struct tuf_client *c = NULL;
	const char *bytes;
	int rc;

	rc = fileio_read(root_file, TUF_SMALL_MAX, &root, &how.root_len, err);
	if (rc)
		return rc;
	how.root = root;
	rc = tuf_client_new(&how, &c, err);
	if (!rc)
		rc = follow(f, c, err);
	if (!rc) {
		bytes = tuf_client_target_bytes(c, len);
		*data = malloc(*len + 1);
		if (!*data)
			rc = errinfo_set(err, -ENOMEM, "out of memory");
		else
			memcpy(*data, bytes, *len);
	}
	tuf_client_free(c);
	return rc;
}

void tool_fetch_end(struct fetcher *f)
{
	curl_easy_cleanup(f->easy);
	f->easy = NULL;
}
