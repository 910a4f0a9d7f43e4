/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc over one libcurl easy handle: options are set anew for each request,
 * the handle keeps the connections.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "httpc-private.h"

#define TIMEOUT_SEC 30
#define CONNECT_SEC 10L
#define JSON_MAX    (16UL * 1024 * 1024) /* of a reply we would parse */

static int only_once(void)
{
	static int done;

	if (!done && curl_global_init(CURL_GLOBAL_DEFAULT))
		return -EIO;
	done = 1;
	return 0;
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int set_url(struct httpc *c, const char *url, struct errinfo *err)
{
	if (!strncmp(url, "unix:/", 6)) {
		c->unix_path = strdup(url + 5);
		c->base = strdup("http://localhost");
	} else if (!strncmp(url, "http://", 7) || !strncmp(url, "https://", 8)) {
		c->base = strdup(url);
	} else {
		return errinfo_set(err, -EINVAL,
				   "'%s' is not an http, https or unix: URL",
				   url);
	}
	if (!c->base || (!strncmp(url, "unix:/", 6) && !c->unix_path))
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (c->base[strlen(c->base) - 1] == '/')
		c->base[strlen(c->base) - 1] = '\0';
	return 0;
}

static int set_strings(struct httpc *c, const struct httpc_config *config,
		       struct errinfo *err)
{
	int rc = set_url(c, config->url, err);

	if (rc)
		return rc;
	if (config->pin && strncmp(config->pin, "sha256//", 8) != 0)
		return errinfo_set(err, -EINVAL,
				   "pin '%s' is not sha256//BASE64", config->pin);
	if (config->pin && strncmp(c->base, "https:", 6) != 0)
		return errinfo_set(err, -EINVAL, "a pin needs an https URL");
	c->pin = copy(config->pin);
	if (config->token &&
	    asprintf(&c->auth, "Authorization: Bearer %s", config->token) < 0)
		c->auth = NULL;
	if ((config->pin && !c->pin) || (config->token && !c->auth))
		return errinfo_set(err, -ENOMEM, "out of memory");
	return 0;
}

int httpc_new(const struct httpc_config *config, struct httpc **out,
	      struct errinfo *err)
{
	struct httpc *c = NULL;
	int rc = only_once();

	if (rc)
		return errinfo_set(err, rc, "cannot initialise libcurl");
	c = calloc(1, sizeof(*c));
	if (!c)
		return errinfo_set(err, -ENOMEM, "out of memory");
	c->timeout_sec = config->timeout_sec ? config->timeout_sec : TIMEOUT_SEC;
	rc = set_strings(c, config, err);
	if (rc)
		goto err_free;
	c->curl = curl_easy_init();
	if (!c->curl) {
		rc = errinfo_set(err, -ENOMEM, "out of memory");
		goto err_free;
	}
	*out = c;
	return 0;
err_free:
	httpc_free(c);
	return rc;
}

void httpc_free(struct httpc *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->curl);
	free(c->base);
	free(c->unix_path);
	free(c->pin);
	free(c->auth);
	free(c);
}

static const struct {
	CURLcode code;
	int rc;
} curl_errors[] = {
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED },
	{ CURLE_COULDNT_RESOLVE_HOST, -ECONNREFUSED },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, -EPERM },
	{ CURLE_PEER_FAILED_VERIFICATION, -EPERM },
	{ CURLE_SSL_CACERT_BADFILE, -EPERM },
	{ CURLE_FILESIZE_EXCEEDED, -EFBIG },
	{ CURLE_ABORTED_BY_CALLBACK, -ECANCELED },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM },
};

static int curl_failed(struct httpc *c, CURLcode code, const char *method,
		       const char *path, struct errinfo *err)
{
	int rc = -EIO;

	for (size_t i = 0; i < ARRAY_SIZE(curl_errors); i++)
		if (curl_errors[i].code == code)
			rc = curl_errors[i].rc;
	return errinfo_set(err, rc, "%s %s%.*s: %s", method,
			   c->unix_path ? c->unix_path : c->base,
			   (int)strcspn(path, "?"), path,
			   *c->why ? c->why : curl_easy_strerror(code));
}

/* What every request has in common. */
static void set_common(struct httpc *c, const char *url,
		       struct curl_slist *headers)
{
	CURL *h = c->curl;

