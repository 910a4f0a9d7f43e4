/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handler asks of a request, and how it answers.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd-private.h"

#define JSON_TYPE "application/json"

const char *httpd_param(const struct httpd_req *r, int i)
{
	return i >= 0 && i < HTTPD_PARAMS_MAX ? r->param[i] : NULL;
}

const char *httpd_query(const struct httpd_req *r, const char *key)
{
	for (int i = 0; i < r->queries; i++)
		if (!strcmp(r->query[i].key, key))
			return r->query[i].value;
	return NULL;
}

const char *httpd_header(const struct httpd_req *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

const char *httpd_path(const struct httpd_req *r)
{
	return r->path;
}

const char *httpd_target(const struct httpd_req *r)
{
	return r->target;
}

const char *httpd_method(const struct httpd_req *r)
{
	return r->method;
}

const void *httpd_body(const struct httpd_req *r, size_t *len)
{
	*len = r->body.len;
	return r->body.len ? r->body.data : "";
}

json_t *httpd_body_json(struct httpd_req *r)
{
	json_error_t why;
	size_t len;
	const char *body = httpd_body(r, &len);

	if (r->json)
		return r->json;
	r->json = json_loadb(body, len, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(r->json))
		return r->json;
	if (r->json)
		httpd_reply_error(r, 400, "body is not a JSON object");
	else
		httpd_reply_error(r, 400, "body is not JSON: line %d: %s",
				  why.line, why.text);
	return NULL;
}

/* Takes ownership of the response; a NULL one closes the connection. */
static void reply(struct httpd_req *r, int status, const char *type,
		  struct MHD_Response *response)
{
	assert(r->state == REQ_HANDLING || r->state == REQ_HELD);
	if (response) {
		MHD_add_response_header(response, "Cache-Control", "no-store");
		if (type)
			MHD_add_response_header(response, "Content-Type", type);
		if (status == 405 && *r->allow)
			MHD_add_response_header(response, "Allow", r->allow);
	}
	r->response = response;
	r->status = (unsigned int)status;
	httpd_server_answer(r);
}

void httpd_reply_json(struct httpd_req *r, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
	struct MHD_Response *response = NULL;

	json_decref(body);
	if (text)
		response = MHD_create_response_from_buffer(
			strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(text);
	reply(r, status, JSON_TYPE, response);
}

void httpd_reply_text(struct httpd_req *r, int status, const char *type,
		      const void *body, size_t len)
{
	/* MHD copies; its prototype only lacks the const. */
	reply(r, status, type,
	      MHD_create_response_from_buffer(len, len ? (void *)body : NULL,
					      MHD_RESPMEM_MUST_COPY));
}

void httpd_reply_fd(struct httpd_req *r, int status, const char *type, int fd,
		    uint64_t size)
{
	struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);

	if (!response)
		close(fd);
	reply(r, status, type, response);
}

void httpd_reply_empty(struct httpd_req *r, int status)
{
	httpd_reply_text(r, status, NULL, NULL, 0);
}

void httpd_reply_error(struct httpd_req *r, int status, const char *fmt, ...)
{
	char text[ERRINFO_MAX];
	json_t *body;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A cut or foreign text may not be UTF-8; an error must not get lost. */
	body = json_pack("{s:s}", "error", text);
	if (!body) {
		for (char *p = text; *p; p++)
			if (*p & 0x80)
				*p = '?';
		body = json_pack("{s:s}", "error", text);
	}
	httpd_reply_json(r, status, body);
}
