/* SPDX-License-Identifier: Apache-2.0 */
/* wg - what its files share. */
#ifndef WG_PRIVATE_H
#define WG_PRIVATE_H

#include <net/if.h>
#include <stdint.h>
#include <sys/un.h>

#include "wg.h"

struct wg_backend {
	int (*set_key)(struct wg *w, const uint8_t private_key[WG_KEY_LEN],
		       uint16_t port, struct errinfo *err);
	int (*set_peers)(struct wg *w, const struct wg_peer *peers, size_t n,
			 struct errinfo *err);
	int (*get_peers)(struct wg *w, struct wg_peer **peers, size_t *n,
			 struct errinfo *err);
};

struct wg {
	char ifname[IFNAMSIZ];
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const struct wg_backend *backend;
};

extern const struct wg_backend wg_backend_netlink, wg_backend_uapi;

/* A list that grows as a dump comes in. */
struct wg_list {
	struct wg_peer *peers;
	size_t n, cap;
};
struct wg_peer *wg_list_add(struct wg_list *l); /* zeroed; NULL: no memory */

/* link.c: rtnetlink. make: -EOPNOTSUPP where the kernel has no WireGuard,
 * -EEXIST where that name is taken. */
int wg_link_make(const char *ifname);
int wg_link_delete(const char *ifname);
int wg_link_up(const char *ifname, unsigned int mtu);
int wg_link_route(const char *ifname, uint32_t address, unsigned int prefix);

/* uapi.c: reads the answer to get=1; exposed for tests and the fuzzer. */
int wg_uapi_parse(const char *text, size_t len, struct wg_list *out,
		  struct errinfo *err);
/* userspace.c */
int wg_userspace_start(struct wg *w, struct errinfo *err);

#endif