	curl_easy_reset(h);
	c->why[0] = '\0';
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->why);
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_SEC);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "nightshift/" NIGHTSHIFT_VERSION);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	if (c->unix_path)
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->unix_path);
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->pin) {
		curl_easy_setopt(h, CURLOPT_PINNEDPUBLICKEY, c->pin);
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static int add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int make_headers(struct httpc *c, const char *const *extra,
			const char *type, struct curl_slist **out)
{
	/* No "Expect": our servers read the body or refuse it, and waiting
	 * for their word costs a round trip. */
	int rc = add_header(out, "Expect:");

	if (!rc && c->auth)
		rc = add_header(out, c->auth);
	if (!rc && type)
		rc = add_header(out, type);
	for (; !rc && extra && *extra; extra++)
		rc = add_header(out, *extra);
	return rc;
}

/* Sets up, performs, cleans up. fn sets what is special about a request. */
int httpc_perform(struct httpc *c, const char *method, const char *path,
		  const char *const *headers, const char *type,
		  void (*fn)(CURL *h, void *arg), void *arg, int *status,
		  struct errinfo *err)
{
	struct curl_slist *list = NULL;
	auto_free char *url = NULL;
	CURLcode code;
	long http = 0;
	int rc = make_headers(c, headers, type, &list);

	if (!rc && asprintf(&url, "%s%s", c->base, path) < 0) {
		url = NULL;
		rc = -ENOMEM;
	}
	if (rc) {
		curl_slist_free_all(list);
		return errinfo_set(err, rc, "out of memory");
	}
	set_common(c, url, list);
	fn(c->curl, arg);
	code = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &http);
	*status = (int)http;
	if (code)
		rc = curl_failed(c, code, method, path, err);
	/* Nothing of this request may stay behind in the handle. */
	curl_easy_reset(c->curl);
	curl_slist_free_all(list);
	return rc;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	return buf_add(b, data, size * n) ? 0 : size * n;
}

struct plain {
	const char *method;
	const void *body;
	size_t len;
	int timeout_sec;
	struct buf *reply;
};

static void setup_plain(CURL *h, void *arg)
{
	const struct plain *p = arg;

	curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)p->timeout_sec);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, p->reply);
	if (!strcmp(p->method, "HEAD")) {
		curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
	} else if (p->body || strcmp(p->method, "GET") != 0) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)p->len);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, p->body ? p->body : "");
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, p->method);
	}
}

static int request(struct httpc *c, const char *method, const char *path,
		   const char *const *headers, const char *type,
		   const void *body, size_t len, size_t max,
		   struct httpc_reply *reply, struct errinfo *err)
{
	struct plain p = { method, body, len, c->timeout_sec, &reply->body };
	int rc;

	*reply = (struct httpc_reply){ .body = BUF_INIT_MAX(max ? max : 1) };
	rc = httpc_perform(c, method, path, headers, type, setup_plain, &p,
			   &reply->status, err);
	if (reply->body.rc == -EFBIG)
		rc = errinfo_set(err, -EFBIG,
				 "%s %s: reply is larger than %zu bytes",
				 method, path, max);
	if (rc)
		buf_dispose(&reply->body);
	return rc;
}

int httpc_request(struct httpc *c, const char *method, const char *path,
		  const char *const *headers, const void *body, size_t len,
		  size_t max, struct httpc_reply *reply, struct errinfo *err)
{
	return request(c, method, path, headers,
		       body ? "Content-Type: application/octet-stream" : NULL,
		       body, len, max, reply, err);
}

static int status_to_rc(int status)
{
	static const struct {
		int status, rc;
	} table[] = {
		{ 400, -EINVAL }, { 401, -EACCES }, { 403, -EACCES },
		{ 404, -ENOENT }, { 409, -ESTALE }, { 413, -EFBIG },
		{ 429, -EAGAIN }, { 503, -EAGAIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].status == status)
			return table[i].rc;
	return -EIO;
}

/* Words a refusal from {"error": ...}, or from the bare status. */
int httpc_refused(const char *method, const char *path, int status,
		  const struct buf *body, struct errinfo *err)
{
	json_t *j = body->len ? json_loadb(body->data, body->len, 0, NULL) : NULL;
	const char *why = json_string_value(json_object_get(j, "error"));
	int rc = status_to_rc(status);

	if (why)
		errinfo_set(err, rc, "%s", why);
	else
		errinfo_set(err, rc, "%s %.*s: HTTP status %d", method,
			    (int)strcspn(path, "?"), path, status);
	json_decref(j);
	return rc;
}

int httpc_json(struct httpc *c, const char *method, const char *path,
	       const json_t *body, json_t **out, struct errinfo *err)
{
	auto_free char *text = NULL;
	struct httpc_reply reply;
	json_error_t why;
	int rc;

	if (out)
		*out = NULL;
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		if (!text)
			return errinfo_set(err, -ENOMEM, "out of memory");
	}
	rc = request(c, method, path, NULL,
		     body ? "Content-Type: application/json" : NULL, text,
		     text ? strlen(text) : 0, JSON_MAX, &reply, err);
	if (rc)
		return rc;
	if (reply.status < 200 || reply.status >= 300)
		rc = httpc_refused(method, path, reply.status, &reply.body, err);
	else if (out && reply.body.len) {
		*out = json_loadb(reply.body.data, reply.body.len,
				  JSON_DECODE_ANY, &why);
		if (!*out)
			rc = errinfo_set(err, -EIO, "%s %s: reply is not JSON",
					 method, path);
	}
	buf_dispose(&reply.body);
	return rc;
}
