/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf-attack - every attack that TUF names, and what else its conformance suite
 * asks of a client, each as one case: a repository that was right is made
 * wrong, and the client must say how.
 */
#ifndef TUF_ATTACK_H
#define TUF_ATTACK_H

#include "tuf-sim.h"

#define TS "metadata/timestamp.json"

struct attack {
	const char *name; /* NULL ends a table */
	void (*prepare)(struct sim *s, struct tuf_how *how);
	int rc;
	const char *last; /* what was asked for last; NULL: any */
	const char *says; /* part of the error's text; NULL: any */
};

extern const struct attack attacks_bytes[], attacks_time[], attacks_keys[];

#endif
