/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model - what the files of nftmodel share.
 *
 *	parse.c   the listing's objects: chains, sets, rules in order
 *	rule.c    one rule: its statements
 *	match.c   one match: fields, operator, right-hand side -> yes, maybe
 *	key.c     what a left-hand side reads
 *	value.c   one value of one field -> a set of numbers
 *	text.c    a match as nft writes it
 *	pass.c    packets through chains
 *	load.c    the listing from a kernel
 *	portion.c rules in pieces that fit a message to it
 */
#ifndef NFTMODEL_MODEL_H
#define NFTMODEL_MODEL_H

#include <jansson.h>

#include "buf.h"
#include "nftmodel.h"

struct model_set {
	const char *family, *table, *name;
	json_t *elem; /* borrowed from nftmodel.root; NULL: none */
	int changes;  /* packets add to it: what is in it cannot be known */
};

struct nftmodel {
	struct space_pool *pool;
	json_t *root;
	struct nftmodel_chain **chains;
	size_t n_chains;
	struct model_set *sets;
	size_t n_sets;
	size_t n_rules;
};

/* A set or map of the same table; NULL: there is none. */
const struct model_set *nftmodel_find_set(const struct nftmodel *m,
					  const char *family, const char *table,
					  const char *name);
struct nftmodel_chain *nftmodel_find_chain(const struct nftmodel *m,
					   const char *family,
					   const char *table, const char *name);

/* rule.c: appends what the object {"rule": ...} says to its chain. */
int nftmodel_add_rule(struct nftmodel *m, struct nftmodel_chain *c,
		      json_t *rule, struct errinfo *err);

/* match.c. `maybe` conditions have an empty yes. */
struct match_env {
	struct nftmodel *m;
	const struct nftmodel_chain *chain;
};
int nftmodel_match(const struct match_env *e, json_t *match,
		   struct nftmodel_match *out, struct errinfo *err);
/* key == value, as a verdict map asks; value NULL: key is none of those. */
int nftmodel_match_key(const struct match_env *e, json_t *key, json_t *value,
		       struct nftmodel_match *out, struct errinfo *err);

/* key.c: what a left-hand side reads. */
#define KEY_PARTS_MAX 8
enum key_kind {
	KEY_EXACT, /* a field of the packet */
	KEY_MAYBE, /* something a packet does not say */
};
struct key_part {
	enum key_kind kind;
	enum space_field field;
	/* A packet that lacks it does not match, whatever the operator: */
	const struct space_cube *needs;
	int has_mask;
	space_value mask;
	int ports;      /* reads other bytes where the protocol has none */
	int ether_type; /* what is on the wire: the tag's type where there is one */
	int inner;      /* lies behind the frame's header and its tag */
	int nfproto; /* names and numbers are not those of an EtherType */
};
int nftmodel_key(struct nftmodel *m, json_t *left, struct key_part *out,
		 struct errinfo *err);
/* value.c: a value, range or prefix of that field. */
int nftmodel_value(struct nftmodel *m, const struct key_part *k, json_t *v,
		   const struct space_vset **out, struct errinfo *err);

/* portion.c: text for nft -f as commands, one after the other, each with its
 * NUL: the text, where long lists of elements left their sets, then those. */
int nftmodel_portions(const char *text, struct buf *out);

/* text.c: any expression as nft writes it, cut to size. */
void nftmodel_text(json_t *expr, char *out, size_t size);
/* As compact JSON, for an error about something unknown. */
void nftmodel_quote(json_t *expr, char *out, size_t size);

#endif
