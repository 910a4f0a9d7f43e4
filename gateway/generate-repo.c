/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-repo - repo.env: what the two services that hold images are started
 * with. Its lines are of a form that the shell and systemd's EnvironmentFile
 * read alike; an empty value means that the service is not wanted.
 */
#include "generate.h"

#define WATCH_SEC 5

void generate_repo(const struct config *c, const char *dir, struct buf *out)
{
	(void)dir;
	buf_addf(out, "# Made by gatewayd from %s; do not edit.\n", c->base);
	buf_adds(out, "MIRROR=\"");
	if (c->repo.mirror)
		buf_addf(out,
			 "--to %s/mirror --url http://127.0.0.1:%d/repo "
			 "--root %s --watch %d --wanted %s/mirror/wanted",
			 c->state, c->repo.port, c->root, WATCH_SEC, c->state);
	buf_adds(out, "\"\nCAROUSEL=\"");
	if (c->carousel.line)
		buf_addf(out,
			 "--dir %s/mirror --interface %s --group %s "
			 "--port %d --rate %dM --crowd %d",
			 c->state, c->address_text, c->carousel.group,
			 c->carousel.port, c->carousel.rate_mbit,
			 c->carousel.crowd);
	buf_adds(out, "\"\n");
}
