/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - poll(2) with descriptors, timers and signals.
 *
 * One thread. Callbacks may add and remove anything, themselves included.
 * Signals arrive through a signalfd, so handlers are ordinary code.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

typedef void (*loop_fd_fn)(int fd, short revents, void *arg);
typedef void (*loop_timer_fn)(void *arg);
typedef void (*loop_signal_fn)(int signo, void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *l);

struct loop_fd *loop_fd_add(struct loop *l, int fd, short events, loop_fd_fn fn,
			    void *arg);
void loop_fd_set_events(struct loop_fd *f, short events);
void loop_fd_del(struct loop_fd *f); /* does not close; NULL is fine */

/* One-shot; set again to re-arm. Created disarmed. */
struct loop_timer *loop_timer_add(struct loop *l, loop_timer_fn fn, void *arg);
void loop_timer_set(struct loop_timer *t, int64_t after_ms);
void loop_timer_clear(struct loop_timer *t);
void loop_timer_del(struct loop_timer *t); /* NULL is fine */

/* Blocks the signal and delivers it in the loop. */
int loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg);

int loop_run(struct loop *l); /* until loop_quit; its status */
void loop_quit(struct loop *l, int status);

#endif
