/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc_h2 - HTTP/2 with prior knowledge on http:// (h2c), as libcurl 7.88 can
 * do it. There a request that knows that the server speaks HTTP/2 fails on a
 * connection that exists ("Error in the HTTP2 framing layer"), and one that
 * would negotiate it shares the connection. So the former is for new
 * connections only. Whether there still is one that works is a guess; a wrong
 * one costs one request, which its caller has to make again.
 *
 * One for all requests that share connections. Starts as zeros.
 */
#ifndef HTTPC_H2_H
#define HTTPC_H2_H

#include <stdint.h>

#include <curl/curl.h>

struct httpc_h2 {
	int64_t known_ms; /* boot clock: a connection worked; 0: none is known */
};

/* Before the request begins. */
CURLcode httpc_h2_set(const struct httpc_h2 *h, CURL *easy);
/* After each request, whoever's fault its end was. */
void httpc_h2_ended(struct httpc_h2 *h, CURLcode result);

#endif
