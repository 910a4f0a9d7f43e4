/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl-prove - what the compiled rules do: a proof that the walls stand, or a
 * packet that gets through; and who decides about one packet, and why.
 *
 * Judged are the rules as a kernel lists them (nftmodel.h), against claims that
 * are made here from the facts and the policy alone (acl.h), not from the
 * compiler's rules: a mistake of the compiler is found, not repeated. A proof
 * is about all packets at once; none is sampled.
 *
 * The claims hold for packets in any state of connection tracking, where they
 * come from the segment, a domU or the world: that an established connection
 * may go on when its node or its line is gone is a path as well. Of what the
 * gateway itself sends only new connections are judged; the rest answers what
 * came in. Not judged: other interfaces to other interfaces, frames that are
 * not IP (netdev and bridge chains that can stop a packet are counted in), and
 * what happens to a packet behind the gateway.
 *
 * All memory of answers lies in the model's pool.
 */
#ifndef ACL_PROVE_H
#define ACL_PROVE_H

#include <jansson.h>

#include "acl.h"
#include "buf.h"
#include "nftmodel.h"

/* Ways through the gateway. */
enum acl_way {
	ACL_WAY_INPUT,   /* for the gateway itself */
	ACL_WAY_FORWARD, /* through it */
	ACL_WAY_OUTPUT,  /* from it */
};

#define ACL_STEPS_MAX 64

/* A rule that took a packet on its way. */
struct acl_step {
	const struct nftmodel_rule *rule;
};

/* A claim, and where it does not hold a packet that shows it. */
struct acl_claim {
	const char *name;  /* "node-to-gateway" */
	const char *words; /* what it says, one line */
	enum acl_way way;
	int holds;
	struct space hole;                    /* all packets that show it */
	struct space_point packet;            /* one of them */
	struct acl_step steps[ACL_STEPS_MAX]; /* rules that took the packet */
	size_t n_steps;
	int maybe; /* one of them depends on more than the packet */
};

#define ACL_CLAIMS_MAX 16

struct acl_proof {
	struct acl_claim claims[ACL_CLAIMS_MAX];
	size_t n_claims;
	size_t n_rules, n_broken;
};

/* Which nodes the facts call enrolled matters: what only those reach, others
 * must not.
 *
 * Tries all claims. p NULL: a policy of no lines. -EINVAL: the ruleset has no
 * chain at a hook that must have one (nothing is proved about an empty one). */
int acl_prove(struct nftmodel *m, const struct acl_facts *f,
	      const struct acl_policy *p, struct acl_proof *out,
	      struct errinfo *err);

/* DomUs to prove a policy with before there are any: each node's own (facts'
 * domus, by node), of images such that each `of image` of the policy has one.
 * *out lies in one block, caller frees with free(); it borrows from f and p and
 * from *out itself. -ENOMEM. */
int acl_prove_domus(const struct acl_facts *f, const struct acl_policy *p,
		    struct acl_domu **out, size_t *n_out);
/* Those that table inet nightshift says there are now. */
int acl_prove_live_domus(const struct nftmodel *m, const struct acl_facts *f,
			 struct acl_domu **out, size_t *n_out);

/* Who of these nodes is enrolled: those that the table's set says. */
void acl_prove_live_enrolled(const struct nftmodel *m, struct acl_node *nodes,
			     size_t n);

/* The packets that may pass that way, of those given. */
struct space acl_pass(struct nftmodel *m, enum acl_way way,
		      const struct space *in, const struct nftmodel_trace *trace);

/* Where a name lies and what a packet from or to there looks like. */
struct acl_place {
	char name[PARSE_NAME_MAX + 1];
	enum { ACL_AT_GATEWAY, ACL_AT_SEGMENT, ACL_AT_TUNNEL, ACL_AT_WORLD } at;
	uint32_t address;
	int has_mac;
	uint8_t mac[PARSE_MAC_LEN];
};

/* "pc1" (dom0 and netdom of a node), "pc1/domu", "gateway", "central",
 * "office" (some host of the segment that is no node), "internet" (some host
 * there), or an address. -ENOENT: err says what there is. */
int acl_place_find(const struct acl_facts *f, const char *name,
		   struct acl_place *out, struct errinfo *err);

struct acl_question {
	struct acl_place from, to;
	uint8_t protocol;       /* 1, 6, 17 */
	uint16_t port;          /* of to; for ICMP the type is echo */
	const uint8_t *mac;     /* source on the wire, NULL: from's */
	const uint32_t *source; /* address in the packet, NULL: from's */
};

/* Why a rule did not decide. */
struct acl_look {
	const struct nftmodel_rule *rule;
	enum nftmodel_hook hook;
	int taken;     /* it matched (or may) */
	size_t failed; /* else: its condition that did not hold */
};

#define ACL_LOOKS_MAX 512

struct acl_answer {
	enum acl_way way;
	int passes; /* 1 yes, 0 no */
	int maybe;  /* yes, but a rate, the hour ... may say no */
	struct space_point packet;
	struct acl_look looks[ACL_LOOKS_MAX]; /* in the order of the kernel */
	size_t n_looks;
	const struct nftmodel_rule *decides; /* NULL: a chain's policy */
	const struct nftmodel_rule *otherwise; /* drops it, if the rate ... does */
	const struct nftmodel_chain *policy; /* that chain */
	const char *unseen; /* why the gateway sees nothing of it, or NULL */
};

/* The request, and the answer to it (ct established). */
int acl_explain(struct nftmodel *m, const struct acl_facts *f,
		const struct acl_question *q, struct acl_answer *request,
		struct acl_answer *reply, struct errinfo *err);

/* One line: "tcp 10.77.0.11:40000 > 10.77.0.1:22, seg0 to here, new". */
void acl_packet_text(const struct space_point *x, struct buf *out);
json_t *acl_packet_json(const struct space_point *x); /* new reference */
/* "inet nightshift forward #3 policy.conf:7: ct state invalid drop" */
void acl_rule_text(const struct nftmodel_rule *r, struct buf *out);
json_t *acl_rule_json(const struct nftmodel_rule *r); /* new reference */

#endif
