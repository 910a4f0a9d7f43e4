/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"

int facts_from_config(const struct config *c, struct acl_facts *out,
		      struct acl_node **nodes_out)
{
	struct acl_node *nodes = calloc(c->n_nodes + 1, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_nodes; i++) {
		nodes[i].name = c->nodes[i].name;
		nodes[i].address = c->nodes[i].address;
		memcpy(nodes[i].mac, c->nodes[i].mac, sizeof(nodes[i].mac));
		nodes[i].line = c->nodes[i].line;
		nodes[i].enrolled = 1;
	}
	*out = (struct acl_facts){
		.file = c->base,
		.segment = c->segment,
		.interface = c->interface,
		.interface_line = c->interface_line,
		.address = c->address,
		.prefix = c->prefix,
		.address_line = c->address_line,
		.domu_base = c->domu_base,
		.domu_prefix = c->domu_prefix,
		.domu_line = c->domu_line,
		.central_address = c->central.address,
		.central = { c->central.port, c->central.line },
		.repo = { c->repo.port, c->interface_line },
		.nodes = nodes,
		.n_nodes = c->n_nodes,
		.utc_offset_sec = acl_utc_offset(time(NULL)),
	};
	if (c->carousel.line)
		out->carousel = (struct acl_service){ c->carousel.port,
						      c->carousel.line };
	if (c->tunnel.line) {
		out->tunnel_interface = c->tunnel.interface;
		out->tunnel =
			(struct acl_service){ c->tunnel.port, c->tunnel.line };
	}
	*nodes_out = nodes;
	return 0;
}
