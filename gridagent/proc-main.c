/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main - decides. It holds this boot's key and has no rights: no file, no
 * network, no hypervisor; it reads no foreign byte but to pass it on.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core.h"
#include "death.h"
#include "log.h"
#include "parse.h"
#include "watchdog.h"

#define QUEUE_MAX 4194304 /* to one child */

static struct core self;

int proc_main_prepare(const struct options *o, struct errinfo *err)
{
	self.o = o;
	for (int i = 0; i < BLOBS_MAX; i++)
		self.blobs[i].fd = -1;
	return boot_load(o->state_dir, &self.boot, err);
}

void core_kick(struct core *c)
{
	c->kicked = 1;
	loop_timer_set(c->timer, 0);
}

void core_changed(struct core *c)
{
	c->node.dirty = 1;
	core_kick(c);
}

#define PROGRESS_MS 2000 /* between two reports of it */

void core_progress(struct core *c)
{
	int64_t now = clock_boot_ms();

	if (now < c->progress_at)
		return;
	c->progress_at = now + PROGRESS_MS;
	core_changed(c);
}

void core_exit(struct core *c, int status)
{
	loop_quit(c->loop, status);
}

void core_mark(const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("nightshift: %s\n", line);
	fflush(stdout);
}

int64_t core_backoff(unsigned int fails, int64_t base_ms, int64_t max_ms)
{
	int64_t ms = base_ms;
	uint32_t r;

	while (fails-- && ms < max_ms)
		ms *= 2;
	if (ms > max_ms)
		ms = max_ms;
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = 0;
	return ms - ms / 2 * (r % 1024) / 1024;
}

/* ---- children ---------------------------------------------------------------- */

static void peer_lost(struct peer *p, const char *why)
{
	struct core *c = p->core;

	if (!p->ipc)
		return;
	log_warn("%s", why);
	loop_fd_del(p->watch);
	ipc_free(p->ipc);
	p->ipc = NULL;
	p->watch = NULL;
	if (p->role == MSG_HV || p->role == MSG_SUPER) {
		core_exit(c, EXIT_FAILURE);
		return;
	}
	calls_fail(c, p->role);
	if (p->role == MSG_BLK)
		disks_lost(c);
	else if (p->role == MSG_AIR)
		air_lost(c);
	else if (p->role == MSG_TUN)
		netdom_silent(c);
	core_kick(c);
}

void core_drop(struct core *c, enum msg_role role)
{
	peer_lost(&c->peers[role], "dropped");
}

uint32_t core_gateway(const struct core *c)
{
	uint32_t address;

	if (c->o->netdom)
		return c->netdom.up ? c->netdom.hello.gateway : 0;
	return parse_ipv4(c->o->gateway, &address) ? 0 : address;
}

static void peer_events(struct peer *p)
{
	loop_fd_set_events(p->watch, POLLIN | (ipc_queued(p->ipc) ? POLLOUT : 0));
}

int core_send(struct core *c, enum msg_role role, enum msg_type type,
	      uint32_t id, const void *body, const void *tail, size_t tail_len,
	      const int *fds, int n_fds)
{
	struct peer *p = &c->peers[role];
	int rc;

	if (!p->ipc)
		return -EPIPE;
	rc = ipc_send(p->ipc, type, id, body, tail, tail_len, fds, n_fds);
	peer_events(p);
	if (rc)
		log_warn("%s to %s: %s", msg_type_name(type),
			 msg_role_name(role), strerror(-rc));
	return rc;
}

static void on_peer(int fd, short revents, void *arg);

static void peer_start(struct core *c, enum msg_role role, int fd)
{
	struct peer *p = &c->peers[role];

	if (p->ipc) /* its death has not been read yet */
		peer_lost(p, "replaced");
	p->core = c;
	p->role = role;
	p->ipc = ipc_new(fd, MSG_MAIN, role, QUEUE_MAX);
	if (p->ipc)
		p->watch = loop_fd_add(c->loop, fd, POLLIN, on_peer, p);
	if (!p->watch)
		core_exit(c, EXIT_FAILURE);
}

static void on_started_anew(struct core *c, struct msg *m)
{
	const struct msg_super_child *s = m->body;

	peer_start(c, s->role, m->fds[0]);
	m->n_fds = 0;
	log_info("%s: connected anew", msg_role_name(s->role));
	if (s->role == MSG_NET || s->role == MSG_BLK)
		disks_link(c);
	if (s->role == MSG_AIR || s->role == MSG_BLK)
		air_link(c);
	if (s->role == MSG_AIR)
		air_resume(c);
	core_kick(c);
}

static void on_death(struct core *c, const struct msg *m)
{
	const struct msg_hv_death *d = m->body;

	if (strcmp(d->id, NETDOM_NAME) != 0) {
		domus_died(c, m);
		return;
	}
	log_err("netdom: domain %d %s", d->domid, death_reason(m));
	death_log_console(NETDOM_NAME, m);
	if (d->domid == c->netdom.domid)
		netdom_died(c);
}

