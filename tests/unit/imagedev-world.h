/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imagedev with a source of our own, which can lie in all ways, for tests: what
 * comes out is right or does not come out. One at a time.
 */
#ifndef IMAGEDEV_WORLD_H
#define IMAGEDEV_WORLD_H

#include "imagedev-fixture.h"

#define SIZE    (6u << 20) /* of the image */
#define PENDING 64
#define READS   32

enum lie {
	HONEST,
	SHORT,     /* half of it */
	FLIP,      /* one bit */
	MORE,      /* bytes beyond the end */
	NOTHING,   /* an error at once */
	ABSENT,    /* 404 */
	ELSEWHERE, /* another place of the blob */
};

struct asked {
	uint64_t id, offset, len;
	enum imagedev_priority priority;
	char sha256[HASH_HEX];
	int live;
};

struct world {
	struct loop *loop;
	struct loop_timer *answer, *alarm;
	struct imagedev *dev;
	struct asked asked[PENDING];
	int n_asked, total, cancelled, max_slots;
	enum lie lie;
	int lies;   /* so many, then honest; -1: always */
	int silent; /* answers nothing */
	int done, todo, bad_rc;
};

extern struct fixture image;
extern struct world world;

/* For a group of tests: the image. */
int world_setup(void **state);
int world_teardown(void **state);

/* Opens a device of the image, with world all zeros before. */
int try_open(const struct imagedev_config *config);
void open_with(const struct imagedev_config *config);
void open_plainly(int with_bundle, int threads);
void shut(void);

/* The source gives what was asked for up to now. */
void answer(void *arg);

/* Called when a read is done: counts it and its failures. */
void read_done(void *arg, int rc);
/* Until n reads are done; 0, or not in time: -1. */
int wait_for(int n);
void run_for(int ms);

/* Reads, waits, and compares with the image. */
void read_and_check(uint64_t offset, uint32_t len);
void read_all(uint32_t step);
/* Where the first block lies that is no hole. */
uint64_t first_data(void);

#endif
