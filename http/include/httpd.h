/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd - a JSON API server on a unix socket: libmicrohttpd inside our poll
 * loop, a table of routes, bounded bodies, long polls.
 *
 * nginx stands in front of it for TLS and for the network. One thread: every
 * handler runs in the loop and must not block. A handler answers at once
 * (httpd_reply_*) or keeps the request (httpd_hold) and answers later, or at
 * its deadline by its own timer.
 */
#ifndef HTTPD_H
#define HTTPD_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "errinfo.h"
#include "loop.h"

#define HTTPD_PARAMS_MAX 4
#define HTTPD_BODY_MAX   (1024UL * 1024) /* default bound of a body */

struct httpd;
struct httpd_req; /* valid until answered, then ours no more */

typedef void (*httpd_fn)(struct httpd_req *r, void *arg);

/* pattern: literal path with '*' for one segment each, e.g. "/v1/jobs/ *
 * /cancel" (without the spaces); a final "**" takes the rest of the path. */
struct httpd_route {
	const char *method; /* NULL ends the table */
	const char *pattern;
	httpd_fn fn;
	size_t body_max; /* 0: HTTPD_BODY_MAX; larger bodies get 413 */
};

/* Listens on a unix socket (mode 0660; a stale one is replaced, a live one is
 * an error). Routes and arg are borrowed. */
int httpd_new(struct loop *l, const char *socket_path,
	      const struct httpd_route *routes, void *arg, struct httpd **out,
	      struct errinfo *err);
/* Held requests get 503, and their gone() is called. Not from a handler. */
void httpd_free(struct httpd *d);

/* Parameters, query and path are percent-decoded. A target with a broken
 * escape, an encoded NUL or '/', or a segment "." or ".." got 400 before any
 * handler ran: a parameter is never a path of more than one segment, except
 * what "**" took. */
const char *httpd_param(const struct httpd_req *r, int i); /* i-th wildcard */
const char *httpd_query(const struct httpd_req *r, const char *key); /* or NULL */
const char *httpd_header(const struct httpd_req *r,
			 const char *name);        /* or NULL */
const char *httpd_path(const struct httpd_req *r); /* without the query */
/* As sent: path and '?query' in canonical order of arrival. */
const char *httpd_target(const struct httpd_req *r);
const char *httpd_method(const struct httpd_req *r);
const void *httpd_body(const struct httpd_req *r, size_t *len);
/* Parses the body as a JSON object; on failure has answered 400 and returns
 * NULL. Borrowed: lives as long as r. */
json_t *httpd_body_json(struct httpd_req *r);

/* Each answers and ends r. Everything is sent with Cache-Control: no-store. */
void httpd_reply_json(struct httpd_req *r, int status, json_t *body); /* steals */
/* body is copied */
void httpd_reply_text(struct httpd_req *r, int status, const char *type,
		      const void *body, size_t len);
/* Streams a file; takes ownership of fd. */
void httpd_reply_fd(struct httpd_req *r, int status, const char *type, int fd,
		    uint64_t size);
void httpd_reply_empty(struct httpd_req *r, int status);
/* {"error": "..."}: the one form of errors in all our APIs. */
void httpd_reply_error(struct httpd_req *r, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Keeps r for a later answer. gone() is called instead of ever answering if
 * the peer goes away first; after it r must not be used. May be NULL. */
void httpd_hold(struct httpd_req *r,
		void (*gone)(struct httpd_req *r, void *arg), void *arg);

#endif
