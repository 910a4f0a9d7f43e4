/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftmodel - what a kernel's packet filter does, as sets of packets.
 *
 * Reads the ruleset as the kernel lists it (the JSON of `nft -j list ruleset`,
 * libnftables-json(5)), so it judges what was loaded and not what somebody meant
 * to load. It refuses a ruleset with an expression it does not know, naming it:
 * an answer is about all rules or there is none.
 *
 * Some things a rule may ask for cannot be known from a packet: a rate limit, the
 * hour, a route, a mark, the time to live. Such a match is answered "maybe": the
 * packet goes both ways. So no packet passes in the kernel that does not pass
 * here; the other way round it may need luck, and nftmodel_rule.maybe says so.
 *
 * Not modelled: packets that match established connections are taken to exist
 * (ask for SPACE_CT_NEW where that matters); what dnat, redirect, queue, dup, fwd,
 * tproxy and notrack do is refused; masquerade and snat accept.
 *
 * Objects belong to the model and end with it. No threads, no output.
 */
#ifndef NFTMODEL_H
#define NFTMODEL_H

#include "errinfo.h"
#include "space.h"

#define NFTMODEL_TEXT_MAX   (64 * 1024 * 1024) /* bytes of JSON */
#define NFTMODEL_RULES_MAX  100000
#define NFTMODEL_JUMPS_MAX  16 /* deep, as in the kernel */
#define NFTMODEL_NAME_MAX   128
#define NFTMODEL_PHRASE_MAX 160 /* of a match, cut */

enum nftmodel_family {
	NFTMODEL_INET, /* and ip, ip6: see nftmodel_chain.families */
	NFTMODEL_BRIDGE,
	NFTMODEL_NETDEV,
	NFTMODEL_ARP
};

enum nftmodel_hook {
	NFTMODEL_NONE, /* not a base chain */
	NFTMODEL_INGRESS,
	NFTMODEL_PREROUTING,
	NFTMODEL_INPUT,
	NFTMODEL_FORWARD,
	NFTMODEL_OUTPUT,
	NFTMODEL_POSTROUTING,
	NFTMODEL_EGRESS
};

enum nftmodel_verdict {
	NFTMODEL_CONTINUE,
	NFTMODEL_ACCEPT,
	NFTMODEL_DROP, /* reject as well */
	NFTMODEL_JUMP,
	NFTMODEL_GOTO,
	NFTMODEL_RETURN
};

/* One condition. A packet of `yes` meets it, one of `maybe` may, others do not. */
struct nftmodel_match {
	char text[NFTMODEL_PHRASE_MAX]; /* as nft writes it */
	struct space yes, maybe;
};

struct nftmodel_chain;

/* One way through a rule of the kernel: a verdict map makes several. */
struct nftmodel_rule {
	const struct nftmodel_chain *chain;
	struct nftmodel_match *match;
	size_t n_match;
	enum nftmodel_verdict verdict;
	const struct nftmodel_chain *target; /* of jump and goto */
	const char *comment;                 /* "" if none */
	const char *word; /* the verdict's word: "drop", "masquerade" ... */
	int handle;
	int index; /* in its chain, from 1 */
	int maybe; /* depends on what a packet does not say */
};

struct nftmodel_chain {
	enum nftmodel_family family;
	const char *family_word, *table, *name;
	enum nftmodel_hook hook;
	int priority;
	int is_nat;
	int accepts;         /* policy of a base chain */
	const char *dev[16]; /* of a netdev chain: its devices */
	size_t n_dev;
	struct nftmodel_rule *rules;
	size_t n_rules;
	int n_listed; /* rules in the kernel's list */
};

struct nftmodel;

/* Reads JSON of `nft -j list ruleset`. -EINVAL: no such JSON, or something in
 * it that is not understood; err names it. */
int nftmodel_parse(const char *json, size_t len, struct nftmodel **out,
		   struct errinfo *err);
/* The rules of this network namespace; needs CAP_NET_ADMIN in it. */
int nftmodel_load_live(struct nftmodel **out, struct errinfo *err);
/* Loads rules (text for nft -f) into a network namespace that only a child of
 * ours is in, and reads what its kernel made of them. Works as ordinary user.
 * Interfaces that the text names as devices of chains are made there. */
int nftmodel_load_rules(const char *text, struct nftmodel **out,
			struct errinfo *err);
void nftmodel_free(struct nftmodel *m); /* NULL is fine */

/* Where answers lie; ends with the model. */
struct space_pool *nftmodel_pool(struct nftmodel *m);

size_t nftmodel_rules(const struct nftmodel *m); /* how many */
/* Base chains of that hook, in the order a packet meets them; NULL behind the
 * last one. family NFTMODEL_INET means inet, ip and ip6. */
const struct nftmodel_chain *nftmodel_base(const struct nftmodel *m,
					   enum nftmodel_family family,
					   enum nftmodel_hook hook, size_t i);
/* Elements of a set, each as nft writes it, with its comment ("" if none).
 * -ENOENT: there is no such set. */
typedef void (*nftmodel_element_fn)(const char *value, const char *comment,
				    void *arg);
int nftmodel_elements(const struct nftmodel *m, const char *family,
		      const char *table, const char *set,
		      nftmodel_element_fn fn, void *arg);

/* Told of each rule that packets reach. matched: those it takes. */
typedef void (*nftmodel_trace_fn)(const struct nftmodel_rule *rule,
				  const struct space *reached,
				  const struct space *matched, void *arg);
struct nftmodel_trace {
	nftmodel_trace_fn fn;
	void *arg;
};

/* Those of `in` that may pass all base chains of the hook. trace may be NULL. */
struct space nftmodel_pass(struct nftmodel *m, enum nftmodel_family family,
			   enum nftmodel_hook hook, const struct space *in,
			   const struct nftmodel_trace *trace);
/* The same for one base chain. */
struct space nftmodel_pass_chain(struct nftmodel *m,
				 const struct nftmodel_chain *c,
				 const struct space *in,
				 const struct nftmodel_trace *trace);

const char *nftmodel_hook_name(enum nftmodel_hook h);

#endif
