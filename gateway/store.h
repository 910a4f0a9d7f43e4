/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - what outlives the process: STATE/gateway.db, SQLite in WAL mode.
 *
 * It is a cache. A database that is corrupt or of another version is set aside
 * and a new one begun: nodes enrol again by themselves, and their epochs start
 * at the time of day, which is past any epoch given before.
 */
#ifndef STORE_H
#define STORE_H

#include <stddef.h>
#include <stdint.h>

#include "errinfo.h"
#include "node.h"

#define STORE_EVENTS_MAX 10000 /* older ones are dropped */
#define STORE_BOOTS_MAX  64    /* fenced boots remembered a node */

struct store;

/* *set_aside (size PATH_MAX, "" if none) is where a bad database went. */
int store_open(const char *state, struct store **out, char *set_aside,
	       struct errinfo *err);
void store_close(struct store *s); /* NULL is fine */

/* Fills n from its row; 0 also where there is none. */
int store_node_load(struct store *s, struct node *n, struct errinfo *err);
int store_node_save(struct store *s, const struct node *n, struct errinfo *err);

/* A new boot takes over: the older boot (may be "") is remembered as fenced
 * and n saved, both or neither, on the disk when it returns. */
int store_boot_change(struct store *s, const struct node *n,
		      const char *older_boot_id, struct errinfo *err);
/* 1 if that boot of the node was fenced, 0 if not, or negative errno. */
int store_boot_is_fenced(struct store *s, const char *node, const char *boot_id);

int store_event(struct store *s, const char *node, const char *text,
		struct errinfo *err);

/* Named texts. get: *value is NULL where there is none; caller frees. */
int store_get(struct store *s, const char *key, char **value,
	      struct errinfo *err);
int store_set(struct store *s, const char *key, const char *value,
	      struct errinfo *err);

/* For store-node.c. */
struct sqlite3 *store_db(struct store *s);

#endif
