/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxl-create - a domain from its configuration to running, and its end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend-libxl.h"
#include "hotplug.h"
#include "xenbus.h"

#define FREE_WAIT_SEC 5 /* for memory of a domain just destroyed */

static int choose_kind(struct hv_xl *x, enum hv_kind kind,
		       libxl_domain_type *out, struct errinfo *err)
{
	libxl_physinfo info;
	bool pvh, pv;
	int rc;

	libxl_physinfo_init(&info);
	rc = libxl_get_physinfo(x->ctx, &info);
	if (rc)
		return hv_xl_failed(x, rc, "host", err);
	pvh = info.cap_hvm && (info.cap_hap || info.cap_shadow);
	pv = info.cap_pv;
	libxl_physinfo_dispose(&info);
	if (kind == HV_KIND_PVH && !pvh)
		return errinfo_set(err, -EOPNOTSUPP,
				   "PVH needs a CPU with VT-x or SVM, "
				   "enabled by the firmware");
	if (kind == HV_KIND_PV && !pv)
		return errinfo_set(err, -EOPNOTSUPP, "Xen built without PV");
	if (!pv && !pvh)
		return errinfo_set(err, -EOPNOTSUPP,
				   "this machine runs neither PVH nor PV");
	*out = kind == HV_KIND_PV || !pvh ? LIBXL_DOMAIN_TYPE_PV
					  : LIBXL_DOMAIN_TYPE_PVH;
	return 0;
}

/* libxl takes paths; these name our descriptors' files, sealed or not. */
static char *fd_path(int fd)
{
	char *path;

	return asprintf(&path, "/proc/self/fd/%d", fd) < 0 ? NULL : path;
}

static int fill_config(libxl_ctx *ctx, libxl_domain_config *d,
		       const struct hv_config *cfg, libxl_domain_type type)
{
	libxl_domain_build_info *b = &d->b_info;
	uint32_t i;

	d->c_info.type = type;
	d->c_info.name = strdup(cfg->name);
	memcpy(libxl_uuid_bytearray(&d->c_info.uuid), cfg->uuid, HV_UUID_LEN);
	libxl_domain_build_info_init_type(b, type);
	b->max_vcpus = (int)cfg->vcpus;
	if (libxl_cpu_bitmap_alloc(ctx, &b->avail_vcpus, b->max_vcpus))
		return -ENOMEM;
	for (i = 0; i < cfg->vcpus; i++)
		libxl_bitmap_set(&b->avail_vcpus, (int)i);
	b->max_memkb = (uint64_t)cfg->memory_mib * HV_KIB_PER_MIB;
	b->target_memkb = b->max_memkb;
	/* Of grant tables the newer version is where the holes were, and only
	 * backends map what others grant. */
	b->max_grant_version = 1;
	if (!cfg->driver)
		b->max_maptrack_frames = 0;
	b->sched_params.weight = (int)cfg->weight;
	b->sched_params.cap = (int)cfg->cap;
	b->kernel = fd_path(cfg->kernel_fd);
	b->cmdline = strdup(cfg->cmdline);
	if (cfg->initrd_fd >= 0)
		b->ramdisk = fd_path(cfg->initrd_fd);
	/* It stays until its end has been looked at. */
	d->on_poweroff = d->on_reboot = d->on_crash =
		LIBXL_ACTION_ON_SHUTDOWN_PRESERVE;
	d->on_watchdog = d->on_soft_reset = LIBXL_ACTION_ON_SHUTDOWN_PRESERVE;
	if (!d->c_info.name || !b->kernel || !b->cmdline ||
	    (cfg->initrd_fd >= 0 && !b->ramdisk))
		return -ENOMEM;
	return 0;
}

/* Xen would notice half way through the build, and say less. */
static int check_memory(struct hv_xl *x, libxl_domain_config *d,
			struct errinfo *err)
{
	uint64_t need, there;
	int rc;

