/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment's facts, for tests of policies: the gateway 10.77.0.1/16 on seg0,
 * the central 10.99.0.2, two nodes, of which the first is enrolled, and a domU
 * on each behind a tunnel.
 */
#ifndef ACL_FIXTURE_H
#define ACL_FIXTURE_H

#include "acl.h"

#define ACL_LAB_NODES 2

extern const struct acl_node acl_lab_nodes[ACL_LAB_NODES];
extern const struct acl_facts acl_lab;

#endif
