/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allow - what a policy's lines let through, from what acl(5) says that they
 * mean. The compiler is not asked: this is the other opinion.
 *
 * The first line that matches decides. Hours and rates come and go, so a `pass`
 * counts as if it always held and a `block` with them as if it never did: what
 * comes out is all that the policy may ever let through.
 */
#include <fnmatch.h>
#include <string.h>

#include "cleanup.h"
#include "prove.h"

struct line_view {
	const struct world *w;
	const struct acl_line *l;
	enum allow_to to;
};

static const struct acl_item *items(const struct line_view *v,
				    const struct acl_list *list)
{
	return acl_policy_items(v->w->p, list);
}

static int any_fits(const struct line_view *v, const struct acl_list *patterns,
		    const char *name)
{
	const struct acl_item *item = items(v, patterns);

	for (size_t i = 0; i < patterns->n; i++)
		if (fnmatch(item[i].text, name, 0) == 0)
			return 1;
	return patterns->n == 0;
}

/* Addresses of those domUs that the line is about. */
static const struct space_vset *domus(const struct line_view *v)
{
	const struct acl_facts *f = v->w->f;
	struct space_range *r;
	size_t n = 0;

	r = space_pool_alloc(v->w->pool, (f->n_domus + 1) * sizeof(*r));
	for (size_t i = 0; r && i < f->n_domus; i++) {
		const struct acl_domu *d = &f->domus[i];
		const char *image = d->image ? d->image : "";
		const char *node = d->node ? d->node : "";

		if ((v->l->from.images.n && !*image) ||
		    !any_fits(v, &v->l->from.images, image) ||
		    !any_fits(v, &v->l->from.nodes, node))
			continue;
		r[n++] = (struct space_range){ d->address, d->address };
	}
	return space_vset_of(v->w->pool, r, n);
}

static size_t count_hosts(const struct line_view *v, const struct acl_list *list)
{
	const struct acl_item *item = items(v, list);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += item[i].kind == ACL_TABLE_REF
			     ? count_hosts(v, &v->w->p->tables[item[i].a].hosts)
			     : item[i].kind == ACL_PREFIX;
	return n;
}

static size_t put_hosts(const struct line_view *v, const struct acl_list *list,
			struct space_range *r)
{
	const struct acl_item *item = items(v, list);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		uint64_t host = ((uint64_t)1 << (32 - item[i].b % 33)) - 1;

		if (item[i].kind == ACL_TABLE_REF)
			n += put_hosts(v, &v->w->p->tables[item[i].a].hosts,
				       r + n);
		else if (item[i].kind == ACL_PREFIX)
			r[n++] = (struct space_range){ item[i].a & ~host,
						       item[i].a | host };
	}
	return n;
}

/* Addresses and tables of an end, `!` heeded; empty if it names none. */
static const struct space_vset *
hosts(const struct line_view *v, const struct acl_end *end, enum space_field f)
{
	size_t n = count_hosts(v, &end->who);
	const struct space_vset *s;
	struct space_range *r;

	if (!n)
		return space_vset_of(v->w->pool, NULL, 0);
	r = space_pool_alloc(v->w->pool, n * sizeof(*r));
	n = r ? put_hosts(v, &end->who, r) : 0;
	s = space_vset_of(v->w->pool, r, n);
	return end->negated ? space_vset_not(v->w->pool, f, s) : s;
}

/* RFC 6890's addresses that are nobody's in the Internet, and the segment. */
static const struct space_vset *internet(const struct line_view *v)
{
	static const char *const special[] = {
		"0.0.0.0/8",    "10.0.0.0/8",     "100.64.0.0/10",
		"127.0.0.0/8",  "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"224.0.0.0/4",  "240.0.0.0/4",
	};
	struct space_range r[ARRAY_SIZE(special) + 1];
	const struct space_vset *segment = acl_world_segment(v->w);

	for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
		uint32_t a = 0;
		unsigned int len = 0;

		(void)parse_ipv4_prefix(special[i], &a, &len);
		r[i].lo = a;
		r[i].hi = a | (((uint64_t)1 << (32 - len)) - 1);
	}
	r[ARRAY_SIZE(special)] = segment->r[0];
	return space_vset_not(v->w->pool, SPACE_DADDR,
			      space_vset_of(v->w->pool, r, ARRAY_SIZE(r)));
}

