/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv - the front: finds the backend, checks what is asked, words what failed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "cleanup.h"

#include "private.h"

static const struct hv_ops *const backends[] = { &hv_ops_libxl, &hv_ops_fake };

/* The backend called `name` up to a ':'; what stands behind that in *arg. */
static const struct hv_ops *find_backend(const char *name, const char **arg)
{
	size_t len = strcspn(name, ":");
	size_t i;

	*arg = name[len] ? name + len + 1 : "";
	for (i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strlen(backends[i]->name) == len &&
		    !memcmp(backends[i]->name, name, len))
			return backends[i];
	}
	return NULL;
}

int hv_poll_add(struct hv *hv, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(hv->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_poll(struct hv *hv)
{
	int rc;

	hv->epoll = epoll_create1(EPOLL_CLOEXEC);
	/* Starts readable: what is already there is news to a new handle. */
	hv->kick = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hv->epoll < 0 || hv->kick < 0)
		return -errno;
	rc = hv_poll_add(hv, hv->kick);
	if (rc)
		return rc;
	return hv_poll_add(hv, hv->ops->fd(hv->be));
}

struct hv *hv_open(const char *backend, hv_log_fn log, void *arg,
		   struct errinfo *err)
{
	const char *rest;
	struct hv *hv;
	int rc;

	hv = calloc(1, sizeof(*hv));
	if (!hv) {
		errinfo_set_errno(err, -ENOMEM, "hypervisor");
		return NULL;
	}
	hv->epoll = hv->kick = -1;
	hv->ops = find_backend(backend, &rest);
	if (!hv->ops) {
		errinfo_set(err, -EINVAL, "no hypervisor backend '%s'", backend);
		goto fail;
	}
	rc = hv->ops->open(&hv->be, rest, log, arg, err);
	if (rc) {
		errinfo_wrap(err, rc, "%s", hv->ops->name);
		goto fail;
	}
	rc = open_poll(hv);
	if (rc) {
		errinfo_set_errno(err, rc, "%s: poll", hv->ops->name);
		goto fail;
	}
	return hv;
fail:
	hv_close(hv);
	return NULL;
}

void hv_close(struct hv *hv)
{
	if (!hv)
		return;
	hv_console_dispose(hv);
	if (hv->be)
		hv->ops->close(hv->be);
	cleanup_close(&hv->kick);
	cleanup_close(&hv->epoll);
	free(hv);
}

int hv_host_get(struct hv *hv, struct hv_host *host_out, struct errinfo *err)
{
	memset(host_out, 0, sizeof(*host_out));
	return hv->ops->host(hv->be, host_out, err);
}

/* ---- create ----------------------------------------------------------- */

static bool is_zero(const uint8_t *p, size_t len)
{
	while (len && !p[len - 1])
		len--;
	return !len;
}

/* A random uuid, RFC 4122 version 4. */
static int make_uuid(uint8_t uuid[HV_UUID_LEN])
{
	if (getrandom(uuid, HV_UUID_LEN, 0) != HV_UUID_LEN)
		return -EIO;
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}

static int check_unique(struct hv *hv, const struct hv_config *cfg,
			struct errinfo *err)
{
	struct hv_domain list[HV_DOMAIN_MAX];
	int i, n;

	n = hv_domain_list(hv, list, HV_DOMAIN_MAX, err);
	if (n < 0)
		return n;
	if (n == HV_DOMAIN_MAX)
		return errinfo_set(err, -EBUSY, "%d domains already", n);
	for (i = 0; i < n; i++) {
		bool name = !strcmp(list[i].name, cfg->name);
		bool uuid = !memcmp(list[i].uuid, cfg->uuid, HV_UUID_LEN);

		if (!name && !uuid)
			continue;
		if (list[i].state == HV_STATE_DYING)
			return errinfo_set(err, -EBUSY,
					   "domain %u is still dying",
					   list[i].domid);
		return errinfo_set(err, -EEXIST, "domain %u has its %s",
				   list[i].domid, name ? "name" : "uuid");
	}
	return 0;
}

static void kick(struct hv *hv)
{
	uint64_t one = 1;

	/* Fails only where the counter is full: then it is readable. */
	if (write(hv->kick, &one, sizeof(one)) < 0)
		return;
}

int hv_domain_create(struct hv *hv, const struct hv_config *cfg,
		     hv_domid *domid_out, struct errinfo *err)
{
	struct hv_config c = *cfg;
	int rc;

	rc = hv_config_check(&c, err);
	if (rc)
		return errinfo_wrap(err, rc, "domain %s", c.name ? c.name : "?");
	if (!c.cmdline)
		c.cmdline = "";
	if (!c.weight)
		c.weight = HV_WEIGHT_DEFAULT;
	if (is_zero(c.uuid, HV_UUID_LEN)) {
		rc = make_uuid(c.uuid);
		if (rc)
			return errinfo_set_errno(err, rc, "domain %s: uuid",
						 c.name);
	}
	rc = check_unique(hv, &c, err);
	if (!rc)
		rc = hv->ops->create(hv->be, &c, domid_out, err);
	if (rc)
		return errinfo_wrap(err, rc, "domain %s", c.name);
	kick(hv);
	return 0;
}

/* ---- what runs -------------------------------------------------------- */

int hv_domain_list(struct hv *hv, struct hv_domain *list_out, size_t max,
		   struct errinfo *err)
{
	if (max > HV_DOMAIN_MAX)
		max = HV_DOMAIN_MAX;
	memset(list_out, 0, max * sizeof(*list_out));
	return hv->ops->list(hv->be, list_out, max, err);
}

static int find(struct hv *hv, hv_domid domid, const char *name,
		struct hv_domain *out, struct errinfo *err)
{
	struct hv_domain list[HV_DOMAIN_MAX];
	int i, n;

	n = hv_domain_list(hv, list, HV_DOMAIN_MAX, err);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		if (name ? strcmp(list[i].name, name) : list[i].domid != domid)
			continue;
		if (out)
			*out = list[i];
		return 0;
	}
	if (name)
		return errinfo_set(err, -ENOENT, "no domain '%s'", name);
	return errinfo_set(err, -ENOENT, "no domain %u", domid);
}

