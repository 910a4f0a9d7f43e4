/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of a blob over HTTP.
 */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "tool.h"

#define TIMEOUT_SEC 30L

struct fetch {
	CURL *curl;
	char *url;
	char text[CURL_ERROR_SIZE];
	/* the range that is under way */
	fetch_fn fn;
	void *arg;
	uint64_t at, left;
	int rc;
};

int fetch_new(const char *repo_url, const char *sha256, struct fetch **out,
	      struct errinfo *err)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f)
		return errinfo_set(err, -ENOMEM, "out of memory");
	f->curl = curl_easy_init();
	if (!f->curl || asprintf(&f->url, "%s/blobs/%.2s/%s", repo_url, sha256,
				 sha256) < 0) {
		f->url = NULL;
		fetch_free(f);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	curl_easy_setopt(f->curl, CURLOPT_URL, f->url);
	curl_easy_setopt(f->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->text);
	curl_easy_setopt(f->curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->curl, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(f->curl, CURLOPT_TIMEOUT, TIMEOUT_SEC);
	*out = f;
	return 0;
}

void fetch_free(struct fetch *f)
{
	if (!f)
		return;
	curl_easy_cleanup(f->curl);
	free(f->url);
	free(f);
}

static int perform(struct fetch *f, struct errinfo *err)
{
	CURLcode c = curl_easy_perform(f->curl);

	if (f->rc)
		return errinfo_set_errno(err, f->rc, "%s", f->url);
	if (c != CURLE_OK)
		return errinfo_set(err, -EIO, "%s: %s", f->url,
				   *f->text ? f->text : curl_easy_strerror(c));
	return 0;
}

int fetch_size(struct fetch *f, uint64_t *size, struct errinfo *err)
{
	curl_off_t n = -1;
	int rc;

	curl_easy_setopt(f->curl, CURLOPT_NOBODY, 1L);
	rc = perform(f, err);
	curl_easy_setopt(f->curl, CURLOPT_NOBODY, 0L);
	if (rc)
		return rc;
	curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n);
	if (n <= 0)
		return errinfo_set(err, -EPROTO, "%s: no length", f->url);
	*size = (uint64_t)n;
	return 0;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct fetch *f = arg;

	n *= one;
	if (n > f->left) {
		f->rc = -EPROTO; /* more than asked for: no ranges there */
		return 0;
	}
	f->rc = f->fn(f->arg, f->at, data, n);
	f->at += n;
	f->left -= n;
	return f->rc ? 0 : n;
}

int fetch_range(struct fetch *f, uint64_t offset, uint64_t len, fetch_fn fn,
		void *arg, struct errinfo *err)
{
	char range[64];
	long status = 0;
	int rc;

	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, offset,
		 offset + len - 1);
	f->fn = fn;
	f->arg = arg;
	f->at = offset;
	f->left = len;
	f->rc = 0;
	curl_easy_setopt(f->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(f->curl, CURLOPT_RANGE, range);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
	rc = perform(f, err);
	if (rc)
		return rc;
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	if (f->left || (status != 206 && offset))
		return errinfo_set(err, -EPROTO,
				   "%s: range %s: status %ld, "
				   "%" PRIu64 " bytes missing",
				   f->url, range, status, f->left);
	return 0;
}