static void add_field(const struct line_view *v, struct space *out,
		      enum space_field f, const struct space_vset *s)
{
	struct space_cube *c = space_cube_any(v->w->pool);

	if (!c || (s && !s->n))
		return;
	c->f[f] = s;
	space_add(v->w->pool, out, c);
}

/* Sources on the segment: nodes by their pair, all others are the office. */
static void add_segment_source(const struct line_view *v,
			       const struct acl_item *item, struct space *out)
{
	struct space nodes = acl_world_nodes(v->w, 0), others = SPACE_EMPTY;
	struct space_pool *p = v->w->pool;

	if (item->kind == ACL_NODES || item->kind == ACL_ANY)
		space_add_all(p, out, &nodes);
	if (item->kind == ACL_ANY || item->kind == ACL_OFFICE)
		others = space_any(p);
	if (item->kind >= ACL_NAMED)
		add_field(v, &others, SPACE_SADDR,
			  hosts(v, &v->l->from, SPACE_SADDR));
	others = space_minus(p, &others, &nodes);
	space_add_all(p, out, &others);
}

static struct space sources(const struct line_view *v)
{
	const struct acl_item *item = items(v, &v->l->from.who);
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < v->l->from.who.n; i++) {
		int is_domu =
			item[i].kind == ACL_DOMUS || item[i].kind == ACL_ANY;

		if (v->to == ALLOW_GATEWAY_SEGMENT)
			add_segment_source(v, &item[i], &s);
		/* Without a tunnel domUs are on the segment too. */
		if (is_domu &&
		    (v->to != ALLOW_GATEWAY_SEGMENT || !v->w->has_tunnel))
			add_field(v, &s, SPACE_SADDR, domus(v));
	}
	return s;
}

static struct space targets(const struct line_view *v)
{
	const struct acl_item *item = items(v, &v->l->to.who);
	const struct acl_facts *f = v->w->f;
	struct space_pool *p = v->w->pool;
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < v->l->to.who.n; i++) {
		enum acl_kind kind = item[i].kind;

		if (v->to < ALLOW_BEYOND) {
			if (kind == ACL_GATEWAY || kind == ACL_ANY)
				add_field(v, &s, SPACE_DADDR,
					  space_vset_one(p, f->address,
							 f->address));
			continue;
		}
		if (kind == ACL_ANY)
			add_field(v, &s, SPACE_DADDR, NULL);
		if (kind == ACL_CENTRAL)
			add_field(v, &s, SPACE_DADDR,
				  space_vset_one(p, f->central_address,
						 f->central_address));
		if (kind == ACL_INTERNET)
			add_field(v, &s, SPACE_DADDR, internet(v));
		if (kind >= ACL_NAMED)
			add_field(v, &s, SPACE_DADDR,
				  hosts(v, &v->l->to, SPACE_DADDR));
	}
	return s;
}

static const struct space_vset *ports(const struct line_view *v)
{
	const struct acl_item *port = items(v, &v->l->ports);
	size_t n = v->l->ports.n;
	struct space_range *r;

	if (!n)
		return NULL;
	r = space_pool_alloc(v->w->pool, n * sizeof(*r));
	for (size_t i = 0; r && i < n; i++) {
		uint32_t a = port[i].a, b = port[i].b;

		if (port[i].kind == ACL_PORT_NAME)
			a = b = (uint32_t)acl_port_number((enum acl_port)a,
							  v->w->f);
		r[i] = (struct space_range){ a, b };
	}
	return space_vset_of(v->w->pool, r, r ? n : 0);
}

static struct space protocols(const struct line_view *v)
{
	static const struct {
		unsigned int bit;
		int number;
	} named[] = { { ACL_TCP, IPPROTO_N_TCP }, { ACL_UDP, IPPROTO_N_UDP } };
	const struct space_vset *port = ports(v);
	struct space s = SPACE_EMPTY, one;

