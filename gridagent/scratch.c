/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch - the owner's partition and the closing of modules, as main sees to
 * them.
 *
 *	UNKNOWN --nothing lent--> NONE
 *	   |                                 +--a domU waits--> OPEN
 *	   +--> DRIVERS --loaded--> READY <--+                    |
 *	   |       |                  ^--its domU has ended-------+
 *	   +-------+--> REFUSED <-----+
 *
 * In all states but the first two no module can be loaded any more, and only
 * then may a domU start. The key is a domU's: the next one gets another. What
 * the owner lends at this boot's first lease counts for the boot; taken back
 * in mid-boot it is gone at once, anything else waits for the next boot.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "log.h"

#define BUSY_MS   500   /* until a backend has let go of the device */
#define ANSWER_MS 90000 /* of a disk that may have to spin up */
#define TRIES     4     /* of the driver set, where the gateway lacks it */

static const char *const names[] = {
	[SCRATCH_UNKNOWN] = "unknown", [SCRATCH_DRIVERS] = "drivers",
	[SCRATCH_NONE] = "none",       [SCRATCH_REFUSED] = "refused",
	[SCRATCH_READY] = "ready",     [SCRATCH_OPEN] = "used",
};

const char *scratch_state_name(const struct scratch *s)
{
	return names[s->state];
}

static void set_state(struct core *c, enum scratch_state state)
{
	struct scratch *s = &c->scratch;

	if (s->state == state)
		return;
	log_info("scratch: %s -> %s", names[s->state], names[state]);
	if (s->state <= SCRATCH_DRIVERS && state > SCRATCH_DRIVERS)
		core_mark("modules closed scratch=%s", names[state]);
	s->state = state;
	core_changed(c);
}

static void refuse(struct core *c, const char *text)
{
	struct scratch *s = &c->scratch;

	snprintf(s->error, sizeof(s->error), "%s", text);
	log_err("scratch: refused: %s", text);
	core_mark("scratch refused: %s", text);
	set_state(c, SCRATCH_REFUSED);
}

/* ---- what a domU may ask -------------------------------------------------- */

int scratch_is_settled(const struct core *c)
{
	return c->scratch.state > SCRATCH_DRIVERS;
}

static int is_used(const struct core *c)
{
	const struct scratch *s = &c->scratch;

	for (int i = 0; i < DOMUS_MAX; i++) {
		const struct domu *d = &c->domus[i];

		if (!d->used || (s->user && s->user != d))
			continue;
		if (d->actual != ACTUAL_NONE || d->busy)
			return 1;
		/* It is about to be created. */
		if (d == s->user && d->desired && !s->taken && !s->withdrawn &&
		    c->node.state != NODE_FENCED)
			return 1;
	}
	return 0;
}

int scratch_for(struct core *c, const struct domu *d, int *device)
{
	struct scratch *s = &c->scratch;

	*device = -1;
	if (s->withdrawn || s->state < SCRATCH_READY)
		return 0;
	if (s->state == SCRATCH_READY) {
		s->user = d;
		s->taken = 0;
		core_kick(c);
		return -EAGAIN;
	}
	if (s->user ? s->user != d : is_used(c))
		return 0; /* it is another's */
	if (s->taken)
		return -EAGAIN; /* it was its last life's: closed first */
	*device = s->device;
	return 0;
}

void scratch_taken(struct core *c)
{
	c->scratch.taken = 1;
}

/* ---- answers of the scratch process --------------------------------------- */

static void on_state(struct core *c, const struct msg_scratch_done *d)
{
	struct scratch *s = &c->scratch;

	if (d->device >= 0) { /* of an agent before us */
		s->device = d->device;
		s->size = d->size;
		s->user = NULL;
		s->taken = 1;
		set_state(c, SCRATCH_OPEN);
	} else if (!d->closed) {
		set_state(c, SCRATCH_DRIVERS);
	} else if (!s->policy.type[0]) {
		set_state(c, SCRATCH_NONE);
	} else if (d->drivers) {
		set_state(c, SCRATCH_READY);
	} else {
		refuse(c, "the policy is newer than this boot: from the next "
			  "one on");
	}
}

static void on_prepared(struct core *c, const struct msg_scratch_done *d)
{
	struct scratch *s = &c->scratch;

	blob_put(c, s->drivers);
	s->drivers = NULL;
	if (!d->closed) {
		/* Nothing may start on such a machine. */
		log_err("modules cannot be closed: %s", d->text);
		s->retry_at = clock_boot_ms() + BUSY_MS;
		return;
	}
	if (s->failed[0])
		refuse(c, s->failed);
	else if (d->rc)
		refuse(c, d->text);
	else
		set_state(c, d->drivers ? SCRATCH_READY : SCRATCH_NONE);
}

static void on_opened(struct core *c, const struct msg_scratch_done *d)
{
	struct scratch *s = &c->scratch;

	if (d->rc) {
		refuse(c, d->text);
		return;
	}
	s->device = d->device;
	s->size = d->size;
	core_mark("scratch open mib=%llu", (unsigned long long)(d->size >> 20));
	set_state(c, SCRATCH_OPEN);
}

