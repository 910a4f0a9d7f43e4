/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch - the one process that loads drivers for disks, closes modules and
 * opens a disk of the PC. It is root; in return it has no network, no Xen and
 * starts no program, and speaks with main alone. It keeps no state of its own:
 * the kernel has it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "drivers.h"
#include "fake-scratch.h"
#include "fileio.h"
#include "ipc.h"
#include "log.h"
#include "parse.h"
#include "policy.h"
#include "scratch.h"

#define MODULES_DISABLED "/proc/sys/kernel/modules_disabled"
#define DM_CONTROL       "/dev/mapper/control"
#define DM_PREFIX        "/dev/dm-"
#define SETTLE_MS        5000 /* for disks that are found late */
#define POLL_MS          250

static struct {
	struct ipc *main;
	const char *fake; /* its folder: nothing of this machine is touched */
} self;

int proc_scratch_prepare(const struct options *o, struct errinfo *err)
{
	(void)err;
	if (!strncmp(o->backend, "fake:", 5))
		self.fake = o->backend + 5;
	return 0;
}

/* ---- this machine -------------------------------------------------------------- */

static int modules_closed(void)
{
	auto_free char *text = NULL;

	return !fileio_read(MODULES_DISABLED, 64, &text, NULL, NULL) &&
	       text[0] == '1';
}

static int close_modules(struct errinfo *err)
{
	FILE *f = modules_closed() ? NULL : fopen(MODULES_DISABLED, "we");

	if (f) {
		fputs("1\n", f);
		fclose(f);
	}
	return modules_closed()
		       ? 0
		       : errinfo_set(err, -EPERM,
				     MODULES_DISABLED " does not take a 1");
}

static void get_state(struct msg_scratch_done *d)
{
	char path[SCRATCH_PATH];

	if (self.fake) {
		fake_scratch_state(self.fake, d);
		return;
	}
	d->closed = modules_closed();
	d->drivers = !access(DM_CONTROL, F_OK);
	d->device = -1;
	if (!scratch_get(path, &d->size, NULL) &&
	    !strncmp(path, DM_PREFIX, strlen(DM_PREFIX)) &&
	    parse_int(path + strlen(DM_PREFIX), 0, 255, &d->device))
		d->device = -1;
}

/* Whatever becomes of the drivers, modules are closed. */
static int prepare(const struct msg *m, struct errinfo *err)
{
	struct errinfo why = ERRINFO_INIT;
	int rc = 0, r;

	if (self.fake)
		return fake_scratch_prepare(self.fake, m->n_fds);
	if (m->n_fds && modules_closed())
		rc = errinfo_set(err, -EPERM, "modules are closed already");
	else if (m->n_fds)
		rc = policy_fd(m->fds[0], "drivers", err);
	if (m->n_fds && !rc)
		rc = drivers_load(m->fds[0], err);
	r = close_modules(&why);
	return r ? errinfo_set(err, r, "%s", why.text) : rc;
}

static int open_it(const struct msg_scratch_policy *q, struct errinfo *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct scratch_policy p = { .size_max = q->size_mib << 20 };
	char path[SCRATCH_PATH];
	uint64_t size;
	int rc;

	if (self.fake)
		return fake_scratch_open(self.fake, err);
	if (!modules_closed())
		return errinfo_set(err, -EPERM, "modules are not closed");
	if (scratch_parse_guid(q->type, p.type) || !scratch_label_ok(q->label))
		return errinfo_set(err, -EINVAL, "no type or no label");
	memcpy(p.label, q->label, sizeof(p.label));
	for (int ms = 0;; ms += POLL_MS) {
		rc = scratch_open(&p, path, &size, err);
		if (rc != -ENOENT || ms >= SETTLE_MS)
			return rc;
		nanosleep(&pause, NULL);
	}
}

static int close_it(struct errinfo *err)
{
	return self.fake ? fake_scratch_close(self.fake) : scratch_close(err);
}

/* ---- main's requests ------------------------------------------------------------ */

static int handle(const struct msg *m, struct errinfo *err)
{
	switch (m->type) {
	case MSG_SCRATCH_PREPARE:
		return prepare(m, err);
	case MSG_SCRATCH_OPEN:
		return open_it(m->body, err);
	case MSG_SCRATCH_CLOSE:
		return close_it(err);
	default:
		return 0;
	}
}

static int on_main(const struct msg *m)
{
	struct msg_scratch_done d = { 0 };
	struct errinfo err = ERRINFO_INIT;
	const char *text;

	d.rc = handle(m, &err);
	text = d.rc ? errinfo_text(&err, d.rc) : "";
	log_quote(d.text, sizeof(d.text), text, strlen(text));
	get_state(&d);
	return ipc_post(self.main, MSG_SCRATCH_DONE, m->id, &d);
}

int proc_scratch_run(const struct child_fds *fds)
{
	struct errinfo err = ERRINFO_INIT;
	struct msg m;
	int r;

	self.main = ipc_new(fds->peer[MSG_MAIN], MSG_SCRATCH, MSG_MAIN, 0);
	if (!self.main)
		return EXIT_FAILURE;
	while ((r = ipc_recv(self.main, &m, &err)) > 0) {
		r = on_main(&m);
		ipc_close_fds(&m);
		if (r)
			return EXIT_FAILURE;
	}
	if (r != -EPIPE)
		log_err("%s", errinfo_text(&err, r));
	return EXIT_FAILURE;
}
