/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys - the commands that deal in keys, root documents and delegations, and
 * what they share.
 */
#ifndef KEYS_H
#define KEYS_H

#include <getopt.h>

#include "meta.h"

#define KEYS_MAINTAINER "maintainer" /* role that init delegates to */

int tool_root_show(int argc, char **argv, void *arg);
int tool_root_edit(int argc, char **argv, void *arg);
int tool_root_sign(int argc, char **argv, void *arg);
int tool_root_publish(int argc, char **argv, void *arg);
int tool_delegate(int argc, char **argv, void *arg);
int tool_undelegate(int argc, char **argv, void *arg);
int tool_refresh(int argc, char **argv, void *arg);

/* ---- options that commands which write metadata have in common ------------- */

struct keys_common {
	const char *repo, *keys_dir, *root;
	struct meta_times times;
	int dry_run, json;

	struct meta_keys keys; /* loaded by keys_open() */
};

/* clang-format off */
#define KEYS_COMMON_INIT { .repo = ".", .times = META_TIMES_INIT }
#define KEYS_COMMON_OPTIONS                                      \
	{ "repo", required_argument, NULL, 'r' },                \
	{ "keys", required_argument, NULL, 'k' },                \
	{ "root", required_argument, NULL, 'R' },                \
	{ "timestamp-expires", required_argument, NULL, 1 },     \
	{ "snapshot-expires", required_argument, NULL, 2 },      \
	{ "targets-expires", required_argument, NULL, 3 },       \
	{ "dry-run", no_argument, NULL, 'n' },                   \
	{ "json", no_argument, NULL, 'j' }
#define KEYS_COMMON_SHORT "r:k:R:nj"
#define KEYS_COMMON_HELP                                                       \
	"  -r, --repo REPO     the repository (default .)\n"                   \
	"  -k, --keys DIR      directory of the keys; each signs what it may\n" \
	"  -R, --root FILE     root document you trust (default the repository's\n" \
	"                      own first one)\n"                               \
	"      --timestamp-expires TIME, --snapshot-expires TIME,\n"           \
	"      --targets-expires TIME\n"                                       \
	"                      how long what is signed now holds (7d, 30d, 180d)\n" \
	"  -n, --dry-run       check everything, write nothing\n"              \
	"  -j, --json          for programs"
/* clang-format on */

/* One of the options above: 0, or an exit status after a message. */
int keys_common_option(struct keys_common *o, int c, const char *arg);
/* Opens the metadata and loads the keys. seed: directory an empty repository
 * begins with, or NULL. */
int keys_common_open(struct keys_common *o, const char *seed, struct meta **m,
		     struct errinfo *err);
int keys_common_commit(struct keys_common *o, struct meta *m,
		       struct errinfo *err);
/* Wipes keys, closes m (may be NULL), prints the error: an exit status. */
int keys_common_end(struct keys_common *o, struct meta *m, int rc,
		    const struct errinfo *err);

/* Are enough of a maintainer's secret keys here? */
int keys_can_sign(const struct meta_keys *keys, const struct tuf_delegation *d);
/* The first metadata of a repository: all images to the maintainer's keys. */
int keys_seed(const char *dir, const char *root_doc,
	      const struct tuf_delegation *maintainer,
	      const struct meta_keys *keys, const struct meta_times *times,
	      int dry_run, struct errinfo *err);

/* A document that nobody has signed yet; caller frees. NULL: out of memory. */
char *keys_unsigned(const json_t *body);

#endif
