/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove - what the files of acl-prove share.
 *
 *	world.c		interfaces, nodes, domUs, services as sets of packets
 *	ways.c		hooks on a way through the gateway
 *	allow.c		what the policy's lines let through, from their meaning
 *	claims.c	the claims, tried
 *	place.c		names
 *	domus.c		domUs that might be or are, who is enrolled
 *	explain.c	one packet's way
 *	node.c		claims about a node's own filters
 *	report.c	words and JSON
 */
#ifndef ACL_PROVE_PRIVATE_H
#define ACL_PROVE_PRIVATE_H

#include "acl-prove.h"
#include "policy.h"

#define ETYPE_IP  0x0800
#define ETYPE_IP6 0x86dd

#define IPPROTO_N_ICMP 1
#define IPPROTO_N_TCP  6
#define IPPROTO_N_UDP  17

struct world {
	struct space_pool *pool;
	const struct acl_facts *f;
	const struct acl_policy *p; /* or NULL */
	const char *domu_if;        /* where domUs' packets come from */
	int has_tunnel;
};

void acl_world(struct world *w, struct nftmodel *m, const struct acl_facts *f,
	       const struct acl_policy *p);

/* world.c. A cube with these fields, each lo to hi; the list ends with
 * SPACE_FIELDS. */
struct world_field {
	enum space_field f;
	space_value lo, hi;
};
struct space acl_world_cube(const struct world *w, const struct world_field *l);
/* Narrows s to values of one field. */
void acl_world_only(const struct world *w, struct space *s, enum space_field f,
		    space_value lo, space_value hi);
void acl_world_in(const struct world *w, struct space *s, enum space_field f,
		  const struct space_vset *v);

space_value acl_world_mac(const uint8_t mac[PARSE_MAC_LEN]);
const struct space_vset *acl_world_segment(const struct world *w); /* its hosts */
const struct space_vset *acl_world_domu_range(const struct world *w);
const struct space_vset *acl_world_interfaces(const struct world *w, int domus);
const struct space_vset *acl_world_elsewhere(const struct world *w);
/* Packets of nodes as the segment sees them: their address and MAC. Of all, or
 * of those that are enrolled. */
struct space acl_world_nodes(const struct world *w, int enrolled);
/* What nodes may ask of the gateway: what one boots and enrols with, echo,
 * errors about them; or what only enrolled ones may ask for. */
struct space acl_world_services(const struct world *w, int enrolled);
struct space acl_world_dhcp(const struct world *w, int from_gateway);
struct space acl_world_errors(const struct world *w); /* ICMP, related */

/* claims.c: for a trace of the packet that breaks a claim (arg). */
void acl_claim_note(const struct nftmodel_rule *rule, const struct space *reached,
		    const struct space *matched, void *arg);

/* allow.c: from the policy's lines. */
enum allow_to {
	ALLOW_GATEWAY_SEGMENT, /* the gateway, by hosts of the segment */
	ALLOW_GATEWAY_DOMUS,   /* the gateway, by domUs */
	ALLOW_BEYOND,          /* what lies behind, by domUs */
	/* The same, and the segment where a line's words include it: no such
	 * connection begins, so that no rule has to stop its answers. */
	ALLOW_ANSWERED,
};
struct space acl_allowed(const struct world *w, enum allow_to to);
/* Packets of connections that `forward` began, the other way. */
struct space acl_replies(const struct world *w, const struct space *forward);

#endif
