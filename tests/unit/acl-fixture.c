/* SPDX-License-Identifier: Apache-2.0 */
#include "acl-fixture.h"

const struct acl_node acl_lab_nodes[ACL_LAB_NODES] = {
	{ "pc1", 0x0a4d000b, { 0x52, 0x54, 0, 0x77, 0, 0x11 }, 12, 1 },
	{ "pc2", 0x0a4d000c, { 0x52, 0x54, 0, 0x77, 0, 0x12 }, 13, 0 },
};

static const struct acl_domu domus[ACL_LAB_NODES] = {
	{ 0x0a4d800b, "pc1", "batch/stable", 12 },
	{ 0x0a4d800c, "pc2", "vina/stable", 13 },
};

const struct acl_facts acl_lab = {
	.file = "lab.conf",
	.segment = "lab",
	.interface = "seg0",
	.interface_line = 2,
	.address = 0x0a4d0001,
	.prefix = 16,
	.address_line = 3,
	.tunnel_interface = "wg0",
	.domu_base = 0x0a4d8000,
	.domu_prefix = 17,
	.domu_line = 4,
	.central_address = 0x0a630002,
	.central = { 8443, 5 },
	.repo = { 8080, 6 },
	.carousel = { 4000, 7 },
	.tunnel = { 51820, 8 },
	.nodes = acl_lab_nodes,
	.n_nodes = ACL_LAB_NODES,
	.domus = domus,
	.n_domus = ACL_LAB_NODES,
};
