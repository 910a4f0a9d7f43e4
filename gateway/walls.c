/* SPDX-License-Identifier: Apache-2.0 */
/* walls - one place where a changed state becomes a changed way. */
#include "walls.h"
#include "gateway.h"
#include "log.h"
#include "tunnel.h"

int walls_follow(struct gateway *gw)
{
	struct errinfo err = ERRINFO_INIT;
	int rc = tunnel_sync(gw, &err);

	if (rc && !gw->walls_broken)
		log_err("walls: %s", errinfo_text(&err, rc));
	else if (!rc && gw->walls_broken)
		log_info("walls: are as they should be again");
	gw->walls_broken = rc != 0;
	return rc;
}
