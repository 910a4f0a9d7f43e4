/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend-libxl - Xen, through libxenlight. The only file that knows libxl;
 * its return codes end here.
 *
 * libxl builds domains without any device but the console; vbds and vifs are
 * ours (hotplug.h). It runs no script and no device model then. It forks only
 * to destroy a domain, as that hypercall may take long.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBXL_API_VERSION 0x041400
#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>

#include "cleanup.h"
#include "fileio.h"
#include "parse.h"

#include "backend.h"
#include "hotplug.h"
#include "libxl-log.h"
#include "xenbus.h"

#define KIB_PER_MIB   1024
#define PAGES_PER_MIB 256
#define FREE_WAIT_SEC 5 /* for memory of a domain just destroyed */
#define DEATHS        "@releaseDomain"

struct xl {
	libxl_ctx *ctx;
	struct hv_xtl xtl;
	struct xs_handle *xs; /* watches and device entries */
};

/* ---- errors ----------------------------------------------------------- */

static int to_errno(int rc)
{
	switch (rc) {
	case ERROR_NOMEM:
		return -ENOMEM;
	case ERROR_INVAL:
		return -EINVAL;
	case ERROR_NI:
	case ERROR_NOPARAVIRT:
		return -EOPNOTSUPP;
	case ERROR_TIMEDOUT:
	case ERROR_GUEST_TIMEDOUT:
		return -ETIMEDOUT;
	case ERROR_DOMAIN_NOTFOUND:
	case ERROR_DOMAIN_DESTROYED:
	case ERROR_NOTFOUND:
		return -ENOENT;
	default:
		return -EIO;
	}
}

/* Words libxl's failure by its own first complaint. */
static int failed(struct xl *x, int rc, const char *what, struct errinfo *err)
{
	if (!rc)
		return 0;
	if (x->xtl.first[0])
		return errinfo_set(err, to_errno(rc), "%s: %s", what,
				   x->xtl.first);
	return errinfo_set(err, to_errno(rc), "%s: libxl says %d", what, rc);
}

/* ---- open and close --------------------------------------------------- */

static void xl_close(void *be)
{
	struct xl *x = be;

	if (x->xs)
		xs_close(x->xs);
	if (x->ctx)
		libxl_ctx_free(x->ctx);
	free(x);
}

/* It reaps only its own child, and whoever called us may have others. */
static const libxl_childproc_hooks hooks = {
	.chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
};

static int open_handles(struct xl *x, struct errinfo *err)
{
	if (access("/proc/xen/privcmd", F_OK) < 0 &&
	    access("/dev/xen/privcmd", F_OK) < 0)
		return errinfo_set(err, -ENODEV, "not in dom0 of a Xen host");
	x->xs = xs_open(0);
	if (!x->xs)
		return errinfo_set_errno(err, -errno, "xenstored");
	if (libxl_ctx_alloc(&x->ctx, LIBXL_VERSION, 0, &x->xtl.vtable))
		return errinfo_set(err, -EIO, "%s",
				   x->xtl.first[0] ? x->xtl.first : "no context");
	libxl_childproc_setmode(x->ctx, &hooks, NULL);
	if (!xs_watch(x->xs, DEATHS, DEATHS))
		return errinfo_set_errno(err, -errno, "watch " DEATHS);
	return 0;
}

static int xl_open(void **be_out, const char *arg, hv_log_fn log, void *log_arg,
		   struct errinfo *err)
{
	struct xl *x;
	int rc;

	if (*arg)
		return errinfo_set(err, -EINVAL, "takes no argument");
	x = calloc(1, sizeof(*x));
	if (!x)
		return errinfo_set_errno(err, -ENOMEM, "context");
	hv_xtl_init(&x->xtl, log, log_arg);
	/* libxl keeps domain configurations in the one, domids in the other. */
	rc = fileio_mkdirs("/var/lib/xen", 0755, err);
	if (!rc)
		rc = fileio_mkdirs("/run/xen", 0755, err);
	if (!rc)
		rc = open_handles(x, err);
	if (rc) {
		xl_close(x);
		return rc;
	}
	*be_out = x;
	return 0;
}

static int xl_fd(void *be)
{
	return xs_fileno(((struct xl *)be)->xs);
}

