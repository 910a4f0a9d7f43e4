/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend-fake - domains that are files, for tests without a hypervisor.
 *
 * Behaves to its caller as libxl does: domains live on without us, are found
 * again, end by themselves, stay until destroyed, and take memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"

#include "backend.h"
#include "fake-disk.h"

#define DOM0_MIB 256

/* ---- open and close --------------------------------------------------- */

static void fake_close(void *be)
{
	struct hv_fake *f = be;

	hv_fake_disks_end(f);
	cleanup_close(&f->inotify);
	cleanup_close(&f->timer);
	cleanup_close(&f->epoll);
	free(f);
}

static int open_fds(struct hv_fake *f)
{
	struct epoll_event ev = { .events = EPOLLIN };

	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	f->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (f->inotify < 0 || f->timer < 0 || f->epoll < 0)
		return -errno;
	if (inotify_add_watch(f->inotify, f->dir,
			      IN_MOVED_TO | IN_DELETE | IN_MODIFY) < 0)
		return -errno;
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->inotify, &ev) < 0 ||
	    epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->timer, &ev) < 0)
		return -errno;
	return 0;
}

static int fake_open(void **be_out, const char *arg, hv_log_fn log,
		     void *log_arg, struct errinfo *err)
{
	struct hv_fake *f;
	int rc;

	(void)log;
	(void)log_arg;
	if (!*arg || strlen(arg) >= sizeof(f->dir))
		return errinfo_set(err, -EINVAL, "needs a folder: fake:DIR");
	f = calloc(1, sizeof(*f));
	if (!f)
		return errinfo_set_errno(err, -ENOMEM, "context");
	strcpy(f->dir, arg);
	f->inotify = f->timer = f->epoll = -1;
	rc = fileio_mkdirs(f->dir, 0700, err);
	if (!rc) {
		rc = open_fds(f);
		if (rc)
			errinfo_set_errno(err, rc, "%s", f->dir);
	}
	if (rc) {
		fake_close(f);
		return rc;
	}
	*be_out = f;
	return 0;
}

static int fake_fd(void *be)
{
	return ((struct hv_fake *)be)->epoll;
}

static int fake_drain(void *be, struct errinfo *err)
{
	struct hv_fake *f = be;
	char events[4096];
	uint64_t n;

	(void)err;
	while (read(f->inotify, events, sizeof(events)) > 0)
		continue;
	if (read(f->timer, &n, sizeof(n)) < 0)
		return 0; /* it has not fired */
	return 0;
}

/* ---- what is there ---------------------------------------------------- */

static int fail_if_told(struct hv_fake *f, const char *op, struct errinfo *err)
{
	if (!hv_fake_must_fail(f, op))
		return 0;
	return errinfo_set(err, -EIO, "fake failure of %s", op);
}

/* State and reason as of now. */
static void settle(struct hv_fake_dom *dom, int64_t now)
{
	bool ended = dom->end_ms >= 0 && now >= dom->end_ms;

	dom->d.reason = ended ? (enum hv_reason)dom->end_reason : HV_REASON_NONE;
	if (ended)
		dom->d.state = HV_STATE_SHUTDOWN;
	else
		dom->d.state = dom->paused ? HV_STATE_PAUSED : HV_STATE_RUNNING;
}

