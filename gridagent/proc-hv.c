/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv - the one process with rights to the hypervisor. It does what a checked
 * message asks, after its own floor (policy.c), and tells of deaths. It keeps
 * no state of its own: Xen has it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "cmdline.h"
#include "facts.h"
#include "hv-config.h"
#include "hv-netdom.h"
#include "hv-scratch.h"
#include "hv-walls.h"
#include "hv_disk.h"
#include "ipc.h"
#include "log.h"
#include "policy.h"
#include "watchdog.h"

#define DOMID_NONE 0x7fff /* nobody's */

_Static_assert(MSG_CONFIG_MAX <= HV_KEY_MAX, "hv.h");
_Static_assert(MSG_CONFIG_VAL_LEN - 1 <= HV_KEY_VALUE_MAX, "hv.h");
_Static_assert(MSG_TAG_LEN == 2 * HV_UUID_LEN + 1, "hv.h");

static struct {
	const char *bridge, *netdom;
	hv_domid netdom_id; /* 0: it does not run */
	uint8_t mac[PARSE_MAC_LEN];
	int have_mac;
	const char *backend;
	const char *cmdlines;
	int watchdog; /* -1: none */
	int is_real;  /* the hypervisor is no fake */
	struct hv *hv;
	struct ipc *main;
} self;

static void on_hv_log(enum hv_log_level level, const char *text, void *arg)
{
	static const enum log_level levels[] = {
		[HV_LOG_ERR] = LOG_LEVEL_WARN, /* the call's error is told */
		[HV_LOG_WARN] = LOG_LEVEL_WARN,
		[HV_LOG_INFO] = LOG_LEVEL_DEBUG,
		[HV_LOG_DEBUG] = LOG_LEVEL_DEBUG,
	};
	char quoted[512];

	(void)arg;
	log_write(levels[level], __FILE__, __LINE__, "%s",
		  log_quote(quoted, sizeof(quoted), text, strlen(text)));
}

int proc_hv_prepare(const struct options *o, struct errinfo *err)
{
	self.bridge = o->bridge;
	self.netdom = o->netdom;
	self.have_mac = o->mac && !parse_mac(o->mac, self.mac);
	self.backend = o->backend;
	self.is_real = strncmp(o->backend, "fake:", 5) != 0;
	if (self.netdom && !self.have_mac)
		return errinfo_set(err, -EINVAL, "netdom needs the NIC's MAC");
	self.cmdlines = o->cmdlines;
	self.watchdog = -1;
	if (!o->watchdog_sec)
		return 0;
	self.watchdog = watchdog_open(o->watchdog_sec, err);
	return self.watchdog < 0 ? self.watchdog : 0;
}

static void must_send(int rc)
{
	if (rc)
		exit(EXIT_FAILURE);
}

static void done_create(uint32_t id, int rc, hv_domid domid, int pv,
			const struct errinfo *err)
{
	struct msg_hv_done d = { .rc = rc,
				 .domid = rc ? 0 : (int32_t)domid,
				 .pv = pv };
	const char *text = rc ? errinfo_text(err, rc) : "";

	log_quote(d.text, sizeof(d.text), text, strlen(text));
	must_send(ipc_post(self.main, MSG_HV_DONE, id, &d));
}

static void done(uint32_t id, int rc, hv_domid domid, const struct errinfo *err)
{
	done_create(id, rc, domid, 0, err);
}

static int host_get(struct hv_host *h, struct errinfo *err)
{
	memset(h, 0, sizeof(*h));
	return hv_host_get(self.hv, h, err);
}

