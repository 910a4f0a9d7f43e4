/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls - which answer belongs to which question.
 */
#include <string.h>

#include "core.h"
#include "log.h"

uint32_t call_send(struct core *c, enum msg_role role, enum msg_type type,
		   const void *body, const void *tail, size_t tail_len,
		   const int *fds, int n_fds, call_fn fn, void *arg)
{
	struct call *call = NULL;
	uint32_t id;

	for (int i = 0; i < CALLS_MAX && !call; i++)
		if (!c->calls[i].id)
			call = &c->calls[i];
	if (!call)
		return 0;
	id = ++c->last_id ? c->last_id : ++c->last_id;
	if (core_send(c, role, type, id, body, tail, tail_len, fds, n_fds))
		return 0;
	*call = (struct call){ id, role, fn, arg };
	return id;
}

void call_forget(struct core *c, uint32_t id)
{
	for (int i = 0; i < CALLS_MAX; i++)
		if (id && c->calls[i].id == id)
			c->calls[i].id = 0;
}

static int is_last(enum msg_type type)
{
	return type == MSG_NET_DONE || type == MSG_VERIFY_DONE ||
	       type == MSG_BLK_DONE || type == MSG_TUN_DONE ||
	       type == MSG_SCRATCH_DONE || type == MSG_HV_DONE;
}

void calls_dispatch(struct core *c, enum msg_role role, const struct msg *m)
{
	struct call call;

	for (int i = 0; i < CALLS_MAX; i++) {
		call = c->calls[i];
		if (!m->id || call.id != m->id || call.role != role)
			continue;
		if (is_last(m->type))
			c->calls[i].id = 0;
		call.fn(c, call.arg, m);
		return;
	}
	log_debug("%s for a call that is over", msg_type_name(m->type));
}

void calls_fail(struct core *c, enum msg_role role)
{
	struct call call;

	for (int i = 0; i < CALLS_MAX; i++) {
		call = c->calls[i];
		if (!call.id || call.role != role)
			continue;
		c->calls[i].id = 0;
		call.fn(c, call.arg, NULL);
	}
}
