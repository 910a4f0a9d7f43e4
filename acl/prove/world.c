/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - the segment that the facts tell of, as sets of packets.
 */
#include <string.h>

#include "cleanup.h"
#include "prove.h"

#define DHCP_SERVER 67
#define DHCP_CLIENT 68
#define ICMP_ECHO   8

void acl_world(struct world *w, struct nftmodel *m, const struct acl_facts *f,
	       const struct acl_policy *p)
{
	w->pool = nftmodel_pool(m);
	w->f = f;
	w->p = p;
	w->has_tunnel = f->tunnel_interface && *f->tunnel_interface;
	w->domu_if = w->has_tunnel ? f->tunnel_interface : f->interface;
}

struct space acl_world_cube(const struct world *w, const struct world_field *l)
{
	struct space_cube *c = space_cube_any(w->pool);
	struct space s = SPACE_EMPTY;

	for (; c && l->f != SPACE_FIELDS; l++)
		c->f[l->f] = space_vset_one(w->pool, l->lo, l->hi);
	space_add(w->pool, &s, c);
	return s;
}

void acl_world_in(const struct world *w, struct space *s, enum space_field f,
		  const struct space_vset *v)
{
	*s = space_only(w->pool, s, f, v);
}

void acl_world_only(const struct world *w, struct space *s, enum space_field f,
		    space_value lo, space_value hi)
{
	acl_world_in(w, s, f, space_vset_one(w->pool, lo, hi));
}

space_value acl_world_mac(const uint8_t mac[PARSE_MAC_LEN])
{
	space_value v = 0;

	for (size_t i = 0; i < PARSE_MAC_LEN; i++)
		v = v << 8 | mac[i];
	return v;
}

static const struct space_vset *prefix(const struct world *w, uint32_t address,
				       unsigned int len)
{
	uint32_t host =
		len ? (uint32_t)(((uint64_t)1 << (32 - len)) - 1) : UINT32_MAX;

	return space_vset_one(w->pool, address & ~host, address | host);
}

const struct space_vset *acl_world_segment(const struct world *w)
{
	return prefix(w, w->f->address, w->f->prefix);
}

const struct space_vset *acl_world_domu_range(const struct world *w)
{
	return prefix(w, w->f->domu_base, w->f->domu_prefix);
}

const struct space_vset *acl_world_interfaces(const struct world *w, int domus)
{
	space_value v = space_ifname(domus ? w->domu_if : w->f->interface);

	return space_vset_one(w->pool, v, v);
}

/* Neither the segment's nor the tunnel's; nor none. */
const struct space_vset *acl_world_elsewhere(const struct world *w)
{
	struct space_range r[] = {
		{ 0, 0 },
		{ space_ifname(w->f->interface), space_ifname(w->f->interface) },
		{ space_ifname(w->domu_if), space_ifname(w->domu_if) },
	};

	return space_vset_not(w->pool, SPACE_IIF,
			      space_vset_of(w->pool, r, ARRAY_SIZE(r)));
}

struct space acl_world_nodes(const struct world *w, int enrolled)
{
	struct space s = SPACE_EMPTY, one;

	for (size_t i = 0; i < w->f->n_nodes; i++) {
		const struct acl_node *n = &w->f->nodes[i];
		space_value mac = acl_world_mac(n->mac);

		if (enrolled && !n->enrolled)
			continue;
		one = acl_world_cube(
			w, (struct world_field[]){
				   { SPACE_SADDR, n->address, n->address },
				   { SPACE_ESRC, mac, mac },
				   { SPACE_FIELDS, 0, 0 } });
		space_add_all(w->pool, &s, &one);
	}
	return s;
}

static struct space service(const struct world *w, int protocol, int port)
{
	return acl_world_cube(
		w, (struct world_field[]){
			   { SPACE_ETYPE, ETYPE_IP, ETYPE_IP },
			   { SPACE_PROTO, protocol, protocol },
			   { SPACE_DPORT, port, port },
			   { SPACE_CT_STATE, SPACE_CT_NEW, SPACE_CT_RELATED },
			   { SPACE_FIELDS, 0, 0 } });
}

/* Is somebody there, and why a packet did not get there. */
static struct space signals(const struct world *w)
{
	struct space s = acl_world_errors(w), echo;

	echo = acl_world_cube(
		w, (struct world_field[]){
			   { SPACE_ETYPE, ETYPE_IP, ETYPE_IP },
			   { SPACE_PROTO, IPPROTO_N_ICMP, IPPROTO_N_ICMP },
			   { SPACE_ICMP_TYPE, ICMP_ECHO, ICMP_ECHO },
			   { SPACE_CT_STATE, SPACE_CT_NEW, SPACE_CT_RELATED },
			   { SPACE_FIELDS, 0, 0 } });
	space_add_all(w->pool, &s, &echo);
	return s;
}

/* Named here once more, from the contract and not from the compiler's table. */
struct space acl_world_services(const struct world *w, int enrolled)
{
	const struct acl_facts *f = w->f;
	const struct {
		int enrolled, protocol, port;
	} named[] = {
		{ 0, IPPROTO_N_UDP, 69 },  /* TFTP: boot files */
		{ 0, IPPROTO_N_TCP, 80 },  /* boot files, repository */
		{ 0, IPPROTO_N_TCP, 443 }, /* control */
		{ 1, IPPROTO_N_TCP, f->repo.port },
		{ 1, IPPROTO_N_UDP, f->carousel.port },
		{ 1, IPPROTO_N_UDP, w->has_tunnel ? f->tunnel.port : 0 },
	};
	struct space s = SPACE_EMPTY, one;

	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		if (!named[i].port || named[i].enrolled != enrolled)
			continue;
		one = service(w, named[i].protocol, named[i].port);
		space_add_all(w->pool, &s, &one);
	}
	if (!enrolled) {
		one = signals(w);
		space_add_all(w->pool, &s, &one);
	}
	acl_world_only(w, &s, SPACE_DADDR, f->address, f->address);
	return s;
}

struct space acl_world_dhcp(const struct world *w, int from_gateway)
{
	int from = from_gateway ? DHCP_SERVER : DHCP_CLIENT;
	int to = from_gateway ? DHCP_CLIENT : DHCP_SERVER;

	return acl_world_cube(
		w, (struct world_field[]){
			   { SPACE_ETYPE, ETYPE_IP, ETYPE_IP },
			   { SPACE_PROTO, IPPROTO_N_UDP, IPPROTO_N_UDP },
			   { SPACE_SPORT, from, from },
			   { SPACE_DPORT, to, to },
			   { SPACE_FIELDS, 0, 0 } });
}

struct space acl_world_errors(const struct world *w)
{
	static const struct space_range types[] = { { 3, 3 }, { 11, 11 } };
	struct space s = acl_world_cube(
		w, (struct world_field[]){
			   { SPACE_ETYPE, ETYPE_IP, ETYPE_IP },
			   { SPACE_PROTO, IPPROTO_N_ICMP, IPPROTO_N_ICMP },
			   { SPACE_CT_STATE, SPACE_CT_RELATED, SPACE_CT_RELATED },
			   { SPACE_FIELDS, 0, 0 } });

	acl_world_in(w, &s, SPACE_ICMP_TYPE,
		     space_vset_of(w->pool, types, ARRAY_SIZE(types)));
	return s;
}
