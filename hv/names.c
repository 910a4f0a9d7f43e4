/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - words for kinds, states and reasons.
 */
#include "cleanup.h"

#include "hv.h"

static const char *const kinds[] = {
	[HV_KIND_AUTO] = "auto",
	[HV_KIND_PVH] = "pvh",
	[HV_KIND_PV] = "pv",
};

static const char *const states[] = {
	[HV_STATE_PAUSED] = "paused",
	[HV_STATE_RUNNING] = "running",
	[HV_STATE_SHUTDOWN] = "shutdown",
	[HV_STATE_DYING] = "dying",
};

static const char *const reasons[] = {
	[HV_REASON_NONE] = "none",     [HV_REASON_POWEROFF] = "poweroff",
	[HV_REASON_REBOOT] = "reboot", [HV_REASON_SUSPEND] = "suspend",
	[HV_REASON_CRASH] = "crash",   [HV_REASON_DESTROYED] = "destroyed",
};

static const char *word(const char *const *words, size_t n, unsigned int i)
{
	return i < n && words[i] ? words[i] : "unknown";
}

const char *hv_kind_name(enum hv_kind kind)
{
	return word(kinds, ARRAY_SIZE(kinds), kind);
}

const char *hv_state_name(enum hv_state state)
{
	return word(states, ARRAY_SIZE(states), state);
}

const char *hv_reason_name(enum hv_reason reason)
{
	return word(reasons, ARRAY_SIZE(reasons), reason);
}