	rc = libxl_domain_need_memory(x->ctx, d, INVALID_DOMID, &need);
	if (rc)
		return hv_xl_failed(x, rc, "memory", err);
	rc = libxl_get_free_memory(x->ctx, &there);
	if (rc)
		return hv_xl_failed(x, rc, "free memory", err);
	if (there >= need || !libxl_wait_for_free_memory(x->ctx, INVALID_DOMID,
							 need, FREE_WAIT_SEC))
		return 0;
	return errinfo_set(err, -ENOMEM, "needs %llu MiB, %llu MiB are free",
			   (unsigned long long)need / HV_KIB_PER_MIB,
			   (unsigned long long)there / HV_KIB_PER_MIB);
}

static int build(struct hv_xl *x, const struct hv_config *cfg,
		 libxl_domain_type type, hv_domid *domid_out, struct errinfo *err)
{
	libxl_domain_config d;
	uint32_t domid = INVALID_DOMID;
	int rc;

	libxl_domain_config_init(&d);
	rc = fill_config(x->ctx, &d, cfg, type);
	if (rc) {
		errinfo_set_errno(err, rc, "configuration");
		goto out;
	}
	rc = check_memory(x, &d, err);
	if (rc)
		goto out;
	hv_xtl_reset(&x->xtl);
	rc = libxl_domain_create_new(x->ctx, &d, &domid, NULL, NULL);
	if (rc)
		rc = hv_xl_failed(x, rc, "build", err);
	else
		*domid_out = domid;
out:
	libxl_domain_config_dispose(&d);
	return rc;
}

/* libxl waits for its child by SIGCHLD, which an event loop may have blocked. */
static int destroy_unblocked(struct hv_xl *x, hv_domid domid)
{
	sigset_t chld, old;
	int rc;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	pthread_sigmask(SIG_UNBLOCK, &chld, &old);
	rc = libxl_domain_destroy(x->ctx, domid, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int hv_xl_destroy(void *be, hv_domid domid, struct errinfo *err)
{
	struct hv_xl *x = be;
	libxl_dominfo info;
	int rc, r;

	hv_xtl_reset(&x->xtl);
	libxl_dominfo_init(&info);
	rc = libxl_domain_info(x->ctx, &info, domid);
	libxl_dominfo_dispose(&info);
	if (rc) {
		/* Someone else destroyed it: its devices are still ours. */
		hv_hotplug_remove(x->xs, domid, NULL);
		return errinfo_set(err, -ENOENT, "it is gone");
	}
	libxl_domain_pause(x->ctx, domid, NULL);
	r = hv_hotplug_remove(x->xs, domid, err);
	hv_xtl_reset(&x->xtl);
	rc = destroy_unblocked(x, domid);
	if (rc)
		return hv_xl_failed(x, rc, "destroy", err);
	return r;
}

int hv_xl_create(void *be, const struct hv_config *cfg, hv_domid *domid_out,
		 struct errinfo *err)
{
	struct hv_xl *x = be;
	libxl_domain_type type = LIBXL_DOMAIN_TYPE_INVALID;
	hv_domid domid = 0;
	int rc;

	hv_xtl_reset(&x->xtl);
	rc = choose_kind(x, cfg->kind, &type, err);
	if (!rc)
		rc = hv_hotplug_check(x->xs, cfg, err);
	if (rc)
		return rc;
	rc = build(x, cfg, type, &domid, err); /* leaves it paused */
	if (rc)
		return rc;
	rc = hv_hotplug_add(x->xs, domid, cfg, err);
	if (rc)
		goto err_destroy;
	rc = hv_xb_write_keys(x->xs, domid, cfg->keys, cfg->key_count);
	if (rc) {
		errinfo_set_errno(err, rc, "vm-data");
		goto err_destroy;
	}
	if (!cfg->paused) {
		hv_xtl_reset(&x->xtl);
		rc = hv_xl_failed(x, libxl_domain_unpause(x->ctx, domid, NULL),
				  "unpause", err);
		if (rc)
			goto err_destroy;
	}
	*domid_out = domid;
	return 0;

err_destroy:
	hv_xl_destroy(x, domid, NULL);
	return rc;
}