static void on_message(struct peer *p, struct msg *m)
{
	struct core *c = p->core;

	switch (m->type) {
	case MSG_SUPER_CHILD:
		on_started_anew(c, m);
		return;
	case MSG_VERIFY_READY:
		memcpy(&c->build, m->body, sizeof(c->build));
		c->have_build = 1;
		core_kick(c);
		return;
	case MSG_BLK_STATS:
		disk_stats(c, m->body);
		return;
	case MSG_AIR_IDLE:
		air_idle(c, m->body);
		return;
	case MSG_TUN_HELLO:
		netdom_hello(c, m->body);
		return;
	case MSG_HV_DEATH:
		on_death(c, m);
		return;
	default:
		calls_dispatch(c, p->role, m);
	}
}

#define MESSAGES_A_ROUND 64 /* others want their turn as well */

static void on_peer(int fd, short revents, void *arg)
{
	struct peer *p = arg;
	struct errinfo err = ERRINFO_INIT;
	struct ipc *ipc = p->ipc;
	struct msg m;
	int r = 0;

	(void)fd;
	if (revents & POLLOUT)
		ipc_flush(ipc);
	for (int i = 0; i < MESSAGES_A_ROUND; i++) {
		r = ipc_recv(ipc, &m, &err);
		if (r <= 0)
			break;
		on_message(p, &m);
		ipc_close_fds(&m);
		if (p->ipc != ipc)
			return;
	}
	if (r < 0)
		peer_lost(p, errinfo_text(&err, r));
	else
		peer_events(p);
	core_kick(p->core); /* whatever it was */
}

/* ---- start ------------------------------------------------------------------- */

static void on_facts(struct core *c, void *arg, const struct msg *m)
{
	const struct msg_hv_done *d;

	(void)arg;
	if (!m)
		return;
	if (m->type == MSG_HV_FACTS_ARE) {
		memcpy(&c->facts, m->body, sizeof(c->facts));
		c->host.free_mib = c->facts.free_mib;
		c->have_facts = 1;
		return;
	}
	d = m->body;
	if (d->rc) {
		log_err("host facts: %s", d->text);
		core_exit(c, EXIT_FAILURE);
	}
	core_kick(c);
}

static void on_list(struct core *c, void *arg, const struct msg *m)
{
	const struct msg_hv_done *d;

	(void)arg;
	if (!m)
		return;
	if (m->type == MSG_HV_DOMAIN) {
		domus_found(c, m->body);
		return;
	}
	d = m->body;
	if (d->rc) {
		log_err("list of domains: %s", d->text);
		core_exit(c, EXIT_FAILURE);
		return;
	}
	c->have_list = 1;
	core_kick(c);
}

static void core_step(void *arg)
{
	struct core *c = arg;
	int64_t now = clock_boot_ms(), next, t;

	c->kicked = 0;
	next = netdom_step(c, now);
	t = netdom_is_up(c) ? node_step(c, now) : NEVER;
	next = t < next ? t : next;
	t = tunnel_step(c, now);
	next = t < next ? t : next;
	t = scratch_step(c, now);
	next = t < next ? t : next;
	if (c->node.state != NODE_FENCED) {
		t = tunnel_is_closed(c) && scratch_is_settled(c)
			    ? domus_step(c, now)
			    : NEVER;
		next = t < next ? t : next;
		t = images_step(c, now);
		next = t < next ? t : next;
		t = disks_step(c, now);
		next = t < next ? t : next;
		t = blobs_step(c, now);
		next = t < next ? t : next;
	}
	http_step(c);
	if (c->kicked)
		return; /* the timer is set, for now */
	if (next == NEVER)
		loop_timer_clear(c->timer);
	else
		loop_timer_set(c->timer, next - clock_boot_ms());
}

/* Whoever waits for this decides whether the machine goes on (watchdog.h). */
static void tell_alive(void *arg)
{
	struct core *c = arg;

	core_send(c, MSG_HV, MSG_HV_ALIVE, 0, NULL, NULL, 0, NULL, 0);
	loop_timer_set(c->alive, WATCHDOG_FEED_MS);
}

int proc_main_run(const struct child_fds *fds)
{
	struct core *c = &self;

	c->loop = loop_new();
	c->timer = c->loop ? loop_timer_add(c->loop, core_step, c) : NULL;
	c->alive = c->loop ? loop_timer_add(c->loop, tell_alive, c) : NULL;
	if (!c->timer || !c->alive)
		return EXIT_FAILURE;
	peer_start(c, MSG_SUPER, fds->super);
	for (int i = MSG_NET; i < MSG_ROLES; i++)
		if (fds->peer[i] >= 0)
			peer_start(c, i, fds->peer[i]);
	disks_link(c);
	air_link(c);
	call_send(c, MSG_HV, MSG_HV_FACTS, NULL, NULL, 0, NULL, 0, on_facts,
		  NULL);
	call_send(c, MSG_HV, MSG_HV_LIST, NULL, NULL, 0, NULL, 0, on_list, NULL);
	if (c->o->watchdog_sec)
		tell_alive(c);
	core_kick(c);
	return loop_run(c->loop);
}