static void on_closed(struct core *c, const struct msg_scratch_done *d)
{
	struct scratch *s = &c->scratch;

	if (d->rc) { /* its backend takes a moment */
		log_debug("scratch: %s", d->text);
		s->retry_at = clock_boot_ms() + BUSY_MS;
		return;
	}
	s->device = -1;
	s->user = NULL;
	core_mark("scratch closed, its key is gone");
	set_state(c, SCRATCH_READY);
}

static void on_done(struct core *c, void *arg, const struct msg *m)
{
	static void (*const handlers[MSG_TYPES])(
		struct core * c, const struct msg_scratch_done *d) = {
		[MSG_SCRATCH_ASK] = on_state,
		[MSG_SCRATCH_PREPARE] = on_prepared,
		[MSG_SCRATCH_OPEN] = on_opened,
		[MSG_SCRATCH_CLOSE] = on_closed,
	};
	struct scratch *s = &c->scratch;

	(void)arg;
	s->call = 0;
	if (m)
		handlers[s->asked](c, m->body);
	else if (s->asked == MSG_SCRATCH_OPEN)
		refuse(c, "its process died");
	else
		s->retry_at = clock_boot_ms() + BUSY_MS;
	core_kick(c);
}

static void ask(struct core *c, enum msg_type type, const void *body, int fd)
{
	struct scratch *s = &c->scratch;

	s->asked = type;
	s->deadline = clock_boot_ms() + ANSWER_MS;
	s->call = call_send(c, MSG_SCRATCH, type, body, NULL, 0, &fd, fd >= 0,
			    on_done, NULL);
	if (!s->call)
		s->retry_at = clock_boot_ms() + BUSY_MS;
}

/* ---- step ------------------------------------------------------------------ */

/* The driver set is a file of this dom0's release; its digest is in the image. */
static void want_drivers(struct core *c)
{
	struct scratch *s = &c->scratch;
	char path[MSG_PATH_LEN];

	if (!c->build.drivers_size) {
		snprintf(s->failed, sizeof(s->failed),
			 "this release has no drivers for disks");
		ask(c, MSG_SCRATCH_PREPARE, NULL, -1);
		return;
	}
	snprintf(path, sizeof(path), "/boot/r/%s/drivers.img", c->build.release);
	s->drivers = blob_get_at(c, path, c->build.drivers_sha256,
				 c->build.drivers_size);
}

static void step_drivers(struct core *c)
{
	struct scratch *s = &c->scratch;
	struct blob *b = s->drivers;

	if (!s->policy.type[0]) {
		ask(c, MSG_SCRATCH_PREPARE, NULL, -1);
	} else if (!b) {
		want_drivers(c);
	} else if (b->state == BLOB_READY) {
		ask(c, MSG_SCRATCH_PREPARE, NULL, b->fd);
	} else if (b->state == BLOB_REFUSED || b->fails >= TRIES) {
		snprintf(s->failed, sizeof(s->failed),
			 "drivers for disks: %.400s", b->error);
		ask(c, MSG_SCRATCH_PREPARE, NULL, -1);
	}
}

static void note_policy(struct core *c)
{
	struct scratch *s = &c->scratch;
	const struct msg_scratch_policy *now = &c->node.lease.scratch;

	if (!s->have_policy) {
		s->policy = *now;
		s->have_policy = 1;
	} else if (s->policy.type[0] && !s->withdrawn &&
		   memcmp(&s->policy, now, sizeof(*now)) != 0) {
		s->withdrawn = 1;
		log_warn("scratch: the owner lends something else, or nothing: "
			 "closed for this boot");
		domus_retag(c);
		core_changed(c);
	}
}

/* A disk that does not answer keeps its process, but not the node. */
static void give_up(struct core *c)
{
	struct scratch *s = &c->scratch;

	log_err("scratch: no answer in %d s", ANSWER_MS / 1000);
	call_forget(c, s->call);
	s->call = 0;
	if (s->asked == MSG_SCRATCH_OPEN)
		refuse(c, "the disk does not answer");
	else
		s->deadline = s->retry_at = clock_boot_ms() + ANSWER_MS;
}

int64_t scratch_step(struct core *c, int64_t now)
{
	struct scratch *s = &c->scratch;

	if (!c->node.lease.node[0])
		return NEVER;
	note_policy(c);
	if (s->call && now >= s->deadline)
		give_up(c);
	if (s->call)
		return s->deadline;
	if (now < s->retry_at)
		return s->retry_at;
	if (s->state == SCRATCH_UNKNOWN)
		ask(c, MSG_SCRATCH_ASK, NULL, -1);
	else if (s->state == SCRATCH_DRIVERS)
		step_drivers(c);
	else if (s->state == SCRATCH_READY && s->user)
		ask(c, MSG_SCRATCH_OPEN, &s->policy, -1);
	else if (s->state == SCRATCH_OPEN && !is_used(c))
		ask(c, MSG_SCRATCH_CLOSE, NULL, -1);
	if (s->call)
		return s->deadline;
	return s->retry_at > now ? s->retry_at : NEVER;
}

int scratch_is_open(const struct core *c)
{
	return c->scratch.state == SCRATCH_OPEN || c->scratch.call;
}

void scratch_tag(const struct core *c, struct buf *b)
{
	const struct scratch *s = &c->scratch;

	if (s->policy.type[0] && !s->withdrawn)
		buf_addf(b, "scratch=%s %s %llu\n", s->policy.type,
			 s->policy.label, (unsigned long long)s->policy.size_mib);
}
