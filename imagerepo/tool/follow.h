/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow - what a repository says at this moment, as a TUF client takes it;
 * and which of its images are meant.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "fetch.h"
#include "image.h"
#include "tuf.h"

struct follow {
	struct fetch *from;
	const char *root_file; /* trusted root; NULL: the repository's own */
	const void *root;      /* instead: bytes */
	size_t root_len;
	int64_t now_ms;
	struct tuf_floor floor;
	const char *local; /* directory that may have the documents that never
			    * change; NULL: none */
	/* Is told each verified document, in the order in which a reader looks
	 * at them: timestamp.json is among the first. May be NULL. */
	int (*keep)(const char *path, const void *data, size_t len, void *arg,
		    struct errinfo *err);
	void *arg;
};

/* All metadata; free with tuf_client_free(). */
int follow_run(const struct follow *how, struct tuf_client **out,
	       struct errinfo *err);

/* "IMAGE", "IMAGE:CHANNEL", "IMAGE/VERSION", "IMAGE@HEX64" (of the manifest);
 * a line of a list: "IMAGE VERSION HEX64". */
struct wanted {
	char image[IMAGE_NAME];
	char channel[IMAGE_NAME], version[IMAGE_NAME]; /* one, or none, set */
	char sha256[HASH_HEX];
};

int wanted_parse(const char *word, struct wanted *w, struct errinfo *err);
/* All lines of a file, '#' comments; caller frees. All or nothing. */
int wanted_load(const char *file, struct wanted **out, size_t *n,
		struct errinfo *err);
void wanted_text(const struct wanted *w, char out[IMAGE_PATH]);
/* The target that is meant; -ENOENT. */
int wanted_find(const struct wanted *w, const struct tuf_client *c,
		const struct tuf_target **out, struct errinfo *err);
/* Whether "IMAGE/VERSION.json" or "IMAGE/channels/CHANNEL.json"; the parts. */
int target_split(const char *path, char image[IMAGE_NAME],
		 char name[IMAGE_NAME], int *is_channel);

/* Whether two targets are names of one image's manifest. */
int target_same_image(const struct tuf_target *a, const struct tuf_target *b);

/* The manifest behind a target: fetched, checked against it, parsed, and its
 * name compared. *doc may be NULL; caller frees. */
int follow_manifest(struct fetch *f, const struct tuf_target *t, char **doc,
		    size_t *len, struct image_manifest *m, struct errinfo *err);

#endif
