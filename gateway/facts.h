/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts - nightshift.conf as the facts that a policy is compiled against.
 */
#ifndef FACTS_H
#define FACTS_H

#include "acl.h"
#include "config.h"

/* All but the domUs, which come and go; every node as if it were enrolled.
 * *nodes_out holds the nodes, caller
 * frees with free() when done with out; out borrows from c as well. -ENOMEM. */
int facts_from_config(const struct config *c, struct acl_facts *out,
		      struct acl_node **nodes_out);

#endif
