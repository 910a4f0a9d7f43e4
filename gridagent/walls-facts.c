/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walls-facts - see walls-facts.h.
 */
#include "walls-facts.h"

void walls_facts(struct walls_lan *lan, const struct msg_walls *m)
{
	lan->address = m->address;
	lan->gateway = m->gateway;
	parse_mac(m->gateway_mac, lan->gateway_mac);
	lan->https_port = (uint16_t)m->https_port;
	lan->repo_port = (uint16_t)m->repo_port;
	lan->carousel = m->carousel_port ? m->carousel : 0;
	lan->carousel_port = (uint16_t)m->carousel_port;
	lan->tunnel_port = (uint16_t)m->tunnel_port;
}
