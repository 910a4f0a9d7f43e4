/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space - sets of packets, exactly.
 *
 * A packet is a point: one value in each field. A cube has in each field a set
 * of values (sorted ranges; NULL: any). A space is a list of cubes, their
 * union; they may overlap. Operations are exact, none samples.
 *
 * Fields say what the wire says, so that a value need not mean anything for a
 * packet (the destination port of ARP); who asks for it must ask for what gives
 * it meaning as well.
 *
 * Memory comes from a pool and is freed with it, all at once; cubes and ranges
 * are never changed once made, so spaces share them. Out of memory is
 * remembered in the pool (space_pool_failed) and yields empty sets: ask before
 * an answer is believed. Not for several threads at once.
 */
#ifndef SPACE_H
#define SPACE_H

#include <stddef.h>
#include <stdint.h>

/* Wide enough for an IPv6 address and for an interface's name. */
typedef unsigned __int128 space_value;

enum space_field {
	SPACE_IIF,    /* space_ifname(); 0: none (made here) */
	SPACE_OIF,    /* 0: none (for this host) */
	SPACE_TAG,    /* 0: no VLAN tag, else its id + 1 */
	SPACE_ETYPE,  /* EtherType behind the tag */
	SPACE_ESRC,   /* 48 bits; SPACE_NO_ETHER: came without such a header */
	SPACE_EDST,   /* likewise */
	SPACE_ARP_OP, /* the ARP header, for hardware Ethernet, protocol IPv4 */
	SPACE_ARP_SHA,
	SPACE_ARP_SPA,
	SPACE_ARP_THA,
	SPACE_ARP_TPA,
	SPACE_SADDR, /* IPv4 */
	SPACE_DADDR,
	SPACE_SADDR6,
	SPACE_DADDR6,
	SPACE_FRAG,  /* 16 bits: flags and offset */
	SPACE_PROTO, /* of what IP carries */
	SPACE_SPORT, /* TCP, UDP, UDP-Lite, SCTP, DCCP */
	SPACE_DPORT,
	SPACE_ICMP_TYPE, /* ICMP and ICMPv6 */
	SPACE_ICMP_CODE,
	SPACE_TCP_FLAGS,
	SPACE_CT_STATE, /* enum space_ct */
	SPACE_CT_DIR,   /* 0 original, 1 reply */
	SPACE_FIELDS
};

enum space_ct {
	SPACE_CT_NEW,
	SPACE_CT_ESTABLISHED,
	SPACE_CT_RELATED,
	SPACE_CT_INVALID,
	SPACE_CT_UNTRACKED
};

#define SPACE_NO_ETHER  ((space_value)1 << 48)
#define SPACE_VALUE_MAX (~(space_value)0)
#define SPACE_IFNAME    16 /* IFNAMSIZ */

struct space_range {
	space_value lo, hi; /* both inside */
};

struct space_vset { /* sorted, apart by at least one value; n 0: nothing */
	size_t n;
	struct space_range r[];
};

struct space_cube {
	const struct space_vset *f[SPACE_FIELDS]; /* NULL: any value */
};

struct space {
	const struct space_cube **cubes;
	size_t n, cap;
};

struct space_point {
	space_value v[SPACE_FIELDS];
};

struct space_pool;
struct space_pool *space_pool_new(void); /* NULL: out of memory */
void space_pool_free(struct space_pool *p);
int space_pool_failed(const struct space_pool *p); /* 0 or -ENOMEM */
/* Zeroed; NULL out of memory, which is remembered. */
void *space_pool_alloc(struct space_pool *p, size_t size);

const char *space_field_name(enum space_field f);
/* "saddr" ... to a field, SPACE_FIELDS if there is none. */
enum space_field space_field_by_name(const char *name);
space_value space_field_max(enum space_field f);
space_value space_ifname(const char *name); /* its bytes, first one highest */
void space_ifname_text(space_value v, char out[SPACE_IFNAME]);

/* Sets of values. vset_of takes any ranges, in any order, overlapping. */
const struct space_vset *space_vset_of(struct space_pool *p,
				       const struct space_range *r, size_t n);
const struct space_vset *space_vset_one(struct space_pool *p, space_value lo,
					space_value hi);
/* NULL as a set means any value, of which the field says how many there are. */
const struct space_vset *space_vset_and(struct space_pool *p,
					const struct space_vset *a,
					const struct space_vset *b);
const struct space_vset *space_vset_minus(struct space_pool *p,
					  enum space_field f,
					  const struct space_vset *a,
					  const struct space_vset *b);
const struct space_vset *space_vset_not(struct space_pool *p, enum space_field f,
					const struct space_vset *a);
/* All of them, if no two share a value; NULL if some do, or out of memory. */
const struct space_vset *space_vset_sum(struct space_pool *p,
					const struct space_vset *const *sets,
					size_t n);
int space_vset_has(const struct space_vset *s, space_value v);
int space_vset_meet(const struct space_vset *a, const struct space_vset *b);

/* Cubes; all are new ones. NULL: empty. */
struct space_cube *space_cube_any(struct space_pool *p);
const struct space_cube *space_cube_with(struct space_pool *p,
					 const struct space_cube *c,
					 enum space_field f,
					 const struct space_vset *s);
const struct space_cube *space_cube_and(struct space_pool *p,
					const struct space_cube *a,
					const struct space_cube *b);

/* Spaces. SPACE_EMPTY is the empty one; results replace *out. */
/* clang-format off */
#define SPACE_EMPTY { NULL, 0, 0 }
/* clang-format on */
void space_add(struct space_pool *p, struct space *s, const struct space_cube *c);
void space_add_all(struct space_pool *p, struct space *s,
		   const struct space *from);
struct space space_any(struct space_pool *p);
struct space space_and(struct space_pool *p, const struct space *a,
		       const struct space *b);
struct space space_minus(struct space_pool *p, const struct space *a,
			 const struct space *b);
/* Those of it that have one of these values in a field. */
struct space space_only(struct space_pool *p, const struct space *a,
			enum space_field f, const struct space_vset *v);
/* The same with any of those values in a field, whatever it was. */
struct space space_assign(struct space_pool *p, const struct space *a,
			  enum space_field f, const struct space_vset *v);
struct space space_of_point(struct space_pool *p, const struct space_point *x);
int space_has(const struct space *s, const struct space_point *x);

/* A point of it: as `like` (may be NULL) in as many fields as a cube of it can
 * be, the lowest value in others. -ENOENT: the space is empty. */
int space_sample(const struct space *s, const struct space_point *like,
		 struct space_point *out);

#endif
