/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue - the versions and channels that a repository's metadata names,
 * read by a TUF client in a directory. Knows nothing of workspaces.
 */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include <stdint.h>

#include "errinfo.h"
#include "hash.h"
#include "parse.h"
#include "tuf.h"

/* A version, or a revoked one: then of its manifest only name and digest. */
struct catalogue_version {
	char image[PARSE_NAME_MAX + 1], version[PARSE_NAME_MAX + 1];
	char sha256[HASH_HEX];
	uint64_t size;
	int64_t created_ms;
	int revoked;
	char error[ERRINFO_MAX];
};

struct catalogue_channel {
	char image[PARSE_NAME_MAX + 1], channel[PARSE_NAME_MAX + 1];
	char sha256[HASH_HEX];
};

struct catalogue {
	struct catalogue_version *versions;
	struct catalogue_channel *channels;
	size_t n_versions, n_channels;
	int64_t expires_ms;
};

/* What a reader remembers from one reading to the next. */
struct catalogue_memory {
	char *root; /* the root document in force */
	size_t root_len;
	struct tuf_floor floor;
};

/* Reads all of the metadata and manifests, verified; *out, which holds an older
 * catalogue or zeros, is replaced on success only. What is wrong with one image
 * is in its `error`. */
int catalogue_read(const char *repository, struct catalogue_memory *memory,
		   int64_t now_ms, struct catalogue *out, struct errinfo *err);
void catalogue_dispose(struct catalogue *f);

#endif
