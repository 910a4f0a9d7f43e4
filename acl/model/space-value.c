/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space-value - fields, sets of their values, and the pool all of it lies in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "space.h"

#define CHUNK ((size_t)1 << 18)

struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(16) unsigned char data[];
};

/* What was computed of two sets. Pieces of one cube share the sets that they
 * were not cut by, so the same two meet again and again. */
struct memo {
	const struct space_vset *a, *b, *result;
	int op; /* OP_AND, or OP_MINUS + the field */
};

#define MEMOS    4096
#define LONG     8 /* ranges: shorter ones are computed as soon */
#define OP_AND   0
#define OP_MINUS 1

struct space_pool {
	struct chunk *chunks;
	int rc;
	struct memo memo[MEMOS];
};

#define BITS(n) (((space_value)1 << (n)) - 1)

static const struct {
	const char *name;
	space_value max;
} fields[SPACE_FIELDS] = {
	[SPACE_IIF] = { "iif", SPACE_VALUE_MAX },
	[SPACE_OIF] = { "oif", SPACE_VALUE_MAX },
	[SPACE_TAG] = { "vlan", 4096 },
	[SPACE_ETYPE] = { "ethertype", BITS(16) },
	[SPACE_ESRC] = { "ether_saddr", SPACE_NO_ETHER },
	[SPACE_EDST] = { "ether_daddr", SPACE_NO_ETHER },
	[SPACE_ARP_OP] = { "arp_operation", BITS(16) },
	[SPACE_ARP_SHA] = { "arp_sha", BITS(48) },
	[SPACE_ARP_SPA] = { "arp_spa", BITS(32) },
	[SPACE_ARP_THA] = { "arp_tha", BITS(48) },
	[SPACE_ARP_TPA] = { "arp_tpa", BITS(32) },
	[SPACE_SADDR] = { "saddr", BITS(32) },
	[SPACE_DADDR] = { "daddr", BITS(32) },
	[SPACE_SADDR6] = { "saddr6", SPACE_VALUE_MAX },
	[SPACE_DADDR6] = { "daddr6", SPACE_VALUE_MAX },
	[SPACE_FRAG] = { "frag", BITS(16) },
	[SPACE_PROTO] = { "protocol", BITS(8) },
	[SPACE_SPORT] = { "sport", BITS(16) },
	[SPACE_DPORT] = { "dport", BITS(16) },
	[SPACE_ICMP_TYPE] = { "icmp_type", BITS(8) },
	[SPACE_ICMP_CODE] = { "icmp_code", BITS(8) },
	[SPACE_TCP_FLAGS] = { "tcp_flags", BITS(8) },
	[SPACE_CT_STATE] = { "ct_state", SPACE_CT_UNTRACKED },
	[SPACE_CT_DIR] = { "ct_direction", 1 },
};

struct space_pool *space_pool_new(void)
{
	return calloc(1, sizeof(struct space_pool));
}

void space_pool_free(struct space_pool *p)
{
	while (p && p->chunks) {
		struct chunk *next = p->chunks->next;

		free(p->chunks);
		p->chunks = next;
	}
	free(p);
}

int space_pool_failed(const struct space_pool *p)
{
	return p->rc;
}

void *space_pool_alloc(struct space_pool *p, size_t size)
{
	struct chunk *c = p->chunks;
	size_t need = (size + 15) & ~(size_t)15;

	if (!c || c->size - c->used < need) {
		size_t room = need > CHUNK ? need : CHUNK;

		c = calloc(1, sizeof(*c) + room);
		if (!c) {
			p->rc = -ENOMEM;
			return NULL;
		}
		c->size = room;
		c->next = p->chunks;
		p->chunks = c;
	}
	c->used += need;
	return c->data + c->used - need;
}

const char *space_field_name(enum space_field f)
{
	return fields[f].name;
}

enum space_field space_field_by_name(const char *name)
{
	for (int f = 0; f < SPACE_FIELDS; f++)
		if (strcmp(fields[f].name, name) == 0)
			return f;
	return SPACE_FIELDS;
}

space_value space_field_max(enum space_field f)
{
	return fields[f].max;
}

