/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass - packets on their way through chains.
 */
#include <string.h>

#include "model.h"

#define SMALL 16 /* cubes */

struct walk {
	struct nftmodel *m;
	const struct nftmodel_trace *trace;
	struct space accepted;
};

struct halves {
	struct space sure, may, missed;
};

static void meet(struct space_pool *p, const struct nftmodel_match *c,
		 int maybe, struct halves *h)
{
	struct space either = SPACE_EMPTY, rest;

	rest = space_minus(p, &h->sure, &c->yes);
	space_add_all(p, &h->missed, &rest);
	h->sure = space_and(p, &h->sure, &c->yes);
	if (!maybe)
		return;
	space_add_all(p, &either, &c->yes);
	space_add_all(p, &either, &c->maybe);
	h->may = space_and(p, &h->may, &either);
}

/* Of `in`: what meets all conditions, and what does not (or may not). In which
 * order they are asked changes nothing but the work: large sets last, when
 * little is left to cut in pieces. */
static void split(struct space_pool *p, const struct nftmodel_rule *r,
		  const struct space *in, struct space *matched,
		  struct space *missed)
{
	struct halves h = { .sure = *in, .may = *in };

	for (int large = 0; large < 2; large++)
		for (size_t i = 0; i < r->n_match; i++)
			if ((r->match[i].yes.n > SMALL) == large)
				meet(p, &r->match[i], r->maybe, &h);
	*matched = r->maybe ? h.may : h.sure;
	*missed = h.missed;
}

/* Returns what leaves the chain without a verdict. */
static struct space through(struct walk *w, const struct nftmodel_chain *c,
			    struct space in)
{
	struct space_pool *p = w->m->pool;
	struct space left = SPACE_EMPTY, matched, missed, back;

	for (size_t i = 0; i < c->n_rules && in.n; i++) {
		const struct nftmodel_rule *r = &c->rules[i];

		/* Both halves go on: nobody needs them cut in pieces. */
		if (r->verdict == NFTMODEL_CONTINUE && !w->trace)
			continue;
		split(p, r, &in, &matched, &missed);
		if (w->trace)
			w->trace->fn(r, &in, &matched, w->trace->arg);
		switch (r->verdict) {
		case NFTMODEL_ACCEPT:
			space_add_all(p, &w->accepted, &matched);
			break;
		case NFTMODEL_DROP:
			break;
		case NFTMODEL_RETURN:
			space_add_all(p, &left, &matched);
			break;
		case NFTMODEL_CONTINUE:
			missed = in;
			break;
		case NFTMODEL_JUMP:
			back = through(w, r->target, matched);
			space_add_all(p, &missed, &back);
			break;
		case NFTMODEL_GOTO:
			back = through(w, r->target, matched);
			space_add_all(p, &left, &back);
			break;
		}
		in = missed;
	}
	space_add_all(p, &left, &in);
	return left;
}

static struct space only(struct space_pool *p, const struct space *in,
			 enum space_field f, space_value v)
{
	return space_only(p, in, f, space_vset_one(p, v, v));
}

/* Packets that this base chain sees at all. A netdev chain whose devices are
 * not known is sure to see none. */
static struct space seen(struct nftmodel *m, const struct nftmodel_chain *c,
			 const struct space *in)
{
	int out = c->hook == NFTMODEL_EGRESS;
	struct space s = SPACE_EMPTY, one;

	/* A connection's later packets follow what its first one was given. */
	if (c->is_nat)
		return only(m->pool, in, SPACE_CT_STATE, SPACE_CT_NEW);
	if (c->family == NFTMODEL_INET && strcmp(c->family_word, "ip") == 0)
		return only(m->pool, in, SPACE_ETYPE, 0x0800);
	if (c->family == NFTMODEL_INET && strcmp(c->family_word, "ip6") == 0)
		return only(m->pool, in, SPACE_ETYPE, 0x86dd);
	if (c->family != NFTMODEL_NETDEV)
		return *in;
	for (size_t i = 0; i < c->n_dev; i++) {
		one = only(m->pool, in, out ? SPACE_OIF : SPACE_IIF,
			   space_ifname(c->dev[i]));
		space_add_all(m->pool, &s, &one);
	}
	return s;
}

struct space nftmodel_pass_chain(struct nftmodel *m,
				 const struct nftmodel_chain *c,
				 const struct space *in,
				 const struct nftmodel_trace *trace)
{
	struct walk w = { .m = m, .trace = trace };
	struct space here, left, past;

	here = seen(m, c, in);
	past = space_minus(m->pool, in, &here);
	left = through(&w, c, here);
	space_add_all(m->pool, &past, &w.accepted);
	if (c->accepts)
		space_add_all(m->pool, &past, &left);
	return past;
}

struct space nftmodel_pass(struct nftmodel *m, enum nftmodel_family family,
			   enum nftmodel_hook hook, const struct space *in,
			   const struct nftmodel_trace *trace)
{
	const struct nftmodel_chain *c;
	struct space s = *in;

	for (size_t i = 0; (c = nftmodel_base(m, family, hook, i)) != NULL; i++)
		s = nftmodel_pass_chain(m, c, &s, trace);
	return s;
}

/* Lower priority first; of the same, as they were added. */
static int before(const struct nftmodel *m, size_t a, size_t b)
{
	int x = m->chains[a]->priority, y = m->chains[b]->priority;

	return x != y ? x < y : a < b;
}

const struct nftmodel_chain *nftmodel_base(const struct nftmodel *m,
					   enum nftmodel_family family,
					   enum nftmodel_hook hook, size_t i)
{
	for (size_t k = 0; k < m->n_chains; k++) {
		size_t rank = 0;

		if (m->chains[k]->family != family || m->chains[k]->hook != hook)
			continue;
		for (size_t j = 0; j < m->n_chains; j++)
			rank += m->chains[j]->family == family &&
				m->chains[j]->hook == hook && before(m, j, k);
		if (rank == i)
			return m->chains[k];
	}
	return NULL;
}
