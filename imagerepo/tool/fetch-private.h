/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FETCH_PRIVATE_H
#define FETCH_PRIVATE_H

#include <curl/curl.h>

#include "fetch.h"

#define FETCH_TRIES    5
#define FETCH_PAUSE_MS 300 /* before the second try; doubles */

struct fetch {
	CURLM *multi;
	CURL *doc; /* keeps its connection */
	char *where, *base;
	int is_dir, stall_sec, tries;
	uint64_t rate, bytes;
	unsigned int requests;
	struct curl_slist *no_cache;
	char why[CURL_ERROR_SIZE];
};

/* What all requests have in common; 0 or -ENOMEM. */
int fetch_setup(struct fetch *f, CURL *h, const char *path, char *why);
/* Counts what a finished request has cost. */
void fetch_count(struct fetch *f, CURL *h);
/* 0 if it brought what was asked for; else -ENOENT, -EIO, ... */
int fetch_result(struct fetch *f, CURL *h, CURLcode code, const char *path,
		 const char *why, struct errinfo *err);
/* Whether asking again may help. */
int fetch_may_retry(int rc);

/* ---- fetch-part.c: files in the directory that blobs go to --------------- */

/* Whether the blob is there in its size. */
int fetch_has(const char *to, const struct image_blob *b);
/* What is there of it, or an empty file; a descriptor or a negative errno. */
int fetch_part_open(const char *to, const struct image_blob *b,
		    struct errinfo *err);
void fetch_part_drop(const char *to, const struct image_blob *b);
/* Makes a part that was checked the blob. */
int fetch_part_publish(const char *to, const struct image_blob *b, int fd,
		       struct errinfo *err);

#endif