static int xl_drain(void *be, struct errinfo *err)
{
	struct xl *x = be;
	char **event;

	for (;;) {
		event = xs_check_watch(x->xs);
		if (!event)
			break;
		free(event);
	}
	if (errno != EAGAIN)
		return errinfo_set_errno(err, -errno, "xenstored");
	return 0;
}

/* ---- facts ------------------------------------------------------------ */

static void read_cpu_model(char *out, size_t size)
{
	auto_fclose FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *p;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10))
			continue;
		p = strchr(line, ':');
		if (!p)
			continue;
		p += strspn(p, ": \t");
		p[strcspn(p, "\n")] = '\0';
		snprintf(out, size, "%s", p);
		return;
	}
}

static int xl_host(void *be, struct hv_host *out, struct errinfo *err)
{
	struct xl *x = be;
	const libxl_version_info *v;
	libxl_physinfo info;
	int rc;

	hv_xtl_reset(&x->xtl);
	v = libxl_get_version_info(x->ctx);
	if (!v)
		return failed(x, ERROR_FAIL, "version", err);
	libxl_physinfo_init(&info);
	rc = libxl_get_physinfo(x->ctx, &info);
	if (rc)
		return failed(x, rc, "host", err);
	snprintf(out->xen_version, sizeof(out->xen_version), "%d.%d%s",
		 v->xen_version_major, v->xen_version_minor,
		 v->xen_version_extra);
	snprintf(out->xen_cmdline, sizeof(out->xen_cmdline), "%s",
		 v->commandline);
	read_cpu_model(out->cpu_model, sizeof(out->cpu_model));
	out->total_mib = info.total_pages / PAGES_PER_MIB;
	out->free_mib =
		(info.free_pages + info.scrub_pages - info.outstanding_pages) /
		PAGES_PER_MIB;
	out->cpus = info.nr_cpus;
	out->hvm = info.cap_hvm;
	out->hap = info.cap_hap;
	out->iommu = info.cap_hvm_directio;
	libxl_physinfo_dispose(&info);
	return 0;
}

static enum hv_reason reason_of(const libxl_dominfo *d)
{
	switch (d->shutdown_reason) {
	case LIBXL_SHUTDOWN_REASON_POWEROFF:
		return HV_REASON_POWEROFF;
	case LIBXL_SHUTDOWN_REASON_REBOOT:
	case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
		return HV_REASON_REBOOT;
	case LIBXL_SHUTDOWN_REASON_SUSPEND:
		return HV_REASON_SUSPEND;
	default:
		return HV_REASON_CRASH;
	}
}

static void fill_state(const libxl_dominfo *d, struct hv_domain *out)
{
	if (d->shutdown) {
		out->reason = reason_of(d);
		out->state = HV_STATE_SHUTDOWN;
	} else if (d->dying) {
		out->reason = HV_REASON_DESTROYED;
	} else {
		out->state = d->paused ? HV_STATE_PAUSED : HV_STATE_RUNNING;
	}
	if (d->dying)
		out->state = HV_STATE_DYING;
}

static void fill_domain(struct xl *x, const libxl_dominfo *d,
			struct hv_domain *out)
{
	auto_free char *name = libxl_domid_to_name(x->ctx, d->domid);
	libxl_domain_sched_params sched;

	out->domid = d->domid;
	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
	memcpy(out->uuid, libxl_uuid_bytearray_const(&d->uuid), HV_UUID_LEN);
	out->kind = d->domain_type == LIBXL_DOMAIN_TYPE_PV ? HV_KIND_PV
							   : HV_KIND_PVH;
	fill_state(d, out);
	out->memory_mib =
		(uint32_t)((d->current_memkb + KIB_PER_MIB - 1) / KIB_PER_MIB);
	out->vcpus = d->vcpu_online;
	out->cpu_ms = d->cpu_time / 1000000;
	libxl_domain_sched_params_init(&sched);
	if (!d->dying &&
	    !libxl_domain_sched_params_get(x->ctx, d->domid, &sched)) {
		out->weight = (uint32_t)sched.weight;
		out->cap = (uint32_t)sched.cap;
	}
	libxl_domain_sched_params_dispose(&sched);
}

static int xl_list(void *be, struct hv_domain *out, size_t max,
		   struct errinfo *err)
{
	struct xl *x = be;
	libxl_dominfo *info;
	int i, count = 0, n = 0;