static void on_facts(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg_hv_facts f = { 0 };
	struct hv_host h;
	int rc;

	if (self.have_mac)
		format_mac(self.mac, f.mac);
	facts_read("", &f);
	if (self.have_mac) /* whatever the loader left */
		format_mac(self.mac, f.mac);
	rc = host_get(&h, &err);
	if (!rc && self.cmdlines)
		rc = cmdline_check_both(self.cmdlines, h.xen_cmdline,
					f.dom0_cmdline, &err);
	if (!rc) {
		facts_text(f.xen_version, sizeof(f.xen_version), h.xen_version);
		facts_text(f.xen_cmdline, sizeof(f.xen_cmdline), h.xen_cmdline);
		if (h.cpu_model[0])
			facts_text(f.cpu_model, sizeof(f.cpu_model), h.cpu_model);
		f.memory_mib = h.total_mib;
		f.free_mib = h.free_mib;
		f.cpus = (int32_t)h.cpus;
		f.hvm = h.hvm;
		f.hap = h.hap;
		f.iommu = h.iommu;
		must_send(ipc_post(self.main, MSG_HV_FACTS_ARE, m->id, &f));
	}
	done(m->id, rc, 0, &err);
}

static void on_host(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg_hv_host is = { 0 };
	struct hv_host h;
	int rc;

	rc = host_get(&h, &err);
	is.free_mib = h.free_mib;
	is.dom0_free_mib = facts_free_mib("");
	if (!rc)
		must_send(ipc_post(self.main, MSG_HV_HOST_IS, m->id, &is));
	done(m->id, rc, 0, &err);
}

/* The domUs; netdom is not one of them. */
static int list(struct hv_domain *out, struct errinfo *err)
{
	int n = hv_domain_list(self.hv, out, HV_DOMAIN_MAX, err), kept = 0;

	for (int i = 0; i < n; i++)
		if (strcmp(out[i].name, NETDOM_NAME) != 0)
			out[kept++] = out[i];
	return n < 0 ? n : kept;
}

static void on_list(const struct msg *m)
{
	struct hv_domain doms[HV_DOMAIN_MAX];
	struct errinfo err = ERRINFO_INIT;
	int n = list(doms, &err);

	for (int i = 0; i < n; i++) {
		struct msg_hv_domain d = { .domid = (int32_t)doms[i].domid };

		if (!parse_is_name(doms[i].name) ||
		    doms[i].state == HV_STATE_DYING)
			continue; /* not ours, or gone soon */
		d.dead = doms[i].state == HV_STATE_SHUTDOWN;
		d.pv = doms[i].kind == HV_KIND_PV;
		snprintf(d.id, sizeof(d.id), "%s", doms[i].name);
		format_hex(doms[i].uuid, sizeof(doms[i].uuid), d.tag);
		must_send(ipc_post(self.main, MSG_HV_DOMAIN, m->id, &d));
	}
	done(m->id, n < 0 ? n : 0, 0, &err);
}

static int create(const struct msg *m, hv_domid *domid, struct errinfo *err)
{
	const struct msg_hv_create *q = m->body;
	struct hv_config cfg = HV_CONFIG_INIT;
	struct hv_domain doms[HV_DOMAIN_MAX];
	char path[HV_PATH_MAX + 1], scratch[HV_PATH_MAX + 1];
	struct policy_host host;
	struct hv_host h;
	int n, rc;

	rc = self.is_real ? hv_modules_check(err) : 0;
	if (!rc)
		rc = host_get(&h, err);
	if (rc)
		return rc;
	n = list(doms, err);
	if (n < 0)
		return n;
	host = (struct policy_host){ h.total_mib, h.free_mib, (int)h.cpus, n };
	rc = policy_create(q, m->n_fds, &host, err);
	for (int i = 0; i < m->n_fds && !rc; i++)
		rc = policy_fd(m->fds[i], i ? "initrd" : "kernel", err);
	if (rc)
		return rc;
	hv_config_fill(&cfg, q, m->fds);
	if (self.netdom)
		hv_config_lead(&cfg.vifs[0], &q->domu,
			       self.netdom_id ? self.netdom_id : DOMID_NONE);
	else
		cfg.vifs[0].bridge = self.bridge;
	rc = hv_disk_vbd(self.hv, (uint32_t)q->device, q->disk, &cfg.vbds[0],
			 path, err);
	if (!rc && q->scratch >= 0)
		rc = hv_scratch_add(self.hv, (uint32_t)q->scratch, &cfg,
				    scratch, err);
	return rc ? rc : hv_domain_create(self.hv, &cfg, domid, err);
}