space_value space_ifname(const char *name)
{
	space_value v = 0;

	for (int i = 0; i < SPACE_IFNAME; i++)
		v = v << 8 | (*name ? (unsigned char)*name++ : 0);
	return v;
}

void space_ifname_text(space_value v, char out[SPACE_IFNAME])
{
	for (int i = 0; i < SPACE_IFNAME; i++)
		out[i] = (char)(v >> (8 * (SPACE_IFNAME - 1 - i)));
	out[SPACE_IFNAME - 1] = 0;
}

static struct space_vset *vset_new(struct space_pool *p, size_t n)
{
	struct space_vset *s;

	s = space_pool_alloc(p, sizeof(*s) + n * sizeof(s->r[0]));
	if (s)
		s->n = n;
	return s;
}

/* Keeps n ranges of the set made last, and gives back what is behind. */
static const struct space_vset *trim(struct space_pool *p, struct space_vset *s,
				     size_t n)
{
	size_t spare = (s->n - n) * sizeof(s->r[0]);

	s->n = n;
	p->chunks->used -= spare;
	memset(p->chunks->data + p->chunks->used, 0, spare);
	return s;
}

static int by_lo(const void *a, const void *b)
{
	const struct space_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* The empty set without memory: a set of nothing opens no path that is not
 * there, and space_pool_failed says that the answer is none. */
static const struct space_vset nothing = { 0 };

/* Sorts what was put in, and joins what overlaps or touches. */
static const struct space_vset *settle(struct space_pool *p, struct space_vset *s)
{
	size_t k = 0;

	qsort(s->r, s->n, sizeof(s->r[0]), by_lo);
	for (size_t i = 1; i < s->n; i++) {
		if (s->r[i].lo > s->r[k].hi && s->r[i].lo - s->r[k].hi > 1)
			s->r[++k] = s->r[i];
		else if (s->r[i].hi > s->r[k].hi)
			s->r[k].hi = s->r[i].hi;
	}
	return trim(p, s, k + 1);
}

const struct space_vset *space_vset_of(struct space_pool *p,
				       const struct space_range *r, size_t n)
{
	struct space_vset *s;

	s = vset_new(p, n);
	if (!s || !n)
		return &nothing;
	memcpy(s->r, r, n * sizeof(*r));
	return settle(p, s);
}

const struct space_vset *space_vset_one(struct space_pool *p, space_value lo,
					space_value hi)
{
	struct space_range r = { lo, hi };

	return space_vset_of(p, &r, 1);
}

/* Index of the first range that ends at v or behind it. */
static size_t first_at(const struct space_vset *s, space_value v)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->r[mid].hi < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* How many begin at v or before it. */
static size_t up_to(const struct space_vset *s, space_value v)
{
	size_t i = first_at(s, v);

	return i + (i < s->n && s->r[i].lo <= v);
}

static const struct space_vset *common(struct space_pool *p,
				       const struct space_vset *a,
				       const struct space_vset *b)
{
	struct space_vset *s;
	size_t i, j, i_end, j_end, k = 0;

	i = first_at(a, b->r[0].lo);
	j = first_at(b, a->r[0].lo);
	i_end = up_to(a, b->r[b->n - 1].hi);
	j_end = up_to(b, a->r[a->n - 1].hi);
	if (i >= i_end || j >= j_end)
		return &nothing;
	/* Each common range ends where one of the two ends. */
	s = vset_new(p, i_end - i + j_end - j);
	if (!s)
		return &nothing;
	while (i < i_end && j < j_end) {
		const struct space_range *x = &a->r[i], *y = &b->r[j];
		space_value lo = x->lo > y->lo ? x->lo : y->lo;
		space_value hi = x->hi < y->hi ? x->hi : y->hi;

		if (lo <= hi)
			s->r[k++] = (struct space_range){ lo, hi };
		if (x->hi < y->hi)
			i++;
		else
			j++;
	}
	return trim(p, s, k);
}

static struct memo *memo_of(struct space_pool *p, int op,
			    const struct space_vset *a,
			    const struct space_vset *b)
{
	uintptr_t x = (uintptr_t)a / 16, y = (uintptr_t)b / 16;

	return &p->memo[(x * 31 + y * 17 + (unsigned int)op) % MEMOS];
}

static int remembers(const struct memo *m, int op, const struct space_vset *a,
		     const struct space_vset *b)
{
	return m->result && m->op == op && m->a == a && m->b == b;
}

const struct space_vset *space_vset_and(struct space_pool *p,
					const struct space_vset *a,
					const struct space_vset *b)
{
	struct memo *m;

	if (!a || a == b)
		return b;
	if (!b)
		return a;
	if (!a->n || !b->n)
		return &nothing;
	if (a->n + b->n <= LONG)
		return common(p, a, b);
	m = memo_of(p, OP_AND, a, b);
	if (!remembers(m, OP_AND, a, b))
		*m = (struct memo){ a, b, common(p, a, b), OP_AND };
	return m->result;
}

const struct space_vset *space_vset_sum(struct space_pool *p,
					const struct space_vset *const *sets,
					size_t n)
{
	struct space_vset *s;
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += sets[i]->n;
	s = total ? vset_new(p, total) : NULL;
	if (!s)
		return NULL;
	total = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(s->r + total, sets[i]->r,
		       sets[i]->n * sizeof(sets[i]->r[0]));
		total += sets[i]->n;
	}
	qsort(s->r, total, sizeof(s->r[0]), by_lo);
	for (size_t i = 1; i < total; i++)
		if (s->r[i].lo <= s->r[i - 1].hi)
			return NULL;
	return settle(p, s);
}

