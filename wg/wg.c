/* SPDX-License-Identifier: Apache-2.0 */
/* wg - an interface of either kind, whatever does the work. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

#define LIST_FIRST 16

struct wg_peer *wg_list_add(struct wg_list *l)
{
	struct wg_peer *p;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : LIST_FIRST;

		p = reallocarray(l->peers, cap, sizeof(*p));
		if (!p)
			return NULL;
		l->peers = p;
		l->cap = cap;
	}
	p = &l->peers[l->n++];
	memset(p, 0, sizeof(*p));
	return p;
}

/* An interface that is there is ours if it answers as WireGuard. */
static int take_kernels(struct wg *w)
{
	struct wg_peer *peers;
	size_t n;
	int rc = wg_link_make(w->ifname);

	if (rc && rc != -EEXIST)
		return rc;
	w->backend = &wg_backend_netlink;
	if (!rc)
		return 0;
	rc = w->backend->get_peers(w, &peers, &n, NULL);
	if (!rc)
		free(peers);
	/* The kernel has WireGuard, and this is something else. */
	return rc == -EOPNOTSUPP ? -EEXIST : rc;
}

int wg_open(const char *ifname, const char *socket, struct wg **out,
	    struct errinfo *err)
{
	struct wg *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (!*ifname || strlen(ifname) >= sizeof(w->ifname) ||
	    (socket && strlen(socket) >= sizeof(w->socket))) {
		free(w);
		return errinfo_set(err, -EINVAL, "%s, %s: too long", ifname,
				   socket ? socket : "");
	}
	strcpy(w->ifname, ifname);
	rc = take_kernels(w);
	if (rc && socket && (rc == -EOPNOTSUPP || rc == -ENOENT)) {
		strcpy(w->socket, socket);
		w->backend = &wg_backend_uapi;
		rc = wg_userspace_start(w, err);
	} else if (rc == -EOPNOTSUPP) {
		errinfo_set(err, rc, "%s: this kernel has no WireGuard", ifname);
	} else if (rc) {
		errinfo_set_errno(err, rc, "%s", ifname);
	}
	if (rc) {
		free(w);
		return rc;
	}
	*out = w;
	return 0;
}

void wg_close(struct wg *w)
{
	free(w);
}

/* wireguard-go ends when its device or its socket is gone. */
int wg_destroy(struct wg *w, struct errinfo *err)
{
	int rc = wg_link_delete(w->ifname);

	if (rc)
		errinfo_set_errno(err, rc, "%s", w->ifname);
	if (w->socket[0])
		unlink(w->socket);
	free(w);
	return rc;
}

int wg_is_userspace(const struct wg *w)
{
	return w->backend == &wg_backend_uapi;
}

int wg_set_key(struct wg *w, const uint8_t private_key[WG_KEY_LEN],
	       uint16_t port, struct errinfo *err)
{
	return w->backend->set_key(w, private_key, port, err);
}

int wg_up(struct wg *w, unsigned int mtu, struct errinfo *err)
{
	int rc = wg_link_up(w->ifname, mtu);

	return rc ? errinfo_set_errno(err, rc, "%s: up", w->ifname) : 0;
}

int wg_route(struct wg *w, uint32_t address, unsigned int prefix,
	     struct errinfo *err)
{
	int rc = wg_link_route(w->ifname, address, prefix);

	return rc ? errinfo_set_errno(err, rc, "%s: route", w->ifname) : 0;
}

int wg_set_peers(struct wg *w, const struct wg_peer *peers, size_t n,
		 struct errinfo *err)
{
	return n ? w->backend->set_peers(w, peers, n, err) : 0;
}

int wg_get_peers(struct wg *w, struct wg_peer **peers, size_t *n,
		 struct errinfo *err)
{
	return w->backend->get_peers(w, peers, n, err);
}
