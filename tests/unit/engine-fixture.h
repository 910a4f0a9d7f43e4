/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine-fixture - the embedded engine as a library: a directory of its own,
 * and our clock.
 */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include "engine.h"

extern char dir[64];
extern int64_t now; /* what the engine takes for the time, ms */
extern struct engine *e;
extern struct errinfo err;

#define CMD "\"command\":[\"run\",\"{index}\"]"

/* One test with an engine of its own. */
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int setup(void **state);
int teardown(void **state);
void reopen(void);

/* What a worker holds: copied out of the task document. */
struct held {
	char lease[ENGINE_LEASE_HEX];
	int64_t job, index, attempt;
};

int64_t submit(const char *spec); /* the job's id or an error */
int lease_as(const char *workspace, int64_t memory, struct held *h);
int lease(struct held *h); /* 0: nothing to do */
int result(const struct held *h, int exit_status, const char *output);
int output(const struct held *h, uint64_t offset, const char *text);
int renew(const struct held *h, int *cancel);
void expire_after(int64_t ms);
int64_t job_int(int64_t id, const char *name);
void check_state(int64_t id, const char *state);

#endif