int hv_domain_get(struct hv *hv, hv_domid domid, struct hv_domain *out,
		  struct errinfo *err)
{
	return find(hv, domid, NULL, out, err);
}

int hv_domain_find(struct hv *hv, const char *name, struct hv_domain *out,
		   struct errinfo *err)
{
	return find(hv, 0, name, out, err);
}

int hv_domain_vbds(struct hv *hv, hv_domid domid,
		   struct hv_vbd_info out[HV_VBD_MAX], struct errinfo *err)
{
	int rc = find(hv, domid, NULL, NULL, err);

	if (rc)
		return rc;
	memset(out, 0, HV_VBD_MAX * sizeof(*out));
	return hv->ops->vbds(hv->be, domid, out, err);
}

int hv_domain_vifs(struct hv *hv, hv_domid domid,
		   struct hv_vif_info out[HV_VIF_MAX], struct errinfo *err)
{
	int rc = find(hv, domid, NULL, NULL, err);

	if (rc)
		return rc;
	memset(out, 0, HV_VIF_MAX * sizeof(*out));
	return hv->ops->vifs(hv->be, domid, out, err);
}

/* ---- change ----------------------------------------------------------- */

/* It must be there, and must not have ended: a dead domain changes no more. */
static int find_alive(struct hv *hv, hv_domid domid, struct errinfo *err)
{
	struct hv_domain d;
	int rc;

	rc = find(hv, domid, NULL, &d, err);
	if (rc)
		return rc;
	if (d.state == HV_STATE_SHUTDOWN || d.state == HV_STATE_DYING)
		return errinfo_set(err, -ESHUTDOWN, "domain %u has ended (%s)",
				   domid, hv_reason_name(d.reason));
	return 0;
}

