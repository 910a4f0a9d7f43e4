/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_curl - a source of imagedev over HTTP by libcurl: one connection,
 * HTTP/2 where the server speaks it, ranges of immutable blobs.
 */
#ifndef SOURCE_CURL_H
#define SOURCE_CURL_H

#include "imagedev.h"

struct imagedev_curl;

struct imagedev_curl_config {
	const char *base;  /* URL of the repository, without '/' at its end */
	int h2;            /* HTTP/2 with prior knowledge (h2c) on http:// */
	int parallel;      /* requests at once; 0: 8 */
	int low_speed_sec; /* give a request up after that; 0: 20 */
};

int imagedev_curl_new(struct loop *loop,
		      const struct imagedev_curl_config *config,
		      struct imagedev_curl **out, struct errinfo *err);
void imagedev_curl_free(struct imagedev_curl *c);
/* Fills *source for imagedev_open(); imagedev_curl_bind() says to whom the
 * answers go. */
void imagedev_curl_source(struct imagedev_curl *c,
			  struct imagedev_source *source);
void imagedev_curl_bind(struct imagedev_curl *c, struct imagedev *dev);

#endif
