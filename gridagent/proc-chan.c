/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chan - net, air and tun of netdom, seen from dom0; main and blk of dom0, seen
 * from netdom (chan.h). The wire is made with all rights, the bytes are carried
 * with none.
 */
#include <stdlib.h>

#include "agent.h"
#include "chan.h"
#include "cleanup.h"
#include "log.h"

static const enum msg_role roots[] = { MSG_NET, MSG_AIR, MSG_TUN };

static struct {
	struct wire wire;
	enum chan_side side;
} self;

void proc_chan_use(const struct wire *w)
{
	self.wire = *w;
	self.side = CHAN_DOM0;
}

int proc_chan_serve(const struct options *o, struct errinfo *err)
{
	(void)o;
	self.side = CHAN_NETDOM;
	return wire_vchan_serve(&self.wire, err);
}

int proc_chan_run(const struct child_fds *fds)
{
	struct errinfo err = ERRINFO_INIT;
	int ends[ARRAY_SIZE(roots)], rc;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		ends[i] = fds->peer[roots[i]];
	rc = chan_run(&self.wire, self.side, ends, ARRAY_SIZE(ends), &err);
	log_warn("%s", errinfo_text(&err, rc));
	return EXIT_FAILURE;
}
