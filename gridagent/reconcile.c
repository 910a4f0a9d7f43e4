/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile - see reconcile.h. No side effects, no clock of its own.
 */
#include "reconcile.h"

static const char *const names[DOMU_STATES] = {
	[DOMU_PENDING] = "pending",     [DOMU_FETCHING] = "fetching",
	[DOMU_VERIFYING] = "verifying", [DOMU_STARTING] = "starting",
	[DOMU_RUNNING] = "running",     [DOMU_STOPPING] = "stopping",
	[DOMU_STOPPED] = "stopped",     [DOMU_REFUSED] = "refused",
	[DOMU_FAILED] = "failed",
};

const char *domu_state_name(enum domu_state s)
{
	return names[s];
}

/* Nothing runs and it is wanted: by how far its image is. */
static const struct {
	enum action action;
	enum domu_state state;
} by_stage[] = {
	[STAGE_NONE] = { ACTION_FETCH, DOMU_PENDING },
	[STAGE_FETCHING] = { ACTION_FETCH, DOMU_FETCHING },
	[STAGE_VERIFYING] = { ACTION_FETCH, DOMU_VERIFYING },
	[STAGE_READY] = { ACTION_CREATE, DOMU_STARTING },
	[STAGE_REFUSED] = { ACTION_FETCH, DOMU_REFUSED },
};

static struct reconcile_out absent(const struct reconcile_in *in)
{
	struct reconcile_out out = { .wake_at = INT64_MAX };

	if (!in->desired) {
		out.action = ACTION_FORGET;
		out.state = DOMU_STOPPED;
		return out;
	}
	out.need = NEED_ALL;
	if (in->now < in->retry_at) {
		/* stopped or failed, and says so until its next try */
		out.state = in->state;
		out.need = NEED_DISK;
		out.wake_at = in->retry_at;
		return out;
	}
	out.action = by_stage[in->stage].action;
	out.state = by_stage[in->stage].state;
	if (out.action == ACTION_CREATE && in->leftovers) {
		out.action = ACTION_NONE;
		out.state = DOMU_PENDING;
	}
	return out;
}

int64_t reconcile_pause_ms(unsigned int deaths)
{
	unsigned int round = (deaths - 1) % (RECONCILE_TRIES + 1);

	return round == RECONCILE_TRIES ? RECONCILE_REST_MS
					: RECONCILE_PAUSE_MS << round;
}

struct reconcile_out reconcile(const struct reconcile_in *in)
{
	struct reconcile_out out = { .state = in->state,
				     .need = in->desired ? NEED_ALL : NEED_NONE,
				     .wake_at = INT64_MAX };

	if (in->busy) {
		if (in->desired && in->actual != ACTUAL_NONE)
			out.need = NEED_DISK;
		return out;
	}
	switch (in->actual) {
	case ACTUAL_NONE:
		return absent(in);
	case ACTUAL_DEAD:
		out.need = in->desired ? NEED_DISK : NEED_NONE;
		out.action = ACTION_DESTROY;
		return out;
	case ACTUAL_RUNNING:
		out.need = in->desired ? NEED_DISK : NEED_NONE;
		out.state = DOMU_RUNNING;
		if (in->desired && in->same)
			return out;
		out.action = ACTION_SHUTDOWN;
		out.state = DOMU_STOPPING;
		return out;
	case ACTUAL_STOPPING:
		out.state = DOMU_STOPPING;
		if (in->now >= in->stop_at)
			out.action = ACTION_DESTROY;
		else
			out.wake_at = in->stop_at;
		return out;
	}
	return out;
}
