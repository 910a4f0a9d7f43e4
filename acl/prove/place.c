/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - names to where they lie.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "prove.h"

/* TEST-NET-3 (RFC 5737): nobody's, but as far as rules go a host like any. */
#define SOMEWHERE 0xcb007107 /* 203.0.113.7 */

static int set(struct acl_place *out, int at, uint32_t address, const uint8_t *mac)
{
	out->at = at;
	out->address = address;
	out->has_mac = mac != NULL;
	if (mac)
		memcpy(out->mac, mac, PARSE_MAC_LEN);
	return 0;
}

static const struct acl_node *node_of(const struct acl_facts *f,
				      const char *name, size_t len)
{
	for (size_t i = 0; i < f->n_nodes; i++)
		if (strlen(f->nodes[i].name) == len &&
		    strncmp(f->nodes[i].name, name, len) == 0)
			return &f->nodes[i];
	return NULL;
}

static const struct acl_node *node_at(const struct acl_facts *f, uint32_t address)
{
	for (size_t i = 0; i < f->n_nodes; i++)
		if (f->nodes[i].address == address)
			return &f->nodes[i];
	return NULL;
}

static int is_domu(const struct acl_facts *f, uint32_t address)
{
	unsigned int shift = 32 - f->domu_prefix;

	return f->domu_prefix && f->domu_prefix <= 32 &&
	       ((uint64_t)(address ^ f->domu_base) >> shift) == 0;
}

/* "pc1/domu", or "pc1/domu2" where it has several. */
static int find_domu(const struct acl_facts *f, const char *name,
		     const struct acl_node *node, struct acl_place *out,
		     struct errinfo *err)
{
	const char *slash = strchr(name, '/');
	int wanted = 1, seen = 0;

	if (strncmp(slash, "/domu", 5) != 0 ||
	    (slash[5] && parse_int(slash + 5, 1, 99, &wanted)))
		return errinfo_set(err, -ENOENT, "'%s': say %s/domu", name,
				   node->name);
	for (size_t i = 0; i < f->n_domus; i++) {
		const struct acl_domu *d = &f->domus[i];

		if (d->node && !strcmp(d->node, node->name) && ++seen == wanted)
			return set(out, ACL_AT_TUNNEL, d->address, NULL);
	}
	return errinfo_set(err, -ENOENT, "node '%s' has no domU now", node->name);
}

/* A host of the segment that is nobody we know: from the end, where gateways
 * and reservations seldom are. */
static uint32_t office(const struct acl_facts *f)
{
	uint64_t host = ((uint64_t)1 << (32 - f->prefix)) - 1;
	uint32_t first = f->address & ~(uint32_t)host;
	uint32_t a = first | (uint32_t)(host - 1);

	while (a > first && (a == f->address || node_at(f, a) || is_domu(f, a)))
		a = is_domu(f, a) && f->domu_base > first ? f->domu_base - 1
							  : a - 1;
	return a;
}

static int find_address(const struct acl_facts *f, uint32_t a,
			struct acl_place *out)
{
	static const uint8_t unknown[PARSE_MAC_LEN] = { 2, 0, 0, 0, 0, 1 };
	const struct acl_node *node = node_at(f, a);

	if (a == f->address)
		return set(out, ACL_AT_GATEWAY, a, NULL);
	if (node)
		return set(out, ACL_AT_SEGMENT, a, node->mac);
	if (is_domu(f, a))
		return set(out, ACL_AT_TUNNEL, a, NULL);
	if (f->prefix && ((uint64_t)(a ^ f->address) >> (32 - f->prefix)) == 0)
		return set(out, ACL_AT_SEGMENT, a, unknown);
	return set(out, ACL_AT_WORLD, a, NULL);
}

int acl_place_find(const struct acl_facts *f, const char *name,
		   struct acl_place *out, struct errinfo *err)
{
	const struct acl_node *node = node_of(f, name, strcspn(name, "/"));
	uint32_t a;

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", name);
	if (node && strchr(name, '/'))
		return find_domu(f, name, node, out, err);
	if (node)
		return set(out, ACL_AT_SEGMENT, node->address, node->mac);
	if (strcmp(name, "gateway") == 0)
		return set(out, ACL_AT_GATEWAY, f->address, NULL);
	if (strcmp(name, "central") == 0)
		return set(out, ACL_AT_WORLD, f->central_address, NULL);
	if (strcmp(name, "office") == 0)
		return find_address(f, office(f), out);
	if (strcmp(name, "internet") == 0)
		return set(out, ACL_AT_WORLD, SOMEWHERE, NULL);
	if (parse_ipv4(name, &a) == 0)
		return find_address(f, a, out);
	return errinfo_set(err, -ENOENT,
			   "'%s' is no node, no address, and not gateway, "
			   "central, office or internet",
			   name);
}