	hv_xtl_reset(&x->xtl);
	info = libxl_list_domain(x->ctx, &count);
	if (!info)
		return failed(x, ERROR_FAIL, "list", err);
	for (i = 0; i < count && (size_t)n < max; i++) {
		if (info[i].domid)
			fill_domain(x, &info[i], &out[n++]);
	}
	libxl_dominfo_list_free(info, count);
	return n;
}

/* ---- create ----------------------------------------------------------- */

static int choose_kind(struct xl *x, enum hv_kind kind, libxl_domain_type *out,
		       struct errinfo *err)
{
	libxl_physinfo info;
	bool pvh, pv;
	int rc;

	libxl_physinfo_init(&info);
	rc = libxl_get_physinfo(x->ctx, &info);
	if (rc)
		return failed(x, rc, "host", err);
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
	b->max_memkb = (uint64_t)cfg->memory_mib * KIB_PER_MIB;
	b->target_memkb = b->max_memkb;
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
static int check_memory(struct xl *x, libxl_domain_config *d, struct errinfo *err)
{
	uint64_t need, there;
	int rc;

	rc = libxl_domain_need_memory(x->ctx, d, INVALID_DOMID, &need);
	if (rc)
		return failed(x, rc, "memory", err);
	rc = libxl_get_free_memory(x->ctx, &there);
	if (rc)
		return failed(x, rc, "free memory", err);
	if (there >= need || !libxl_wait_for_free_memory(x->ctx, INVALID_DOMID,
							 need, FREE_WAIT_SEC))
		return 0;
	return errinfo_set(err, -ENOMEM, "needs %llu MiB, %llu MiB are free",
			   (unsigned long long)need / KIB_PER_MIB,
			   (unsigned long long)there / KIB_PER_MIB);
}

static int build(struct xl *x, const struct hv_config *cfg,
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
		rc = failed(x, rc, "build", err);
	else
		*domid_out = domid;
out:
	libxl_domain_config_dispose(&d);
	return rc;
}

static int xl_destroy(void *be, hv_domid domid, struct errinfo *err);

static int xl_create(void *be, const struct hv_config *cfg, hv_domid *domid_out,
		     struct errinfo *err)
{
	struct xl *x = be;
	libxl_domain_type type = LIBXL_DOMAIN_TYPE_INVALID;
	hv_domid domid = 0;
	int rc;

	hv_xtl_reset(&x->xtl);
	rc = choose_kind(x, cfg->kind, &type, err);
	if (!rc)
		rc = hv_hotplug_check(cfg, err);
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
		rc = failed(x, libxl_domain_unpause(x->ctx, domid, NULL),
			    "unpause", err);
		if (rc)
			goto err_destroy;
	}
	*domid_out = domid;
	return 0;

err_destroy:
	xl_destroy(x, domid, NULL);
	return rc;
}

/* ---- change ----------------------------------------------------------- */

/* libxl waits for its child by SIGCHLD, which an event loop may have blocked. */
static int destroy_unblocked(struct xl *x, hv_domid domid)
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

static int xl_destroy(void *be, hv_domid domid, struct errinfo *err)
{
	struct xl *x = be;
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
		return failed(x, rc, "destroy", err);
	return r;
}

static int xl_shutdown(void *be, hv_domid domid, struct errinfo *err)
{
	struct xl *x = be;

	hv_xtl_reset(&x->xtl);
	return failed(x, libxl_domain_shutdown(x->ctx, domid, NULL), "request",
		      err);
}

static int xl_pause(void *be, hv_domid domid, bool on, struct errinfo *err)
{
	struct xl *x = be;
	int rc;

	hv_xtl_reset(&x->xtl);
	if (on)
		rc = libxl_domain_pause(x->ctx, domid, NULL);
	else
		rc = libxl_domain_unpause(x->ctx, domid, NULL);
	return failed(x, rc, "hypervisor", err);
}

static int xl_set_sched(void *be, hv_domid domid, uint32_t weight, uint32_t cap,
			struct errinfo *err)
{
	struct xl *x = be;
	libxl_domain_sched_params p;
	int rc;

