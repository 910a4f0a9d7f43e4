/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change - what the commands have in common that sign something: the
 * repository and its metadata, locked against other writers, and the keys.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include "image.h"
#include "meta.h"
#include "repo.h"

struct change {
	const char *repo, *keys_dir, *root_file;
	int dry_run, quiet;
	struct meta_times times;

	struct meta_keys keys;
	struct meta *m;
	struct imagerepo_repo *r; /* NULL: dry run, and none is there */
	int64_t now_ms;
	int changed;
};

/* Options that all who sign have in common; change_option() returns 1 for one
 * of another kind, else 0 or an exit status. */
/* clang-format off */
#define CHANGE_INIT { .times = META_TIMES_INIT }
#define CHANGE_OPTIONS                                     \
	{ "repo", required_argument, NULL, 'r' },          \
	{ "keys", required_argument, NULL, 'k' },          \
	{ "root", required_argument, NULL, 'R' },          \
	{ "timestamp-expires", required_argument, NULL, 1 }, \
	{ "snapshot-expires", required_argument, NULL, 2 },  \
	{ "targets-expires", required_argument, NULL, 3 },   \
	{ "dry-run", no_argument, NULL, 'n' },             \
	{ "quiet", no_argument, NULL, 'q' }
#define CHANGE_SHORT "r:k:R:nq"
/* clang-format on */
int change_option(struct change *c, int opt, const char *arg);
/* CMD_EXIT_USAGE where --repo or --keys is missing. */
int change_check(const struct change *c);

int change_open(struct change *c, struct errinfo *err);
void change_close(struct change *c);
/* Signs anew what is past half of its time, then commits all. */
int change_commit(struct change *c, struct errinfo *err);

/* What is signed of a target. -ENOENT. */
struct change_target {
	char path[IMAGE_PATH], file[IMAGE_PATH], sha256[HASH_HEX];
	uint64_t length;
	const json_t *custom; /* borrowed, may be NULL */
};
int change_find(const struct change *c, const char *role, const char *path,
		struct change_target *out, struct errinfo *err);
/* Reads and checks its manifest; *doc: caller frees, may be NULL. */
int change_manifest(const struct change *c, const struct change_target *t,
		    struct image_manifest *m, char **doc, struct errinfo *err);
/* Points a channel at a manifest and notes where it was; nothing is changed
 * where it points there already (*moved = 0). */
int change_channel(struct change *c, const char *role, const char *image,
		   const char *channel, const struct image_manifest *m,
		   const char *doc, int *moved, struct errinfo *err);
/* Calls fn for each target of each role; non-zero ends it. */
typedef int (*change_fn)(const char *role, const struct change_target *t,
			 void *arg);
int change_each(const struct change *c, change_fn fn, void *arg);
/* All that the metadata names, for gc and fsck; caller frees. */
int change_keep(const struct change *c, struct imagerepo_keep **out, size_t *n,
		struct errinfo *err);

#endif
