/* SPDX-License-Identifier: Apache-2.0 */
/* Files from and to a server, with progress. */
#include <errno.h>
#include <unistd.h>

#include "fileio.h"
#include "httpc-private.h"

/* A transfer of a file may last, but not crawl. */
#define CRAWL_BYTES_SEC 512L
#define CRAWL_SEC       30L
#define ERROR_BODY_MAX  (64UL * 1024)

struct transfer {
	CURL *curl;
	int fd;
	uint64_t done, max;
	int rc;
	int upload;
	httpc_progress_fn fn;
	void *arg;
	struct buf reply; /* what a refusal says */
};

static size_t write_file(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	long status = 0;

	size *= n;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		buf_add(&t->reply, data, size); /* past its bound: not needed */
		return size;
	}
	if (size > t->max - t->done)
		t->rc = -EFBIG;
	else
		t->rc = fileio_write_all(t->fd, data, size);
	if (t->rc)
		return 0;
	t->done += size;
	return size;
}

/* What a server says to an upload matters only if it refuses. */
static size_t take_word(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	buf_add(&t->reply, data, size * n);
	return size * n;
}

static size_t read_file(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	uint64_t left = t->max - t->done;
	ssize_t r;

	size *= n;
	if (size > left)
		size = left;
	if (!size)
		return 0;
	r = pread(t->fd, data, size, (off_t)t->done);
	if (r <= 0) { /* it became shorter than promised */
		t->rc = r < 0 ? -errno : -EIO;
		return CURL_READFUNC_ABORT;
	}
	t->done += (uint64_t)r;
	return (size_t)r;
}

/* libcurl sends again on a fresh connection when a kept one was closed. */
static int seek_file(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	t->done = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int progress(void *arg, curl_off_t dltotal, curl_off_t dlnow,
		    curl_off_t ultotal, curl_off_t ulnow)
{
	struct transfer *t = arg;

	if (t->upload)
		return t->fn((uint64_t)ulnow, (uint64_t)ultotal, t->arg);
	return t->fn((uint64_t)dlnow, (uint64_t)dltotal, t->arg);
}

static void setup_transfer(CURL *h, void *arg)
{
	struct transfer *t = arg;

	t->curl = h;
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, CRAWL_BYTES_SEC);
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, CRAWL_SEC);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION,
			 t->upload ? take_word : write_file);
	if (t->fn) {
		curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, progress);
		curl_easy_setopt(h, CURLOPT_XFERINFODATA, t);
	}
	if (!t->upload)
		return;
	curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->max);
	curl_easy_setopt(h, CURLOPT_READFUNCTION, read_file);
	curl_easy_setopt(h, CURLOPT_READDATA, t);
	curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, seek_file);
	curl_easy_setopt(h, CURLOPT_SEEKDATA, t);
}

static int transfer(struct httpc *c, const char *path, struct transfer *t,
		    struct errinfo *err)
{
	const char *method = t->upload ? "PUT" : "GET";
	int status = 0;
	int rc;

	t->reply = (struct buf)BUF_INIT_MAX(ERROR_BODY_MAX);
	rc = httpc_perform(c, method, path, NULL,
			   t->upload ? "Content-Type: application/octet-stream"
				     : NULL,
			   setup_transfer, t, &status, err);
	if (t->rc == -EFBIG)
		rc = errinfo_set(err, -EFBIG, "GET %s: larger than %llu bytes",
				 path, (unsigned long long)t->max);
	else if (t->rc)
		rc = errinfo_set_errno(err, t->rc, "%s %s: file", method, path);
	else if (!rc && (status < 200 || status >= 300))
		rc = httpc_refused(method, path, status, &t->reply, err);
	else if (!rc && !t->upload && status != 200)
		rc = errinfo_set(err, -EIO, "GET %s: HTTP status %d", path,
				 status);
	buf_dispose(&t->reply);
	return rc;
}

int httpc_get_fd(struct httpc *c, const char *path, int fd, uint64_t max,
		 httpc_progress_fn fn, void *arg, struct errinfo *err)
{
	struct transfer t = { .fd = fd, .max = max, .fn = fn, .arg = arg };

	return transfer(c, path, &t, err);
}

int httpc_put_fd(struct httpc *c, const char *path, int fd, uint64_t size,
		 httpc_progress_fn fn, void *arg, struct errinfo *err)
{
	struct transfer t = {
		.fd = fd, .max = size, .upload = 1, .fn = fn, .arg = arg
	};

	return transfer(c, path, &t, err);
}
