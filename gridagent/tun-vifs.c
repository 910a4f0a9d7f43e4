/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun-vifs - see tun-vifs.h.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "buf.h"
#include "cleanup.h"
#include "log.h"
#include "parse.h"
#include "tun-net.h"
#include "tun-vifs.h"

#define BACKENDS "backend/vif" /* below our own home */
#define AGAIN_MS 20            /* for an interface that is being made */
#define PATH_LEN 96

struct vif {
	char ifname[WALLS_IFNAME_MAX + 1];
	char path[PATH_LEN];
	int is_seen, has_failed;
};

struct tun_vifs {
	struct xs_handle *xs;
	size_t n;
	struct vif vifs[TUN_VIFS_MAX];
	struct walls_vif walls[TUN_VIFS_MAX]; /* of the same index, */
	struct walls_vif up[TUN_VIFS_MAX]; /* and those that have not failed */
	int again;
};

static int read_node(struct xs_handle *xs, const char *dir, const char *name,
		     char *out, size_t size)
{
	auto_free char *value = NULL;
	char path[PATH_LEN + 32];
	unsigned int len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	value = xs_read(xs, XBT_NULL, path, &len);
	if (!value)
		return -errno;
	if (len >= size)
		return -ERANGE;
	memcpy(out, value, len);
	out[len] = '\0';
	return 0;
}

static int write_node(struct xs_handle *xs, const char *dir, const char *name,
		      const char *value)
{
	char path[PATH_LEN + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value))
		       ? 0
		       : -errno;
}

/* "BYTES,USEC", as dom0 writes it for the kernel; the walls' own limit is not
 * to be lower. */
static uint32_t kbps_of(const char *rate)
{
	unsigned long bytes, usec;

	if (sscanf(rate, "%lu,%lu", &bytes, &usec) != 2 || !usec)
		return 0;
	return (uint32_t)(bytes * 8000 / usec);
}

static int read_facts(struct xs_handle *xs, const struct vif *vif,
		      struct walls_vif *w, struct errinfo *err)
{
	char mac[PARSE_MAC_STR + 1], ip[PARSE_IPV4_STR + 1], rate[40];

	*w = (struct walls_vif){ .ifname = vif->ifname };
	if (read_node(xs, vif->path, "mac", mac, sizeof(mac)) ||
	    parse_mac(mac, w->mac))
		return errinfo_set(err, -EINVAL, "%s: no mac", vif->path);
	if (read_node(xs, vif->path, "ip", ip, sizeof(ip)) ||
	    parse_ipv4(ip, &w->address))
		return errinfo_set(err, -EINVAL, "%s: no ip", vif->path);
	if (!read_node(xs, vif->path, "rate", rate, sizeof(rate)))
		w->rate_kbps = kbps_of(rate);
	return 0;
}

/* Behind its walls before it is up. */
static int connect_vif(struct tun_vifs *v, const struct vif *vif,
		       struct walls_vif *w, struct errinfo *err)
{
	auto_buf struct buf text = BUF_INIT;
	int rc = read_facts(v->xs, vif, w, err);

	if (!rc)
		rc = walls_vif_add(w, &text, err);
	if (!rc)
		rc = walls_load(text.data, err);
	if (!rc)
		rc = tun_net_vif(vif->ifname, w->address, err);
	if (rc)
		return rc;
	rc = write_node(v->xs, vif->path, "hotplug-status", "connected");
	return rc ? errinfo_set_errno(err, rc, "xenstore") : 0;
}

static struct vif *find(struct tun_vifs *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->vifs[i].path, path))
			return &v->vifs[i];
	return NULL;
}

static void look_at(struct tun_vifs *v, const char *domid, const char *devid)
{
	struct errinfo err = ERRINFO_INIT;
	struct vif *vif, made = { .is_seen = 1 };
	int rc;

	if (snprintf(made.path, sizeof(made.path), BACKENDS "/%s/%s", domid,
		     devid) >= (int)sizeof(made.path) ||
	    snprintf(made.ifname, sizeof(made.ifname), "vif%s.%s", domid,
		     devid) >= (int)sizeof(made.ifname))
		return;
	vif = find(v, made.path);
	if (vif) {
		vif->is_seen = 1;
		return;
	}
	if (!if_nametoindex(made.ifname)) {
		v->again = 1;
		return;
	}
	if (v->n == TUN_VIFS_MAX) {
		log_err("%s: too many vifs", made.ifname);
		return;
	}
	vif = &v->vifs[v->n];
	*vif = made;
	rc = connect_vif(v, vif, &v->walls[v->n], &err);
	v->n++;
	vif->has_failed = rc != 0;
	if (!rc) {
		log_info("%s is up", vif->ifname);
		return;
	}
	log_err("%s", errinfo_text(&err, rc));
	write_node(v->xs, vif->path, "hotplug-error", errinfo_text(&err, rc));
}

static void forget(struct tun_vifs *v, size_t i)
{
	struct errinfo err = ERRINFO_INIT;
	auto_buf struct buf text = BUF_INIT;
	int rc = 0;

	if (!v->vifs[i].has_failed) {
		rc = walls_vif_del(&v->walls[i], &text, &err);
		if (!rc)
			rc = walls_load(text.data, &err);
	}
	if (rc)
		log_err("%s: %s", v->vifs[i].ifname, errinfo_text(&err, rc));
	log_info("%s is gone", v->vifs[i].ifname);
	v->n--;
	if (i == v->n)
		return;
	v->vifs[i] = v->vifs[v->n];
	v->walls[i] = v->walls[v->n];
	v->walls[i].ifname = v->vifs[i].ifname;
}

static void scan(struct tun_vifs *v)
{
	auto_free char **domids = NULL;
	unsigned int n_domids = 0, n_devids;
	char path[PATH_LEN];

	v->again = 0;
	for (size_t i = 0; i < v->n; i++)
		v->vifs[i].is_seen = 0;
	domids = xs_directory(v->xs, XBT_NULL, BACKENDS, &n_domids);
	for (unsigned int i = 0; domids && i < n_domids; i++) {
		auto_free char **devids = NULL;

		snprintf(path, sizeof(path), BACKENDS "/%.10s", domids[i]);
		devids = xs_directory(v->xs, XBT_NULL, path, &n_devids);
		for (unsigned int j = 0; devids && j < n_devids; j++)
			look_at(v, domids[i], devids[j]);
	}
	for (size_t i = v->n; i-- > 0;)
		if (!v->vifs[i].is_seen)
			forget(v, i);
}

struct tun_vifs *tun_vifs_new(struct errinfo *err)
{
	struct tun_vifs *v = calloc(1, sizeof(*v));

	if (!v) {
		errinfo_set_errno(err, -ENOMEM, "vifs");
		return NULL;
	}
	v->xs = xs_open(0);
	if (!v->xs || !xs_watch(v->xs, BACKENDS, BACKENDS)) {
		errinfo_set_errno(err, -errno, "xenstore");
		if (v->xs)
			xs_close(v->xs);
		free(v);
		return NULL;
	}
	return v;
}

int tun_vifs_fd(const struct tun_vifs *v)
{
	return xs_fileno(v->xs);
}

int tun_vifs_dispatch(struct tun_vifs *v)
{
	char **event;

	while ((event = xs_check_watch(v->xs)))
		free(event);
	scan(v);
	return v->again ? AGAIN_MS : -1;
}

const struct walls_vif *tun_vifs_list(struct tun_vifs *v, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < v->n; i++)
		if (!v->vifs[i].has_failed)
			v->up[(*n)++] = v->walls[i];
	return v->up;
}
