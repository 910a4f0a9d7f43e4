/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired against actual, as a table of cases; then played through to see that
 * every start ends where it should.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "reconcile.h"

#define NOW 1000

static const struct {
	const char *what;
	struct reconcile_in in;
	enum action action;
	enum domu_state state;
	enum image_need need;
	int64_t wake_at;
} cases[] = {
	{ "wanted, nothing there",
	  { .desired = 1, .actual = ACTUAL_NONE, .stage = STAGE_NONE },
	  ACTION_FETCH,
	  DOMU_PENDING,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted, image on its way",
	  { .desired = 1, .stage = STAGE_FETCHING, .state = DOMU_PENDING },
	  ACTION_FETCH,
	  DOMU_FETCHING,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted, image being checked",
	  { .desired = 1, .stage = STAGE_VERIFYING },
	  ACTION_FETCH,
	  DOMU_VERIFYING,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted, image there",
	  { .desired = 1, .stage = STAGE_READY },
	  ACTION_CREATE,
	  DOMU_STARTING,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted, image there, but another one has still to end",
	  { .desired = 1, .stage = STAGE_READY, .leftovers = 1 },
	  ACTION_NONE,
	  DOMU_PENDING,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted, image refused",
	  { .desired = 1, .stage = STAGE_REFUSED },
	  ACTION_FETCH,
	  DOMU_REFUSED,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted, died a moment ago",
	  { .desired = 1,
	    .stage = STAGE_READY,
	    .state = DOMU_FAILED,
	    .retry_at = NOW + 5 },
	  ACTION_NONE,
	  DOMU_FAILED,
	  NEED_DISK,
	  NOW + 5 },
	{ "wanted, died a while ago",
	  { .desired = 1, .stage = STAGE_READY, .state = DOMU_FAILED, .retry_at = NOW },
	  ACTION_CREATE,
	  DOMU_STARTING,
	  NEED_ALL,
	  INT64_MAX },
	{ "hv is at work",
	  { .desired = 1, .busy = 1, .stage = STAGE_READY, .state = DOMU_STARTING },
	  ACTION_NONE,
	  DOMU_STARTING,
	  NEED_ALL,
	  INT64_MAX },
	{ "wanted and running",
	  { .desired = 1, .same = 1, .actual = ACTUAL_RUNNING, .stage = STAGE_READY },
	  ACTION_NONE,
	  DOMU_RUNNING,
	  NEED_DISK,
	  INT64_MAX },
	{ "adopted: running, no image of ours",
	  { .desired = 1, .same = 1, .actual = ACTUAL_RUNNING },
	  ACTION_NONE,
	  DOMU_RUNNING,
	  NEED_DISK,
	  INT64_MAX },
	{ "another one is wanted",
	  { .desired = 1, .actual = ACTUAL_RUNNING, .state = DOMU_RUNNING },
	  ACTION_SHUTDOWN,
	  DOMU_STOPPING,
	  NEED_DISK,
	  INT64_MAX },
	{ "no longer wanted",
	  { .same = 1, .actual = ACTUAL_RUNNING, .state = DOMU_RUNNING },
	  ACTION_SHUTDOWN,
	  DOMU_STOPPING,
	  NEED_NONE,
	  INT64_MAX },
	{ "asked to power off",
	  { .actual = ACTUAL_STOPPING, .stop_at = NOW + 9 },
	  ACTION_NONE,
	  DOMU_STOPPING,
	  NEED_NONE,
	  NOW + 9 },
	{ "does not listen",
	  { .actual = ACTUAL_STOPPING, .stop_at = NOW },
	  ACTION_DESTROY,
	  DOMU_STOPPING,
	  NEED_NONE,
	  INT64_MAX },
	{ "wanted again while it stops: it stops first",
	  { .desired = 1, .same = 1, .actual = ACTUAL_STOPPING, .stop_at = NOW + 9 },
	  ACTION_NONE,
	  DOMU_STOPPING,
	  NEED_ALL,
	  NOW + 9 },
	{ "dead, remains are there",
	  { .desired = 1, .same = 1, .actual = ACTUAL_DEAD, .state = DOMU_FAILED },
	  ACTION_DESTROY,
	  DOMU_FAILED,
	  NEED_DISK,
	  INT64_MAX },
	{ "dead and not wanted",
	  { .actual = ACTUAL_DEAD, .state = DOMU_STOPPED },
	  ACTION_DESTROY,
	  DOMU_STOPPED,
	  NEED_NONE,
	  INT64_MAX },
	{ "nothing, and nothing wanted",
	  { .state = DOMU_STOPPING },
	  ACTION_FORGET,
	  DOMU_STOPPED,
	  NEED_NONE,
	  INT64_MAX },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reconcile_in in = cases[i].in;
		struct reconcile_out out;

		in.now = NOW;
		out = reconcile(&in);
		if (out.action != cases[i].action || out.state != cases[i].state ||
		    out.need != cases[i].need || out.wake_at != cases[i].wake_at)
			fail_msg("%s: action %d, state %s, need %d",
				 cases[i].what, out.action,
				 domu_state_name(out.state), out.need);
	}
}

/* A world in which every action succeeds at once. */
static void play(struct reconcile_in *in, const struct reconcile_out *out)
{
	in->state = out->state;
	in->now = out->wake_at != INT64_MAX ? out->wake_at : in->now + 1;
	switch (out->action) {
	case ACTION_FETCH:
		if (in->stage < STAGE_READY)
			in->stage++;
		break;
	case ACTION_CREATE:
		in->actual = ACTUAL_RUNNING;
		in->same = 1;
		break;
	case ACTION_SHUTDOWN:
		in->actual = ACTUAL_STOPPING;
		in->stop_at = in->now + 30;
		break;
	case ACTION_DESTROY:
		in->actual = ACTUAL_NONE;
		break;
	default:
		break;
	}
}

/* From wherever it starts: what is wanted runs, what is not is gone. */
static void test_every_start_converges(void **state)
{
	(void)state;
	for (int bits = 0; bits < 2 * 2 * 4 * 4; bits++) {
		struct reconcile_in in = {
			.desired = bits & 1,
			.same = bits >> 1 & 1,
			.actual = bits >> 2 & 3,
			.stage = bits >> 4 & 3,
			.now = NOW,
			.retry_at = NOW + 3,
			.stop_at = NOW + 7,
		};
		struct reconcile_out out = { 0 };

		for (int i = 0; i < 20; i++) {
			out = reconcile(&in);
			play(&in, &out);
		}
		if (in.desired)
			assert_int_equal(out.state, DOMU_RUNNING);
		else
			assert_int_equal(out.action, ACTION_FORGET);
	}
}

static void test_pauses_after_deaths(void **state)
{
	static const int sec[] = { 2, 4, 8, 16, 32, 900, 2, 4, 8, 16, 32, 900 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(sec); i++)
		assert_int_equal(reconcile_pause_ms(i + 1), sec[i] * 1000);
	assert_true(reconcile_pause_ms(UINT_MAX) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_every_start_converges),
		cmocka_unit_test(test_pauses_after_deaths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
