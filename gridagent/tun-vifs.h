/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun-vifs - the vifs of domUs whose backend is this domain, netdom.
 *
 * dom0 writes a backend's entries (hv/hotplug-vif.c); the kernel makes the
 * interface, down. Then its walls are loaded, it is set up, and dom0 is told so
 * by hotplug-status, or why not by hotplug-error.
 */
#ifndef TUN_VIFS_H
#define TUN_VIFS_H

#include "walls.h"

#define TUN_VIFS_MAX 16

struct tun_vifs;

/* Watches; finds those that are there already, and loads their walls anew.
 * NULL with *err set. */
struct tun_vifs *tun_vifs_new(struct errinfo *err);
int tun_vifs_fd(const struct tun_vifs *v);
/* Looks at what has changed. Returns in how many milliseconds to look again by
 * itself, -1: never. Errors are logged, and told to dom0. */
int tun_vifs_dispatch(struct tun_vifs *v);
/* Those that are up, for walls_netdom(); borrowed until the next call. */
const struct walls_vif *tun_vifs_list(struct tun_vifs *v, size_t *n);

#endif
