/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep - metadata that newer metadata has taken the place of.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <jansson.h>

#include "repo.h"

/* The body of a role's metadata that is in force; NULL: there is none. */
typedef const json_t *(*sweep_body_fn)(const void *of, const char *role);

/* Deletes metadata/N.ROLE.json that is older than the one in force, and than
 * grace_sec. Root documents stay: whoever has an old one goes on from there. */
int sweep_metadata(struct imagerepo_repo *r, sweep_body_fn body, const void *of,
		   uint64_t grace_sec, int dry_run,
		   struct imagerepo_gc_stats *stats, struct errinfo *err);

#endif
