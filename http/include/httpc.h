/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc - blocking HTTP requests by libcurl: https with a pinned public key,
 * http, or a unix socket. One object, one thread; connections are kept.
 */
#ifndef HTTPC_H
#define HTTPC_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "errinfo.h"

struct httpc_config {
	/* "https://host[:port]", "http://...", or "unix:/path/to/socket" */
	const char *url;
	const char *pin;   /* "sha256//BASE64" of the SPKI, or NULL; with
			    * a pin the certificate's name and issuer do
			    * not matter, without one both must verify */
	const char *token; /* sent as "Authorization: Bearer", or NULL */
	int timeout_sec;   /* of a whole request; 0: 30 */
};

struct httpc;

struct httpc_reply {
	int status; /* HTTP status */
	struct buf body;
};

/* Strings are copied. */
int httpc_new(const struct httpc_config *config, struct httpc **out,
	      struct errinfo *err);
void httpc_free(struct httpc *c);

/*
 * One request. headers: NULL or NULL-terminated "Name: value" lines. The
 * reply's body is bounded by max. Fails (-ECONNREFUSED, -ETIMEDOUT, -EPERM: pin
 * does not match, -EFBIG, -EIO) only where there was no whole reply; an HTTP
 * status is no failure. reply->body is the caller's (buf_dispose).
 */
int httpc_request(struct httpc *c, const char *method, const char *path,
		  const char *const *headers, const void *body, size_t len,
		  size_t max, struct httpc_reply *reply, struct errinfo *err);

/*
 * JSON both ways; a status of 400 and more is a failure worded from the
 * reply's {"error": ...}: -ENOENT 404, -EACCES 401/403, -ESTALE 409, -EINVAL
 * 400, -EFBIG 413, -EAGAIN 429/503, -EIO others. *out (NULL after 204) is the
 * caller's; out may be NULL. body is borrowed and may be NULL.
 */
int httpc_json(struct httpc *c, const char *method, const char *path,
	       const json_t *body, json_t **out, struct errinfo *err);

/* GET into fd / PUT from fd, with progress (may be NULL): return non-zero from
 * it to abort with -ECANCELED. */
typedef int (*httpc_progress_fn)(uint64_t done, uint64_t total, void *arg);
int httpc_get_fd(struct httpc *c, const char *path, int fd, uint64_t max,
		 httpc_progress_fn fn, void *arg, struct errinfo *err);
int httpc_put_fd(struct httpc *c, const char *path, int fd, uint64_t size,
		 httpc_progress_fn fn, void *arg, struct errinfo *err);

#endif
