/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of httpc share: client.c asks, transfer.c moves files. */
#ifndef HTTPC_PRIVATE_H
#define HTTPC_PRIVATE_H

#include <curl/curl.h>

#include "httpc.h"

struct httpc {
	CURL *curl;
	char *base;      /* "https://host:port", no final '/' */
	char *unix_path; /* or NULL */
	char *pin;
	char *auth; /* "Authorization: Bearer ...", or NULL */
	int timeout_sec;
	char why[CURL_ERROR_SIZE];
};

/* Sets up, performs, cleans up. fn sets what is special about a request. */
int httpc_perform(struct httpc *c, const char *method, const char *path,
		  const char *const *headers, const char *type,
		  void (*fn)(CURL *h, void *arg), void *arg, int *status,
		  struct errinfo *err);
/* Words a refusal from {"error": ...}, or from the bare status. */
int httpc_refused(const char *method, const char *path, int status,
		  const struct buf *body, struct errinfo *err);

#endif
