/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - the matrix: everybody to everybody, by everything, and what must come
 * of it.
 */
#ifndef PROBE_H
#define PROBE_H

#include "bench.h"
#include "space.h"

enum who {
	WHO_DOMU,   /* pc1's, root in it is the attacker */
	WHO_DOMU2,  /* pc2's */
	WHO_NETDOM, /* pc1's address and MAC */
	WHO_DOM0,   /* pc1, with a MAC and an address that nobody gave it */
	WHO_PC2,    /* the second PC's netdom */
	WHO_OFFICE, /* a host of the segment that is no node */
	WHO_GATEWAY,
	WHO_CENTRAL,
	WHO_INTERNET,
	WHOS
};

enum expect {
	EXPECT_NOTHING,
	EXPECT_ARRIVAL,
};

struct probe {
	const char *kind;  /* "tcp 443", "arp request" ... */
	const char *spoof; /* whose address it claims, or NULL */
	enum who from, to;
	enum bench_port by; /* where it is put in */
	struct wire_spec spec;
	int split;           /* sent as two fragments */
	enum space_ct state; /* as connection tracking will see it */
	enum expect expect;  /* by the contract, not by the rules */
	const char *why;     /* the contract's line for an arrival */
	/* The kernel itself stops it, whatever the rules say. */
	const char *kernel;
	/* Filled by running it. */
	int number;
	int arrived, answered;
	int modelled; /* the model lets it pass; -1: not its affair */
};

struct matrix {
	struct probe p[WIRE_PROBES_MAX];
	size_t n;
};

/* All of them; the same each time. */
void probe_all(struct matrix *m);
/* Parts: one more, TCP from here to there; whether the contract lets it pass;
 * whether the gateway is between the two; frames.c. */
struct probe *probe_add(struct matrix *m, enum who from, enum who to,
			const char *kind);
void probe_promise(struct probe *p);
int probe_meet(enum who from, enum who to);
void probe_frames(struct matrix *m);
const char *probe_who(enum who w);
enum bench_port probe_at(enum who w);
/* The policy that they are meant for. */
extern const char probe_policy[];

/* point.c: the packet as the model sees it. */
struct space_point probe_point(const struct probe *p);

/* run.c: sends all of them, fills in what came of each, until nothing came for
 * quiet_ms. Frames that belong to no probe and should not be there are told to
 * stray. */
typedef void (*stray_fn)(enum bench_port port, const struct wire_heard *h,
			 void *arg);
void probe_run(struct matrix *m, int quiet_ms, stray_fn stray, void *arg);

#endif