static void on_netdom(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;
	hv_domid domid = 0;
	int rc;

	if (!self.netdom)
		rc = errinfo_set(&err, -EPERM, "started without netdom");
	else
		rc = netdom_start(self.hv, self.netdom, self.bridge, self.mac,
				  &domid, &err);
	if (!rc)
		rc = hv_walls_load(self.bridge, domid, self.mac, NULL, &err);
	self.netdom_id = rc ? 0 : domid;
	done(m->id, rc, domid, &err);
}

static void on_walls(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (!self.netdom_id)
		rc = errinfo_set(&err, -EPERM, "walls, but no netdom");
	else
		rc = hv_walls_load(self.bridge, self.netdom_id, self.mac,
				   m->body, &err);
	done(m->id, rc, 0, &err);
}

static void on_attach(const struct msg *m)
{
	const struct msg_hv_attach *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	struct msg_hv_done d = { 0 };
	uint32_t device = 0;
	const char *text;

	d.rc = hv_disk_attach(self.hv, q->disk, q->size, m->fds[0], &device,
			      &err);
	d.device = d.rc ? 0 : (int32_t)device;
	text = d.rc ? errinfo_text(&err, d.rc) : "";
	log_quote(d.text, sizeof(d.text), text, strlen(text));
	must_send(ipc_post(self.main, MSG_HV_DONE, m->id, &d));
}

static void on_detach(const struct msg *m)
{
	const struct msg_hv_detach *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	int rc = hv_disk_detach(self.hv, (uint32_t)q->device, q->disk, &err);

	done(m->id, rc == -ENOENT ? 0 : rc, 0, &err);
}

static void on_create(const struct msg *m)
{
	struct errinfo err = ERRINFO_INIT;
	struct hv_domain d;
	hv_domid domid = 0;
	int rc, pv = 0;

	rc = create(m, &domid, &err);
	if (!rc && !hv_domain_get(self.hv, domid, &d, NULL))
		pv = d.kind == HV_KIND_PV;
	done_create(m->id, rc, domid, pv, &err);
}

/* Both number and name: a number alone may be another domain's by now. */
static int find(int32_t domid, const char *id, struct errinfo *err)
{
	struct hv_domain d;
	int rc;

	rc = hv_domain_get(self.hv, (hv_domid)domid, &d, err);
	if (rc)
		return rc;
	if (strcmp(d.name, id) != 0)
		return errinfo_set(err, -EPERM, "domain %d is not '%s'", domid,
				   id);
	return 0;
}

static void on_shutdown(const struct msg *m)
{
	const struct msg_hv_domid *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	rc = find(q->domid, q->id, &err);
	if (!rc)
		rc = hv_domain_shutdown(self.hv, (hv_domid)q->domid, &err);
	done(m->id, rc, (hv_domid)q->domid, &err);
}

static void on_destroy(const struct msg *m)
{
	const struct msg_hv_domid *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	rc = find(q->domid, q->id, &err);
	if (!rc)
		rc = hv_domain_destroy(self.hv, (hv_domid)q->domid, &err);
	done(m->id, rc == -ENOENT ? 0 : rc, (hv_domid)q->domid, &err);
}

static void on_sched(const struct msg *m)
{
	const struct msg_hv_sched *q = m->body;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	rc = find(q->domid, q->id, &err);
	if (!rc)
		rc = hv_domain_set_sched(self.hv, (hv_domid)q->domid,
					 (uint32_t)q->weight, (uint32_t)q->cap,
					 &err);
	done(m->id, rc, (hv_domid)q->domid, &err);
}

/* The clock is for people who read logs, and for domUs; no check of ours
 * trusts it. */
static void on_clock(const struct msg *m)
{
	const struct msg_hv_clock *q = m->body;
	struct timespec ts = { .tv_sec = q->unix_ms / 1000,
			       .tv_nsec = q->unix_ms % 1000 * 1000000 };
	struct errinfo err = ERRINFO_INIT;
	int rc = 0;

	if (self.is_real && clock_settime(CLOCK_REALTIME, &ts) < 0)
		rc = errinfo_set_errno(&err, -errno, "clock");
	done(m->id, rc, 0, &err);
}

