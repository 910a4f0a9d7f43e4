/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long polls: requests that are asked again whenever something changed, and
 * answered as things are when their time is over.
 *
 * A change only marks that there is work; the waits are walked from the loop,
 * so that no handler runs inside another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "parse.h"

#include "central.h"

struct wait {
	struct wait *next;
	struct httpd_req *r;
	struct front *f;
	int64_t deadline_ms; /* by clock_boot_ms */
	char caller[PARSE_NAME_MAX + 1];
	int64_t arg;
	wait_fn fn;
};

static void arm(struct central *c)
{
	const struct wait *w;
	int64_t first = INT64_MAX;

	for (w = c->waits; w; w = w->next)
		if (w->deadline_ms < first)
			first = w->deadline_ms;
	if (c->waits_kicked)
		loop_timer_set(c->wait_timer, 0);
	else if (c->waits)
		loop_timer_set(c->wait_timer, first - clock_boot_ms());
	else
		loop_timer_clear(c->wait_timer);
}

static void peer_gone(struct httpd_req *r, void *arg)
{
	struct central *c = arg;
	struct wait **p, *w;

	for (p = &c->waits; (w = *p); p = &w->next) {
		if (w->r != r)
			continue;
		*p = w->next;
		free(w);
		return;
	}
}

/* Waiters queue: who came first is asked first. */
static void append(struct central *c, struct wait *w)
{
	struct wait **p = &c->waits;

	while (*p)
		p = &(*p)->next;
	*p = w;
}

void wait_start(struct httpd_req *r, struct front *f, const char *caller,
		int64_t arg, wait_fn fn)
{
	const char *text = httpd_query(r, "wait");
	struct wait *w;
	int sec = 0;

	if (text && parse_int(text, 0, 86400, &sec)) {
		httpd_reply_error(r, 400, "'wait' is not a number of seconds");
		return;
	}
	if (sec > WAIT_MAX_SEC)
		sec = WAIT_MAX_SEC;
	if (fn(r, f, caller, arg, sec == 0))
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		httpd_reply_error(r, 500, "out of memory");
		return;
	}
	*w = (struct wait){ NULL, r,   f, clock_boot_ms() + sec * 1000LL,
			    "",   arg, fn };
	snprintf(w->caller, sizeof(w->caller), "%s", caller);
	append(f->c, w);
	httpd_hold(r, peer_gone, f->c);
	arm(f->c);
}

void wait_kick(struct central *c)
{
	if (c->waits_kicked || !c->waits)
		return;
	c->waits_kicked = 1;
	loop_timer_set(c->wait_timer, 0);
}

void wait_timer(void *arg)
{
	struct central *c = arg;
	struct wait **p = &c->waits, *w;
	int64_t now = clock_boot_ms();

	c->waits_kicked = 0;
	while ((w = *p)) {
		*p = w->next;
		if (w->fn(w->r, w->f, w->caller, w->arg, w->deadline_ms <= now)) {
			free(w);
			continue;
		}
		w->next = *p;
		*p = w;
		p = &w->next;
	}
	arm(c);
}

void wait_drop_all(struct central *c)
{
	struct wait *w;

	while ((w = c->waits)) {
		c->waits = w->next;
		free(w);
	}
}