static const struct space_vset *without(struct space_pool *p, enum space_field f,
					const struct space_vset *a,
					const struct space_vset *b)
{
	struct space_vset *s;
	size_t j, k = 0;

	if (!a)
		a = space_vset_one(p, 0, fields[f].max);
	if (!a->n || !b->n)
		return a;
	j = first_at(b, a->r[0].lo);
	/* Each range of b ends one piece and begins another. */
	s = vset_new(p, a->n + up_to(b, a->r[a->n - 1].hi) - j);
	if (!s)
		return &nothing;
	for (size_t i = 0; i < a->n; i++) {
		struct space_range left = a->r[i];
		int some = 1;

		while (j < b->n && b->r[j].hi < left.lo)
			j++;
		for (; some && j < b->n && b->r[j].lo <= left.hi; j += some) {
			if (b->r[j].lo > left.lo)
				s->r[k++] =
					(struct space_range){ left.lo,
							      b->r[j].lo - 1 };
			/* It may reach into the next one of a. */
			some = b->r[j].hi < left.hi;
			left.lo = b->r[j].hi + some;
		}
		if (some)
			s->r[k++] = left;
	}
	return trim(p, s, k);
}

const struct space_vset *space_vset_minus(struct space_pool *p,
					  enum space_field f,
					  const struct space_vset *a,
					  const struct space_vset *b)
{
	struct memo *m;
	int op = OP_MINUS + (int)f;

	if (!b)
		return &nothing;
	if ((a ? a->n : 0) + b->n <= LONG)
		return without(p, f, a, b);
	m = memo_of(p, op, a, b);
	if (!remembers(m, op, a, b))
		*m = (struct memo){ a, b, without(p, f, a, b), op };
	return m->result;
}

const struct space_vset *space_vset_not(struct space_pool *p, enum space_field f,
					const struct space_vset *a)
{
	return space_vset_minus(p, f, NULL, a);
}

int space_vset_has(const struct space_vset *s, space_value v)
{
	size_t i = first_at(s, v);

	return i < s->n && s->r[i].lo <= v;
}

int space_vset_meet(const struct space_vset *a, const struct space_vset *b)
{
	size_t i = 0;

	/* The shorter one asks the longer one. */
	if (a->n > b->n) {
		const struct space_vset *t = a;

		a = b;
		b = t;
	}
	for (; i < a->n; i++) {
		size_t j = first_at(b, a->r[i].lo);

		if (j < b->n && b->r[j].lo <= a->r[i].hi)
			return 1;
	}
	return 0;
}