static int said(int rc, hv_domid domid, const char *what, struct errinfo *err)
{
	return rc ? errinfo_wrap(err, rc, "domain %u: %s", domid, what) : 0;
}

int hv_domain_shutdown(struct hv *hv, hv_domid domid, struct errinfo *err)
{
	int rc = find_alive(hv, domid, err);

	if (rc)
		return rc;
	return said(hv->ops->shutdown(hv->be, domid, err), domid, "shutdown",
		    err);
}

int hv_domain_destroy(struct hv *hv, hv_domid domid, struct errinfo *err)
{
	int rc = find(hv, domid, NULL, NULL, err);

	if (rc && rc != -ENOENT)
		return rc;
	if (!domid)
		return errinfo_set(err, -EINVAL, "dom0 is not to be destroyed");
	/* One that is gone may have left devices behind. */
	if (rc == -ENOENT) {
		hv->ops->destroy(hv->be, domid, NULL);
	} else {
		rc = hv->ops->destroy(hv->be, domid, err);
		if (rc)
			return said(rc, domid, "destroy", err);
	}
	hv_event_forget(hv, domid);
	hv_console_drop(hv, domid);
	return rc;
}

int hv_domain_pause(struct hv *hv, hv_domid domid, struct errinfo *err)
{
	int rc = find_alive(hv, domid, err);

	if (rc)
		return rc;
	return said(hv->ops->pause(hv->be, domid, true, err), domid, "pause",
		    err);
}

int hv_domain_unpause(struct hv *hv, hv_domid domid, struct errinfo *err)
{
	int rc = find_alive(hv, domid, err);

	if (rc)
		return rc;
	return said(hv->ops->pause(hv->be, domid, false, err), domid, "unpause",
		    err);
}

int hv_domain_set_sched(struct hv *hv, hv_domid domid, uint32_t weight,
			uint32_t cap, struct errinfo *err)
{
	int rc;

	if (!weight || weight > HV_WEIGHT_MAX)
		return errinfo_set(err, -EINVAL, "weight %u", weight);
	if (cap > 100 * HV_VCPU_MAX)
		return errinfo_set(err, -EINVAL, "cap %u%%", cap);
	rc = find_alive(hv, domid, err);
	if (rc)
		return rc;
	return said(hv->ops->set_sched(hv->be, domid, weight, cap, err), domid,
		    "scheduling", err);
}

int hv_domain_set_memory(struct hv *hv, hv_domid domid, uint32_t memory_mib,
			 struct errinfo *err)
{
	int rc;

	if (memory_mib < HV_MEMORY_MIN_MIB || memory_mib > 1U << 24)
		return errinfo_set(err, -EINVAL, "%u MiB of memory", memory_mib);
	rc = find_alive(hv, domid, err);
	if (rc)
		return rc;
	return said(hv->ops->set_memory(hv->be, domid, memory_mib, err), domid,
		    "memory", err);
}

int hv_domain_set_vcpus(struct hv *hv, hv_domid domid, uint32_t vcpus,
			struct errinfo *err)
{
	int rc;

	if (!vcpus || vcpus > HV_VCPU_MAX)
		return errinfo_set(err, -EINVAL, "%u vcpus", vcpus);
	rc = find_alive(hv, domid, err);
	if (rc)
		return rc;
	return said(hv->ops->set_vcpus(hv->be, domid, vcpus, err), domid,
		    "vcpus", err);
}

int hv_fd(struct hv *hv)
{
	return hv->epoll;
}

int hv_dispatch(struct hv *hv, struct errinfo *err)
{
	uint64_t n;
	int rc;

	if (read(hv->kick, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return errinfo_set_errno(err, -errno, "eventfd");
	rc = hv->ops->drain(hv->be, err);
	if (rc)
		return rc;
	hv_console_pump(hv);
	return hv_event_scan(hv, err);
}