/* Wakes us at the next planned end. */
static void arm(struct hv_fake *f, const struct hv_fake_dom *doms, int count,
		int64_t now)
{
	struct itimerspec at = { 0 };
	int64_t next = -1;
	int i;

	for (i = 0; i < count; i++) {
		int64_t end = doms[i].end_ms;

		if (end > now && (next < 0 || end < next))
			next = end;
	}
	if (next >= 0) {
		at.it_value.tv_sec = next / 1000;
		at.it_value.tv_nsec = next % 1000 * 1000000 + 1;
	}
	timerfd_settime(f->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int load_all(struct hv_fake *f, struct hv_fake_dom **out,
		    struct errinfo *err)
{
	struct hv_fake_dom *doms = calloc(HV_DOMAIN_MAX, sizeof(*doms));
	int64_t now = clock_boot_ms();
	int i, n;

	*out = doms;
	if (!doms)
		return errinfo_set_errno(err, -ENOMEM, "domains");
	n = hv_fake_load_all(f, doms, HV_DOMAIN_MAX, err);
	for (i = 0; i < n; i++)
		settle(&doms[i], now);
	if (n >= 0)
		arm(f, doms, n, now);
	return n;
}

static int fake_list(void *be, struct hv_domain *out, size_t max,
		     struct errinfo *err)
{
	struct hv_fake *f = be;
	auto_free struct hv_fake_dom *doms = NULL;
	int i, n, rc;

	rc = fail_if_told(f, "list", err);
	if (rc)
		return rc;
	n = load_all(f, &doms, err);
	for (i = 0; i < n && (size_t)i < max; i++)
		out[i] = doms[i].d;
	return n > (int)max ? (int)max : n;
}

static int fake_host(void *be, struct hv_host *out, struct errinfo *err)
{
	struct hv_fake *f = be;
	auto_free struct hv_fake_dom *doms = NULL;
	uint64_t used = DOM0_MIB;
	int i, n;

	strcpy(out->xen_version, "4.17-fake");
	strcpy(out->cpu_model, "Fake CPU");
	out->total_mib = 2048;
	out->cpus = 2;
	out->hvm = out->hap = true;
	hv_fake_read_host(f, out);
	n = load_all(f, &doms, err);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++)
		used += doms[i].d.memory_mib;
	out->free_mib = used < out->total_mib ? out->total_mib - used : 0;
	return 0;
}

/* ---- create and destroy ----------------------------------------------- */

static int fill(struct hv_fake *f, struct hv_fake_dom *dom,
		const struct hv_config *cfg, struct errinfo *err)
{
	struct hv_host host = { 0 };
	int rc;

	rc = fake_host(f, &host, err);
	if (rc)
		return rc;
	if (cfg->memory_mib > host.free_mib)
		return errinfo_set(
			err, -ENOMEM, "needs %u MiB, %llu MiB are free",
			cfg->memory_mib, (unsigned long long)host.free_mib);
	if (cfg->kind == HV_KIND_PVH && !host.hvm)
		return errinfo_set(err, -EOPNOTSUPP,
				   "PVH needs a CPU with VT-x or SVM");
	snprintf(dom->d.name, sizeof(dom->d.name), "%s", cfg->name);
	memcpy(dom->d.uuid, cfg->uuid, HV_UUID_LEN);
	dom->d.kind =
		cfg->kind == HV_KIND_PV || !host.hvm ? HV_KIND_PV : HV_KIND_PVH;
	dom->d.memory_mib = dom->max_memory_mib = cfg->memory_mib;
	dom->d.vcpus = dom->max_vcpus = cfg->vcpus;
	dom->d.weight = cfg->weight;
	dom->d.cap = cfg->cap;
	dom->paused = cfg->paused;
	if (!dom->paused && dom->after_ms >= 0)
		dom->end_ms = clock_boot_ms() + dom->after_ms;
	return 0;
}

static void fill_devices(struct hv_fake_dom *dom, const struct hv_config *cfg)
{
	uint32_t i;

	for (i = 0; i < cfg->vbd_count; i++) {
		struct hv_vbd_info *v = &dom->vbds[dom->vbd_count++];

		snprintf(v->vdev, sizeof(v->vdev), "%s", cfg->vbds[i].vdev);
		snprintf(v->device, sizeof(v->device), "%s",
			 cfg->vbds[i].path ? cfg->vbds[i].path : "/dev/loop0");
		v->writable = cfg->vbds[i].writable;
	}
	for (i = 0; i < cfg->vif_count; i++) {
		struct hv_vif_info *v = &dom->vifs[dom->vif_count++];

		snprintf(v->bridge, sizeof(v->bridge), "%s",
			 cfg->vifs[i].bridge ? cfg->vifs[i].bridge : "");
		v->backend = cfg->vifs[i].backend;
		memcpy(v->mac, cfg->vifs[i].mac, sizeof(v->mac));
	}
}

static int write_console(struct hv_fake *f, hv_domid domid, const char *name,
			 const char *say, struct errinfo *err)
{
	char path[200], text[HV_CMDLINE_MAX + 128];
	int n;

	snprintf(path, sizeof(path), "%s/console-%u", f->dir, domid);
	n = snprintf(text, sizeof(text), "%s%sfake domain %s starts\n", say,
		     *say ? "\n" : "", name);
	return fileio_write_atomic(path, text, (size_t)n, 0600, err);
}

static int fake_create(void *be, const struct hv_config *cfg,
		       hv_domid *domid_out, struct errinfo *err)
{
	struct hv_fake *f = be;
	struct hv_fake_dom dom = { 0 };
	char say[HV_CMDLINE_MAX];
	auto_close int lock __attribute__((unused)) = hv_fake_lock(f);
	hv_domid domid;
	int rc;

	rc = fail_if_told(f, "create", err);
	if (!rc)
		rc = hv_fake_plan(cfg->cmdline, &dom, say, sizeof(say), err);
	if (!rc)
		rc = fill(f, &dom, cfg, err);
	if (!rc)
		rc = hv_fake_next_domid(f, &domid, err);
	if (rc)
		return rc;
	dom.d.domid = domid;
	fill_devices(&dom, cfg);
	rc = hv_fake_write_keys(f, domid, cfg, err);
	if (!rc)
		rc = write_console(f, domid, cfg->name, say, err);
	if (!rc)
		rc = hv_fake_save(f, &dom, err); /* now it is there */
	if (rc) {
		hv_fake_remove(f, domid);
		return rc;
	}
	*domid_out = domid;
	return 0;
}

static int fake_destroy(void *be, hv_domid domid, struct errinfo *err)
{
	struct hv_fake *f = be;
	auto_close int lock __attribute__((unused)) = hv_fake_lock(f);
	int rc;

	rc = fail_if_told(f, "destroy", err);
	if (!rc)
		hv_fake_remove(f, domid);
	return rc;
}

/* ---- change ----------------------------------------------------------- */

typedef int (*edit_fn)(struct hv_fake_dom *dom, uint32_t a, uint32_t b,
		       struct errinfo *err);

/* Reads, edits and writes one domain under the lock. */
static int edit(struct hv_fake *f, hv_domid domid, const char *op, edit_fn fn,
		uint32_t a, uint32_t b, struct errinfo *err)
{
	auto_close int lock __attribute__((unused)) = hv_fake_lock(f);
	struct hv_fake_dom dom;
	int rc;

	rc = fail_if_told(f, op, err);
	if (!rc)
		rc = hv_fake_load(f, domid, &dom, err);
	if (!rc)
		rc = fn(&dom, a, b, err);
	return rc ? rc : hv_fake_save(f, &dom, err);
}

static int do_shutdown(struct hv_fake_dom *dom, uint32_t a, uint32_t b,
		       struct errinfo *err)
{
	(void)a, (void)b, (void)err;
	if (dom->deaf)
		return 0;
	dom->end_ms = clock_boot_ms();
	dom->end_reason = HV_REASON_POWEROFF;
	return 0;
}

/* A paused guest's time stands still. */
static int do_pause(struct hv_fake_dom *dom, uint32_t on, uint32_t b,
		    struct errinfo *err)
{
	int64_t now = clock_boot_ms();

	(void)b, (void)err;
	if (on && !dom->paused && dom->end_ms >= 0) {
		dom->after_ms = dom->end_ms > now ? dom->end_ms - now : 0;
		dom->end_ms = -1;
	} else if (!on && dom->paused && dom->after_ms >= 0) {
		dom->end_ms = now + dom->after_ms;
	}
	dom->paused = on;
	return 0;
}

static int do_sched(struct hv_fake_dom *dom, uint32_t weight, uint32_t cap,
		    struct errinfo *err)
{
	(void)err;
	dom->d.weight = weight;
	dom->d.cap = cap;
	return 0;
}

static int do_memory(struct hv_fake_dom *dom, uint32_t mib, uint32_t b,
		     struct errinfo *err)
{
	(void)b;
	if (mib > dom->max_memory_mib)
		return errinfo_set(err, -EINVAL, "%u MiB is more than its %u MiB",
				   mib, dom->max_memory_mib);
	dom->d.memory_mib = mib;
	return 0;
}

static int do_vcpus(struct hv_fake_dom *dom, uint32_t vcpus, uint32_t b,
		    struct errinfo *err)
{
	(void)b;
	if (vcpus > dom->max_vcpus)
		return errinfo_set(err, -EINVAL, "%u is more than its %u",
				   vcpus, dom->max_vcpus);
	dom->d.vcpus = vcpus;
	return 0;
}

static int fake_shutdown(void *be, hv_domid domid, struct errinfo *err)
{
	return edit(be, domid, "shutdown", do_shutdown, 0, 0, err);
}

static int fake_pause(void *be, hv_domid domid, bool on, struct errinfo *err)
{
	return edit(be, domid, on ? "pause" : "unpause", do_pause, on, 0, err);
}

static int fake_set_sched(void *be, hv_domid domid, uint32_t weight,
			  uint32_t cap, struct errinfo *err)
{
	return edit(be, domid, "sched", do_sched, weight, cap, err);
}

static int fake_set_memory(void *be, hv_domid domid, uint32_t memory_mib,
			   struct errinfo *err)
{
	return edit(be, domid, "memory", do_memory, memory_mib, 0, err);
}

static int fake_set_vcpus(void *be, hv_domid domid, uint32_t vcpus,
			  struct errinfo *err)
{
	return edit(be, domid, "vcpus", do_vcpus, vcpus, 0, err);
}

static int fake_vbds(void *be, hv_domid domid, struct hv_vbd_info *out,
		     struct errinfo *err)
{
	struct hv_fake_dom dom;
	int rc = hv_fake_load(be, domid, &dom, err);

	if (rc)
		return rc;
	memcpy(out, dom.vbds, sizeof(dom.vbds));
	return (int)dom.vbd_count;
}

static int fake_vifs(void *be, hv_domid domid, struct hv_vif_info *out,
		     struct errinfo *err)
{
	struct hv_fake_dom dom;
	int rc = hv_fake_load(be, domid, &dom, err);

	if (rc)
		return rc;
	memcpy(out, dom.vifs, sizeof(dom.vifs));
	return (int)dom.vif_count;
}

static int fake_console(void *be, hv_domid domid)
{
	struct hv_fake *f = be;
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/console-%u", f->dir, domid);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	return fd;
}

const struct hv_ops hv_ops_fake = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.fd = fake_fd,
	.drain = fake_drain,
	.host = fake_host,
	.list = fake_list,
	.create = fake_create,
	.destroy = fake_destroy,
	.shutdown = fake_shutdown,
	.pause = fake_pause,
	.set_sched = fake_set_sched,
	.set_memory = fake_set_memory,
	.set_vcpus = fake_set_vcpus,
	.vbds = fake_vbds,
	.vifs = fake_vifs,
	.disk_attach = hv_fake_disk_attach,
	.disk_detach = hv_fake_disk_detach,
	.disk_vbd = hv_fake_disk_vbd,
	.mapped_vbd = hv_fake_mapped_vbd,
	.console = fake_console,
};
