/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ways - which hooks lie on a packet's way through the gateway.
 */
#include "cleanup.h"
#include "prove.h"

static struct space hooks(struct nftmodel *m, const enum nftmodel_hook *h,
			  size_t n, struct space s,
			  const struct nftmodel_trace *trace)
{
	for (size_t i = 0; i < n; i++) {
		enum nftmodel_family family =
			h[i] == NFTMODEL_INGRESS || h[i] == NFTMODEL_EGRESS
				? NFTMODEL_NETDEV
				: NFTMODEL_INET;

		s = nftmodel_pass(m, family, h[i], &s, trace);
	}
	return s;
}

struct space acl_pass(struct nftmodel *m, enum acl_way way,
		      const struct space *in, const struct nftmodel_trace *trace)
{
	static const enum nftmodel_hook before[] = { NFTMODEL_INGRESS,
						     NFTMODEL_PREROUTING };
	static const enum nftmodel_hook input[] = { NFTMODEL_INPUT };
	static const enum nftmodel_hook forward[] = { NFTMODEL_FORWARD,
						      NFTMODEL_POSTROUTING,
						      NFTMODEL_EGRESS };
	static const enum nftmodel_hook output[] = { NFTMODEL_OUTPUT,
						     NFTMODEL_POSTROUTING,
						     NFTMODEL_EGRESS };
	struct space s = *in;

	if (way == ACL_WAY_OUTPUT)
		return hooks(m, output, ARRAY_SIZE(output), s, trace);
	if (nftmodel_base(m, NFTMODEL_NETDEV, NFTMODEL_INGRESS, 0) ||
	    nftmodel_base(m, NFTMODEL_INET, NFTMODEL_PREROUTING, 0)) {
		/* Where it will go is not known there. */
		struct space_pool *p = nftmodel_pool(m);
		struct space arrived =
			space_assign(p, &s, SPACE_OIF, space_vset_one(p, 0, 0));

		arrived = hooks(m, before, ARRAY_SIZE(before), arrived, trace);
		arrived = space_assign(p, &arrived, SPACE_OIF, NULL);
		s = space_and(p, &s, &arrived);
	}
	if (way == ACL_WAY_INPUT)
		return hooks(m, input, ARRAY_SIZE(input), s, trace);
	return hooks(m, forward, ARRAY_SIZE(forward), s, trace);
}
