/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend-libxl - Xen, through libxenlight. libxl*.c alone know libxl; its
 * return codes end there.
 *
 * libxl builds domains without any device but the console; vbds and vifs are
 * ours (hotplug.h). It runs no script and no device model then. It forks only
 * to destroy a domain, as that hypercall may take long.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "parse.h"

#include "backend-libxl.h"
#include "hotplug.h"
#include "nbd.h"
#include "xenbus.h"

#define DEATHS "@releaseDomain"

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

int hv_xl_failed(struct hv_xl *x, int rc, const char *what, struct errinfo *err)
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
	struct hv_xl *x = be;

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

static int open_handles(struct hv_xl *x, struct errinfo *err)
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
	struct hv_xl *x;
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
	return xs_fileno(((struct hv_xl *)be)->xs);
}

static int xl_drain(void *be, struct errinfo *err)
{
	struct hv_xl *x = be;
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

/* ---- change ----------------------------------------------------------- */

static int xl_shutdown(void *be, hv_domid domid, struct errinfo *err)
{
	struct hv_xl *x = be;

	hv_xtl_reset(&x->xtl);
	return hv_xl_failed(x, libxl_domain_shutdown(x->ctx, domid, NULL),
			    "request", err);
}

static int xl_pause(void *be, hv_domid domid, bool on, struct errinfo *err)
{
	struct hv_xl *x = be;
	int rc;

	hv_xtl_reset(&x->xtl);
	if (on)
		rc = libxl_domain_pause(x->ctx, domid, NULL);
	else
		rc = libxl_domain_unpause(x->ctx, domid, NULL);
	return hv_xl_failed(x, rc, "hypervisor", err);
}

static int xl_set_sched(void *be, hv_domid domid, uint32_t weight, uint32_t cap,
			struct errinfo *err)
{
	struct hv_xl *x = be;
	libxl_domain_sched_params p;
	int rc;

	hv_xtl_reset(&x->xtl);
	libxl_domain_sched_params_init(&p);
	p.weight = (int)weight;
	p.cap = (int)cap;
	rc = libxl_domain_sched_params_set(x->ctx, domid, &p);
	libxl_domain_sched_params_dispose(&p);
	return hv_xl_failed(x, rc, "scheduler", err);
}

static int xl_set_memory(void *be, hv_domid domid, uint32_t memory_mib,
			 struct errinfo *err)
{
	struct hv_xl *x = be;
	char text[HV_XB_VALUE_MAX];
	uint64_t max, kib = (uint64_t)memory_mib * HV_KIB_PER_MIB;

	hv_xtl_reset(&x->xtl);
	if (!hv_xb_read(x->xs, text, "/local/domain/%u/memory/static-max", domid) &&
	    !parse_u64(text, 0, INT64_MAX, &max) && kib > max)
		return errinfo_set(err, -EINVAL,
				   "%u MiB is more than its %llu MiB", memory_mib,
				   (unsigned long long)max / HV_KIB_PER_MIB);
	return hv_xl_failed(
		x, libxl_set_memory_target(x->ctx, domid, (int64_t)kib, 0, 1),
		"target", err);
}

static int xl_set_vcpus(void *be, hv_domid domid, uint32_t vcpus,
			struct errinfo *err)
{
	struct hv_xl *x = be;
	libxl_dominfo info;
	libxl_bitmap map;
	uint32_t i;
	int rc;

	hv_xtl_reset(&x->xtl);
	libxl_dominfo_init(&info);
	rc = libxl_domain_info(x->ctx, &info, domid);
	if (rc)
		return hv_xl_failed(x, rc, "info", err);
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
	return hv_xl_failed(x, rc, "set", err);
}

static int xl_vbds(void *be, hv_domid domid, struct hv_vbd_info *out,
		   struct errinfo *err)
{
	int n = hv_vbd_list(((struct hv_xl *)be)->xs, domid, out);

	return n < 0 ? errinfo_set_errno(err, n, "xenstore") : n;
}

static int xl_vifs(void *be, hv_domid domid, struct hv_vif_info *out,
		   struct errinfo *err)
{
	int n = hv_vif_list(((struct hv_xl *)be)->xs, domid, out);

	return n < 0 ? errinfo_set_errno(err, n, "xenstore") : n;
}

/* xenconsoled makes the pty in its own time and then says where it is. */
static int xl_console(void *be, hv_domid domid)
{
	struct hv_xl *x = be;
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

/* ---- disks ---------------------------------------------------------------- */

static int xl_disk_attach(void *be, const char *disk, uint64_t size, int fd,
			  uint32_t *device_out, struct errinfo *err)
{
	(void)be;
	return hv_nbd_attach(disk, size, fd, device_out, err);
}

static int xl_disk_detach(void *be, uint32_t device, const char *disk,
			  struct errinfo *err)
{
	(void)be;
	return hv_nbd_detach(device, disk, err);
}

static int xl_disk_vbd(void *be, uint32_t device, const char *disk,
		       struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
		       struct errinfo *err)
{
	int rc = hv_nbd_check(device, disk, err);

	(void)be;
	if (rc)
		return rc;
	snprintf(path, HV_PATH_MAX + 1, "/dev/nbd%u", device);
	vbd->path = path;
	vbd->fd = -1;
	return 0;
}

/* A number may be another device's: it is what its name says. */
static int xl_mapped_vbd(void *be, uint32_t minor, const char *name,
			 struct hv_vbd *vbd, char path[HV_PATH_MAX + 1],
			 struct errinfo *err)
{
	auto_free char *text = NULL;
	int rc;

	(void)be;
	snprintf(path, HV_PATH_MAX + 1, "/sys/block/dm-%u/dm/name", minor);
	rc = fileio_read(path, 256, &text, NULL, err);
	if (rc)
		return rc;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, name) != 0)
		return errinfo_set(err, -EPERM, "dm-%u is not %s", minor, name);
	snprintf(path, HV_PATH_MAX + 1, "/dev/dm-%u", minor);
	vbd->path = path;
	vbd->fd = -1;
	vbd->writable = true;
	return 0;
}

const struct hv_ops hv_ops_libxl = {
	.name = "libxl",
	.open = xl_open,
	.close = xl_close,
	.fd = xl_fd,
	.drain = xl_drain,
	.host = hv_xl_host,
	.list = hv_xl_list,
	.create = hv_xl_create,
	.destroy = hv_xl_destroy,
	.shutdown = xl_shutdown,
	.pause = xl_pause,
	.set_sched = xl_set_sched,
	.set_memory = xl_set_memory,
	.set_vcpus = xl_set_vcpus,
	.vbds = xl_vbds,
	.vifs = xl_vifs,
	.disk_attach = xl_disk_attach,
	.disk_detach = xl_disk_detach,
	.disk_vbd = xl_disk_vbd,
	.mapped_vbd = xl_mapped_vbd,
	.console = xl_console,
};
