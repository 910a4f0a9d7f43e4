/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan-connect - dom0's way to netdom. It waits until there is one: who it is,
 * Xen says, and nobody else.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "agent.h"
#include "chan.h"
#include "hv.h"
#include "log.h"

#define LOOK_NS 100000000L

static int connect_once(struct hv *hv, struct wire *w)
{
	struct hv_domain d;
	int rc;

	rc = hv_domain_find(hv, NETDOM_NAME, &d, NULL);
	if (rc)
		return rc;
	if (d.state != HV_STATE_RUNNING)
		return -EAGAIN;
	return wire_vchan_connect(w, d.domid, NULL);
}

int proc_chan_connect(const struct options *o, struct errinfo *err)
{
	struct timespec pause = { .tv_nsec = LOOK_NS };
	struct wire w;
	struct hv *hv;

	hv = hv_open(o->backend, NULL, NULL, err);
	if (!hv)
		return err->rc;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* it may take long */
	while (connect_once(hv, &w))
		nanosleep(&pause, NULL);
	hv_close(hv);
	proc_chan_use(&w);
	log_info("netdom: connected");
	return 0;
}
