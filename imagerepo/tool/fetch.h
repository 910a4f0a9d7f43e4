/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch - reads a repository: a directory or a web server, by libcurl.
 *
 * Nothing that comes from there is believed: documents are bounded in size
 * and handed up as bytes, blobs are known by size and SHA-256 and are not
 * visible before both are right. What was half done stays in TO/partial and is
 * gone on with, also in the next run. A server that fails, stalls, or sends
 * the wrong bytes is asked again a few times, with pauses.
 *
 * One object, one thread.
 */
#ifndef FETCH_H
#define FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "image.h"

#define FETCH_PARALLEL  4
#define FETCH_STALL_SEC 30 /* less than FETCH_SLOW bytes/s for so long */
#define FETCH_SLOW      512L

struct fetch;

struct fetch_config {
	const char *where; /* "http://...", "https://...", or a directory */
	uint64_t rate;     /* of blobs, bytes per second at most; 0: any */
	int stall_sec;     /* 0: FETCH_STALL_SEC */
	int tries;         /* of each blob and document; 0: 5 */
};

int fetch_open(const struct fetch_config *config, struct fetch **out,
	       struct errinfo *err);
void fetch_close(struct fetch *f); /* NULL is fine */
const char *fetch_where(const struct fetch *f);
/* Bytes that came over the wire, headers included, and requests made. */
uint64_t fetch_bytes(const struct fetch *f);
unsigned int fetch_requests(const struct fetch *f);

/* A document of at most max bytes; caller frees. -ENOENT: there is none. */
int fetch_doc(struct fetch *f, const char *path, size_t max, char **doc,
	      size_t *len, struct errinfo *err);

struct fetch_hooks {
	/* A blob is there (rc 0; `took` says that it was not before), or it
	 * could not be had. Non-zero ends all, and is the result. */
	int (*done)(const struct image_blob *b, int rc, int took,
		    const struct errinfo *why, void *arg);
	/* Several times a second; `now`: bytes of unfinished blobs. May be
	 * NULL. Non-zero ends all, and is the result. */
	int (*tick)(uint64_t now, void *arg);
	void *arg;
};

/*
 * Gets blobs into the directory `to` (blobs/HH/HEX64, whole and durable);
 * those that are there in the right size are left alone. With `to` NULL all
 * are read and checked and none is kept.
 */
int fetch_blobs(struct fetch *f, const struct image_blob *blobs, size_t n,
		const char *to, const struct fetch_hooks *hooks,
		struct errinfo *err);

#endif
