/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf-sim - a repository in memory that can be made to lie, for tests of the
 * client.
 */
#ifndef TUF_SIM_H
#define TUF_SIM_H

#include "tuf.h"

#define SIM_NOW   INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */
#define SIM_DAY   INT64_C(86400000)
#define SIM_FILES 128
#define SIM_KEYS  4
#define SIM_SAYS  "a manifest\n"

enum sim_role {
	SIM_ROOT,
	SIM_TIMESTAMP,
	SIM_SNAPSHOT,
	SIM_TARGETS,
	SIM_MAINT, /* "alice": image batch */
	SIM_ROLES
};

struct sim_file {
	char path[TUF_PATH];
	char *data;
	size_t len;
};

struct sim {
	struct trust_key key[SIM_ROLES][SIM_KEYS], stranger;
	size_t n_keys[SIM_ROLES]; /* in force: the first of key[] */
	size_t n_sign[SIM_ROLES]; /* that sign */
	int threshold[SIM_ROLES], version[SIM_ROLES], claim[SIM_ROLES];
	int hidden[SIM_ROLES]; /* not listed in the snapshot */
	int64_t expires[SIM_ROLES];
	int hashes; /* lengths and digests in snapshot and timestamp */
	void (*edit[SIM_ROLES])(json_t *body);
	struct sim_file file[SIM_FILES];
	size_t n_files;
	/* of the last run */
	char last[TUF_PATH];
	int requests;
	struct errinfo err;
	struct tuf_floor floor;
	char role[TUF_NAME];
};

void sim_init(struct sim *s); /* root 1, everything else 1, one target */
void sim_dispose(struct sim *s);

const char *sim_role_name(enum sim_role r);
void sim_put(struct sim *s, const char *path, const void *data, size_t len);
struct sim_file *sim_get(struct sim *s, const char *path);
/* Metadata of a role at its present version. */
struct sim_file *sim_doc(struct sim *s, enum sim_role r);

/* Signs and stores a role as it is now. */
void sim_write(struct sim *s, enum sim_role r);
/* All but root: alice, targets, snapshot, timestamp; with new numbers. */
void sim_publish(struct sim *s);
void sim_bump(struct sim *s);
/* The next root; signed by `old` keys of the former one as well. */
void sim_next_root(struct sim *s);
/* Replaces all keys of a role by one new one. */
void sim_rotate(struct sim *s, enum sim_role r);

/* A client from 1.root.json on; how->root is set if it is NULL. */
int sim_run(struct sim *s, struct tuf_how *how);

#endif