	if (!v->l->protos && !port)
		return space_any(v->w->pool);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		if (v->l->protos && !(v->l->protos & named[i].bit))
			continue;
		one = acl_world_cube(v->w, (struct world_field[]){
						   { SPACE_PROTO, named[i].number,
						     named[i].number },
						   { SPACE_FIELDS, 0, 0 } });
		acl_world_in(v->w, &one, SPACE_DPORT, port);
		space_add_all(v->w->pool, &s, &one);
	}
	if (v->l->protos & ACL_ICMP) {
		one = acl_world_cube(v->w, (struct world_field[]){
						   { SPACE_PROTO, IPPROTO_N_ICMP,
						     IPPROTO_N_ICMP },
						   { SPACE_ICMP_TYPE, 8, 8 },
						   { SPACE_FIELDS, 0, 0 } });
		space_add_all(v->w->pool, &s, &one);
	}
	return s;
}

static struct space line_space(const struct line_view *v)
{
	struct space s = sources(v), other;

	other = targets(v);
	s = space_and(v->w->pool, &s, &other);
	other = protocols(v);
	return space_and(v->w->pool, &s, &other);
}

/* acl(5): `segment NAME` narrows a line. */
static int is_elsewhere(const struct line_view *v)
{
	return !any_fits(v, &v->l->segments, v->w->f->segment);
}

static int comes_and_goes(const struct acl_line *l)
{
	return l->hours.line || l->rate.unit;
}

/* No line opens these, whatever it says. */
static struct space walled(const struct world *w, enum allow_to to,
			   const struct space *s)
{
	struct space wall = SPACE_EMPTY;
	struct line_view v = { .w = w };

	if (to == ALLOW_BEYOND) {
		add_field(&v, &wall, SPACE_DADDR, acl_world_segment(w));
		add_field(&v, &wall, SPACE_DADDR, acl_world_domu_range(w));
	}
	add_field(&v, &wall, SPACE_ETYPE,
		  space_vset_not(w->pool, SPACE_ETYPE,
				 space_vset_one(w->pool, ETYPE_IP, ETYPE_IP)));
	add_field(&v, &wall, SPACE_CT_STATE,
		  space_vset_one(w->pool, SPACE_CT_INVALID, SPACE_CT_INVALID));
	return space_minus(w->pool, s, &wall);
}

struct space acl_allowed(const struct world *w, enum allow_to to)
{
	struct space allowed = SPACE_EMPTY, blocked = SPACE_EMPTY, one;

	for (size_t i = 0; w->p && i < w->p->n_lines; i++) {
		struct line_view v = { w, &w->p->lines[i], to };

		if (is_elsewhere(&v))
			continue;
		one = line_space(&v);
		if (v.l->pass) {
			one = space_minus(w->pool, &one, &blocked);
			space_add_all(w->pool, &allowed, &one);
		} else if (!comes_and_goes(v.l)) {
			space_add_all(w->pool, &blocked, &one);
		}
	}
	return walled(w, to, &allowed);
}

/* An echo reply answers an echo request. */
static const struct space_vset *answering_types(const struct world *w,
						const struct space_vset *t)
{
	return t && space_vset_has(t, 8) ? space_vset_one(w->pool, 0, 0) : t;
}

struct space acl_replies(const struct world *w, const struct space *forward)
{
	struct space s = SPACE_EMPTY;

	for (size_t i = 0; i < forward->n; i++) {
		const struct space_cube *c = forward->cubes[i];
		struct space_cube *r = space_cube_any(w->pool);

		if (!r)
			break;
		r->f[SPACE_SADDR] = c->f[SPACE_DADDR];
		r->f[SPACE_DADDR] = c->f[SPACE_SADDR];
		r->f[SPACE_SPORT] = c->f[SPACE_DPORT];
		r->f[SPACE_DPORT] = c->f[SPACE_SPORT];
		r->f[SPACE_PROTO] = c->f[SPACE_PROTO];
		r->f[SPACE_ETYPE] = c->f[SPACE_ETYPE];
		r->f[SPACE_ICMP_TYPE] = answering_types(w, c->f[SPACE_ICMP_TYPE]);
		r->f[SPACE_CT_STATE] = space_vset_one(
			w->pool, SPACE_CT_ESTABLISHED, SPACE_CT_ESTABLISHED);
		space_add(w->pool, &s, r);
	}
	return s;
}
