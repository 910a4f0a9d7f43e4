/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files meta*.c share and nobody else sees.
 */
#ifndef META_PRIVATE_H
#define META_PRIVATE_H

#include "meta.h"

/* One metadata file; beside root. */
struct meta_part {
	char name[TUF_NAME];
	json_t *body;
	int version; /* in force; 0: never signed yet */
	int changed;
	int new_version; /* of doc */
	char *doc;       /* signed anew, by commit */
};

struct meta {
	char *repo;
	char *from; /* directory that was read: repo, or the seed */
	int lock_fd;
	int empty; /* repo has no metadata yet */
	char *root_doc, *next_doc;
	size_t root_len, next_len;
	struct trust_root *root, *next; /* in force; the one to come, or NULL */
	json_t *root_body;
	/* timestamp, snapshot, targets, maintainers */
	struct meta_part part[3 + TUF_ROLES_MAX];
	size_t n_parts;
};

enum { META_PART_TIMESTAMP, META_PART_SNAPSHOT, META_PART_TARGETS };

struct meta_part *meta_part(struct meta *m, const char *role);
/* body: copied; NULL: the role begins. -EFBIG, -ENOMEM. */
int meta_part_add(struct meta *m, const char *name, const json_t *body);
/* DIR/metadata/N.ROLE.json, or timestamp.json; caller frees. */
char *meta_path(const char *dir, int version, const char *role);
/* Lowest N of DIR/metadata/N.root.json; 0: there is none. */
int meta_first_root(const char *dir);

/*
 * Runs a client over files of m->from; a file that commit has made in memory
 * comes first. Expiry is not judged. Caller frees with tuf_client_free().
 */
int meta_client(const struct meta *m, const void *root, size_t len,
		struct tuf_client **out, struct errinfo *err);

#endif
