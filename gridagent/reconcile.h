/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile - desired against actual, as a pure function: what should be done
 * next for one domU, and how its state is called meanwhile.
 */
#ifndef RECONCILE_H
#define RECONCILE_H

#include <stdint.h>

/* DomU states of docs/protocol.md §3. */
enum domu_state {
	DOMU_PENDING,
	DOMU_FETCHING,
	DOMU_VERIFYING,
	DOMU_STARTING,
	DOMU_RUNNING,
	DOMU_STOPPING,
	DOMU_STOPPED,
	DOMU_REFUSED,
	DOMU_FAILED,
	DOMU_STATES
};

const char *domu_state_name(enum domu_state s);

/* What Xen has. */
enum domu_actual {
	ACTUAL_NONE,
	ACTUAL_RUNNING,
	ACTUAL_STOPPING, /* was asked to power off */
	ACTUAL_DEAD,     /* ended; its remains are still there */
};

/* How far its image is. */
enum image_stage {
	STAGE_NONE,
	STAGE_FETCHING,
	STAGE_VERIFYING,
	STAGE_READY,
	STAGE_REFUSED
};

/* How much of an image is needed. */
enum image_need {
	NEED_NONE,
	NEED_DISK, /* runs: kernel and initrd have done their work */
	NEED_ALL,
};

enum action {
	ACTION_NONE,
	ACTION_FETCH, /* see that the image comes */
	ACTION_CREATE,
	ACTION_SHUTDOWN, /* ask it to power off */
	ACTION_DESTROY,  /* end it, or take its remains away */
	ACTION_FORGET,   /* nothing left of it */
};

struct reconcile_in {
	int desired;   /* the gateway wants it */
	int same;      /* what runs is what is wanted */
	int busy;      /* hv is at work on it */
	int leftovers; /* others that must end still hold memory */
	enum domu_actual actual;
	enum image_stage stage;
	enum domu_state state; /* so far */
	int64_t now, retry_at, stop_at;
};

struct reconcile_out {
	enum action action;
	enum domu_state state;
	enum image_need need;
	int64_t wake_at; /* look again then */
};

struct reconcile_out reconcile(const struct reconcile_in *in);

/* How long a domU that died is left alone: a domU that dies at each start must
 * not keep the PC and the network busy, one that had bad luck must not wait. */
#define RECONCILE_PAUSE_MS 2000   /* doubled with each death in a row, */
#define RECONCILE_TRIES    5      /* so many times; */
#define RECONCILE_REST_MS  900000 /* then this once, and so on */

/* deaths: in a row, 1 or more. */
int64_t reconcile_pause_ms(unsigned int deaths);

#endif
