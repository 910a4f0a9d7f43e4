/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit - the pieces that emit.c and emit-rule.c share.
 */
#ifndef ACL_EMIT_H
#define ACL_EMIT_H

#include "buf.h"
#include "rules.h"

extern const char *const acl_chain_names[ACL_CHAINS];

/* "FILE:LINE", without quotes. */
void acl_emit_place(struct buf *out, const struct acl_rules *r, int of_policy,
		    int line);
void acl_emit_rule(struct buf *out, const struct acl_rules *r,
		   const struct acl_rule *rule);
/* "rate over 10/second burst 5 packets" */
void acl_emit_limit(struct buf *out, const struct acl_limit *l);
/* "10.0.0.0/8", "10.0.0.1" */
void acl_emit_host(struct buf *out, const uint32_t host[2]);

#endif