static void on_alive(const struct msg *m)
{
	(void)m;
	watchdog_feed(self.watchdog);
}

static void on_main(void)
{
	static void (*const handlers[MSG_TYPES])(const struct msg *m) = {
		[MSG_HV_FACTS] = on_facts,       [MSG_HV_HOST] = on_host,
		[MSG_HV_LIST] = on_list,         [MSG_HV_CREATE] = on_create,
		[MSG_HV_SHUTDOWN] = on_shutdown, [MSG_HV_DESTROY] = on_destroy,
		[MSG_HV_ATTACH] = on_attach,     [MSG_HV_DETACH] = on_detach,
		[MSG_HV_SCHED] = on_sched,       [MSG_HV_CLOCK] = on_clock,
		[MSG_HV_ALIVE] = on_alive,       [MSG_HV_NETDOM] = on_netdom,
		[MSG_HV_WALLS] = on_walls,
	};
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r = ipc_recv(self.main, &m, &err);

	if (r < 0) {
		if (r != -EPIPE)
			log_err("%s", errinfo_text(&err, r));
		exit(EXIT_FAILURE);
	}
	if (handlers[m.type])
		handlers[m.type](&m);
	ipc_close_fds(&m);
}

static enum msg_death death_of(enum hv_reason reason)
{
	switch (reason) {
	case HV_REASON_POWEROFF:
		return MSG_DEATH_POWEROFF;
	case HV_REASON_REBOOT:
		return MSG_DEATH_REBOOT;
	case HV_REASON_CRASH:
		return MSG_DEATH_CRASH;
	default:
		return MSG_DEATH_OTHER;
	}
}

/* The newest MSG_CONSOLE_MAX bytes that the ring still has. */
static size_t console_tail(hv_domid domid, char out[MSG_CONSOLE_MAX])
{
	static char ring[HV_CONSOLE_RING];
	uint64_t pos = 0;
	int n = hv_console_read(self.hv, domid, &pos, ring, sizeof(ring), NULL);
	size_t len;

	if (n <= 0)
		return 0;
	len = n < MSG_CONSOLE_MAX ? (size_t)n : MSG_CONSOLE_MAX;
	memcpy(out, ring + n - len, len);
	return len;
}

static void tell_deaths(void)
{
	char console[MSG_CONSOLE_MAX];
	struct hv_event e;

	while (hv_event_next(self.hv, &e)) {
		struct msg_hv_death d = { .domid = (int32_t)e.domid,
					  .reason = death_of(e.reason) };
		size_t len = console_tail(e.domid, console);

		if (!parse_is_name(e.name))
			continue;
		snprintf(d.id, sizeof(d.id), "%s", e.name);
		must_send(ipc_send(self.main, MSG_HV_DEATH, 0, &d, console, len,
				   NULL, 0));
	}
}

static void on_xen(void)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	rc = hv_dispatch(self.hv, &err);
	if (rc)
		log_warn("%s", errinfo_text(&err, rc));
}

int proc_hv_run(const struct child_fds *fds)
{
	struct errinfo err = ERRINFO_INIT;
	struct pollfd p[2];

	/* In the sandbox already: its filter holds for all that libxl does. */
	self.hv = hv_open(self.backend, on_hv_log, NULL, &err);
	if (!self.hv) {
		log_err("%s", errinfo_text(&err, err.rc));
		return EXIT_FAILURE;
	}
	self.main = ipc_new(fds->peer[MSG_MAIN], MSG_HV, MSG_MAIN, 0);
	if (!self.main)
		return EXIT_FAILURE;
	p[0] = (struct pollfd){ ipc_fd(self.main), POLLIN, 0 };
	p[1] = (struct pollfd){ hv_fd(self.hv), POLLIN, 0 };
	for (;;) {
		tell_deaths();
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		if (p[1].revents)
			on_xen();
		if (p[0].revents)
			on_main();
	}
}
