/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: where from, and documents. A directory is read as file:// so that
 * there is one way for all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "cleanup.h"
#include "fetch-private.h"

#define CONNECT_SEC 15L
#define DOC_SEC     120L /* documents are small; a trickle is an attack */

static int is_url(const char *where)
{
	return !strncmp(where, "http://", 7) || !strncmp(where, "https://", 8);
}

/* file:// and the directory's real path, with all that a URL gives a meaning
 * escaped. */
static int dir_url(const char *dir, char **out, struct errinfo *err)
{
	auto_free char *real = realpath(dir, NULL);
	auto_buf struct buf url = BUF_INIT;

	if (!real)
		return errinfo_set_errno(err, -errno, "repository %s", dir);
	buf_adds(&url, "file://");
	for (const char *p = real; *p; p++)
		if (strchr("%?#;[]", *p) || *p <= ' ' || *p >= 127)
			buf_addf(&url, "%%%02x", (unsigned char)*p);
		else
			buf_add(&url, p, 1);
	*out = buf_take(&url);
	return *out ? 0 : errinfo_set(err, -ENOMEM, "out of memory");
}

static int open_base(struct fetch *f, const char *where, struct errinfo *err)
{
	size_t n;

	f->where = strdup(where);
	if (!f->where)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (!is_url(where)) {
		f->is_dir = 1;
		return dir_url(where, &f->base, err);
	}
	f->base = strdup(where);
	if (!f->base)
		return errinfo_set(err, -ENOMEM, "out of memory");
	n = strlen(f->base);
	while (n && f->base[n - 1] == '/')
		f->base[--n] = '\0';
	return 0;
}

int fetch_open(const struct fetch_config *config, struct fetch **out,
	       struct errinfo *err)
{
	struct fetch *f;
	int rc;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return errinfo_set(err, -EIO, "cannot initialise libcurl");
	f = calloc(1, sizeof(*f));
	if (!f)
		return errinfo_set(err, -ENOMEM, "out of memory");
	f->rate = config->rate;
	f->stall_sec = config->stall_sec ? config->stall_sec : FETCH_STALL_SEC;
	f->tries = config->tries ? config->tries : FETCH_TRIES;
	rc = open_base(f, config->where, err);
	if (!rc) {
		f->multi = curl_multi_init();
		f->doc = curl_easy_init();
		f->no_cache = curl_slist_append(NULL, "Cache-Control: no-cache");
		if (!f->multi || !f->doc || !f->no_cache)
			rc = errinfo_set(err, -ENOMEM, "out of memory");
	}
	if (rc) {
		fetch_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

void fetch_close(struct fetch *f)
{
	if (!f)
		return;
	curl_easy_cleanup(f->doc);
	curl_multi_cleanup(f->multi);
	curl_slist_free_all(f->no_cache);
	free(f->where);
	free(f->base);
	free(f);
}

const char *fetch_where(const struct fetch *f)
{
	return f->where;
}

uint64_t fetch_bytes(const struct fetch *f)
{
	return f->bytes;
}

unsigned int fetch_requests(const struct fetch *f)
{
	return f->requests;
}

int fetch_setup(struct fetch *f, CURL *h, const char *path, char *why)
{
	auto_free char *url = NULL;

	if (asprintf(&url, "%s/%s", f->base, path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	curl_easy_reset(h);
	why[0] = '\0';
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR,
			 f->is_dir ? "file" : "http,https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, FETCH_SLOW);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)f->stall_sec);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "nightshift/" NIGHTSHIFT_VERSION);
	return 0;
}

void fetch_count(struct fetch *f, CURL *h)
{
	curl_off_t body = 0;
	long head = 0;

	curl_easy_getinfo(h, CURLINFO_SIZE_DOWNLOAD_T, &body);
	curl_easy_getinfo(h, CURLINFO_HEADER_SIZE, &head);
	f->bytes += (uint64_t)body + (uint64_t)head;
	f->requests++;
}

int fetch_may_retry(int rc)
{
	return rc == -EIO || rc == -ECONNREFUSED || rc == -ETIMEDOUT;
}

static int curl_rc(CURLcode code)
{
	static const struct {
		CURLcode code;
		int rc;
	} table[] = {
		{ CURLE_FILE_COULDNT_READ_FILE, -ENOENT },
		{ CURLE_COULDNT_CONNECT, -ECONNREFUSED },
		{ CURLE_COULDNT_RESOLVE_HOST, -ECONNREFUSED },
		{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
		{ CURLE_PEER_FAILED_VERIFICATION, -EPERM },
		{ CURLE_URL_MALFORMAT, -EINVAL },
		{ CURLE_OUT_OF_MEMORY, -ENOMEM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].code == code)
			return table[i].rc;
	return -EIO;
}

int fetch_result(struct fetch *f, CURL *h, CURLcode code, const char *path,
		 const char *why, struct errinfo *err)
{
	long status = 0;
	int rc;

	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	if (code) {
		rc = curl_rc(code);
		return errinfo_set(err, rc, "%s/%s: %s", f->where, path,
				   rc == -ENOENT ? "No such file"
				   : *why        ? why
						 : curl_easy_strerror(code));
	}
	if (f->is_dir || status == 200 || status == 206)
		return 0;
	/* A gateway that has no way to the central says 502, 503, 504. */
	rc = status == 404 || status == 410   ? -ENOENT
	     : status >= 500 || status == 429 ? -EIO
					      : -EPROTO;
	return errinfo_set(err, rc, "%s/%s: HTTP status %ld", f->where, path,
			   status);
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	return buf_add(b, data, size * n) ? 0 : size * n;
}

static int try_doc(struct fetch *f, const char *path, struct buf *b,
		   struct errinfo *err)
{
	CURLcode code;
	int rc = fetch_setup(f, f->doc, path, f->why);

	if (rc)
		return errinfo_set(err, rc, "out of memory");
	curl_easy_setopt(f->doc, CURLOPT_TIMEOUT, DOC_SEC);
	curl_easy_setopt(f->doc, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(f->doc, CURLOPT_WRITEDATA, b);
	code = curl_easy_perform(f->doc);
	fetch_count(f, f->doc);
	if (b->rc == -EFBIG)
		return errinfo_set(err, -EFBIG, "%s/%s: has more than %zu bytes",
				   f->where, path, b->max);
	return fetch_result(f, f->doc, code, path, f->why, err);
}

int fetch_doc(struct fetch *f, const char *path, size_t max, char **doc,
	      size_t *len, struct errinfo *err)
{
	struct timespec pause = { 0, FETCH_PAUSE_MS * 1000000L };
	int rc = -EIO;

	for (int i = 0; i < f->tries; i++) {
		auto_buf struct buf b = BUF_INIT_MAX(max);

		rc = try_doc(f, path, &b, err);
		if (!rc) {
			*len = b.len;
			*doc = buf_take(&b);
			return *doc ? 0
				    : errinfo_set(err, -ENOMEM, "out of memory");
		}
		if (!fetch_may_retry(rc) || i + 1 == f->tries)
			break;
		nanosleep(&pause, NULL);
	}
	return rc;
}
