/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view - a repository to look at: verified metadata, and what it names.
 */
#ifndef VIEW_H
#define VIEW_H

#include "follow.h"

struct view_how {
	const char *repo, *url; /* one of them */
	const char *root_file;  /* NULL: the repository's own */
	int64_t at_ms;          /* 0: now */
};

struct view {
	struct fetch *from;
	struct tuf_client *c;
	int64_t now_ms;
};

/* Options that all who look have in common; view_option() returns 1 for one of
 * another kind, else 0 or an exit status. */
/* clang-format off */
#define VIEW_OPTIONS                               \
	{ "repo", required_argument, NULL, 'r' },  \
	{ "url", required_argument, NULL, 'u' },   \
	{ "root", required_argument, NULL, 'R' },  \
	{ "at", required_argument, NULL, 'A' }
#define VIEW_SHORT "r:u:R:"
/* clang-format on */
int view_option(struct view_how *how, int c, const char *arg);
/* Default: the current directory. CMD_EXIT_USAGE if both were given. */
int view_defaults(struct view_how *how);

int view_open(const struct view_how *how, struct view *v, struct errinfo *err);
void view_close(struct view *v);

/* A target's channel fields or revocation in its custom member; NULL. */
const char *view_custom(const struct tuf_target *t, const char *member);

#endif