	hv_xtl_reset(&x->xtl);
	libxl_domain_sched_params_init(&p);
	p.weight = (int)weight;
	p.cap = (int)cap;
	rc = libxl_domain_sched_params_set(x->ctx, domid, &p);
	libxl_domain_sched_params_dispose(&p);
	return failed(x, rc, "scheduler", err);
}

static int xl_set_memory(void *be, hv_domid domid, uint32_t memory_mib,
			 struct errinfo *err)
{
	struct xl *x = be;
	char text[HV_XB_VALUE_MAX];
	uint64_t max, kib = (uint64_t)memory_mib * KIB_PER_MIB;

	hv_xtl_reset(&x->xtl);
	if (!hv_xb_read(x->xs, text, "/local/domain/%u/memory/static-max", domid) &&
	    !parse_u64(text, 0, INT64_MAX, &max) && kib > max)
		return errinfo_set(err, -EINVAL,
				   "%u MiB is more than its %llu MiB", memory_mib,
				   (unsigned long long)max / KIB_PER_MIB);
	return failed(x,
		      libxl_set_memory_target(x->ctx, domid, (int64_t)kib, 0, 1),
		      "target", err);
}

static int xl_set_vcpus(void *be, hv_domid domid, uint32_t vcpus,
			struct errinfo *err)
{
	struct xl *x = be;
	libxl_dominfo info;
	libxl_bitmap map;
	uint32_t i;
	int rc;

	hv_xtl_reset(&x->xtl);
	libxl_dominfo_init(&info);
	rc = libxl_domain_info(x->ctx, &info, domid);
	if (rc)
		return failed(x, rc, "info", err);
	if (vcpus > info.vcpu_max_id + 1) {
		rc = errinfo_set(err, -EINVAL, "%u is more than its %u", vcpus,
				 info.vcpu_max_id + 1);
		libxl_dominfo_dispose(&info);
		return rc;
	}
	libxl_bitmap_init(&map);
	rc = libxl_cpu_bitmap_alloc(x->ctx, &map, (int)info.vcpu_max_id + 1);
	for (i = 0; !rc && i < vcpus; i++)
		libxl_bitmap_set(&map, (int)i);
	if (!rc)
		rc = libxl_set_vcpuonline(x->ctx, domid, &map, NULL);
	libxl_bitmap_dispose(&map);
	libxl_dominfo_dispose(&info);
	return failed(x, rc, "set", err);
}

static int xl_vbds(void *be, hv_domid domid, struct hv_vbd_info *out,
		   struct errinfo *err)
{
	int n = hv_vbd_list(((struct xl *)be)->xs, domid, out);

	return n < 0 ? errinfo_set_errno(err, n, "xenstore") : n;
}

static int xl_vifs(void *be, hv_domid domid, struct hv_vif_info *out,
		   struct errinfo *err)
{
	int n = hv_vif_list(((struct xl *)be)->xs, domid, out);

	return n < 0 ? errinfo_set_errno(err, n, "xenstore") : n;
}

/* xenconsoled makes the pty in its own time and then says where it is. */
static int xl_console(void *be, hv_domid domid)
{
	struct xl *x = be;
	char node[HV_XB_PATH_MAX], tty[HV_XB_VALUE_MAX];
	int fd, rc;

	snprintf(node, sizeof(node), "/local/domain/%u/console/tty", domid);
	rc = hv_xb_read(x->xs, tty, "%s", node);
	if (rc || !tty[0]) {
		/* -EEXIST where we asked before. */
		xs_watch(x->xs, node, node);
		return -EAGAIN;
	}
	xs_unwatch(x->xs, node, node);
	if (strncmp(tty, "/dev/pts/", 9))
		return -EINVAL;
	fd = open(tty, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

const struct hv_ops hv_ops_libxl = {
	.name = "libxl",
	.open = xl_open,
	.close = xl_close,
	.fd = xl_fd,
	.drain = xl_drain,
	.host = xl_host,
	.list = xl_list,
	.create = xl_create,
	.destroy = xl_destroy,
	.shutdown = xl_shutdown,
	.pause = xl_pause,
	.set_sched = xl_set_sched,
	.set_memory = xl_set_memory,
	.set_vcpus = xl_set_vcpus,
	.vbds = xl_vbds,
	.vifs = xl_vifs,
	.console = xl_console,
};
