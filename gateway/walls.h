/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls - who reaches whom (acl.h), as the configuration and the nodes' states
 * say, and the tunnels' peers with it.
 *
 * A node's address is among the enrolled while it has a lease, its domU's is in
 * the rules as long, if it has a tunnel where the segment has tunnels. That follows
 * from the nodes' states alone, so that it may be worked out at any time; each
 * step is one transaction of the kernel, and nothing is taken down when gatewayd ends.
 */
#ifndef WALLS_H
#define WALLS_H

#include "config.h"
#include "errinfo.h"

struct gateway;
struct walls;

/* The policy of a configuration, compiled, with no domU in it. Every problem
 * of the policy's file goes to fn, warnings too; -EINVAL if one is an error. */
int walls_new(const struct config *c, config_error_fn fn, void *arg,
	      struct walls **out, struct errinfo *err);
void walls_free(struct walls *w); /* the kernel's rules stay; NULL is fine */
/* Puts them in place of what there is. For before gatewayd runs. */
int walls_load(const struct walls *w, struct errinfo *err);

/* The rules of gw->config with the domUs of all nodes, in one transaction. On
 * an error what stood before stands. */
int walls_apply(struct gateway *gw, struct errinfo *err);
/* What changed since, rules first, then peers. Before walls_apply: nothing.
 * Negative errno after it was logged; the gateway tries again each second. A
 * node whose change was not made must not be told that it has its lease. */
int walls_follow(struct gateway *gw);
/* Each second: tries again, and compiles anew when local time jumps. */
void walls_tick(struct gateway *gw);

#endif
