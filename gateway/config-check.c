/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config-check - what statements mean together: ranges within the segment,
 * nothing given out twice; and the files that the configuration names.
 *
 * A node's domU address is derived, not handed out: the node's place in the
 * segment, taken modulo the size of domu-range. So it survives a lost database
 * and a new order of the file. Two nodes that would meet are an error here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"

uint32_t config_mask(unsigned int prefix)
{
	return prefix ? ~0U << (32 - prefix) : 0;
}

static int within(uint32_t addr, uint32_t net, unsigned int prefix)
{
	return (addr & config_mask(prefix)) == (net & config_mask(prefix));
}

static int is_edge(uint32_t addr, unsigned int prefix)
{
	uint32_t host = addr & ~config_mask(prefix);

	return host == 0 || host == ~config_mask(prefix);
}

static void check_segment(const struct config *c, struct conf *file,
			  const struct conf_stmt *seg)
{
	const struct conf_stmt *address = conf_find(seg->child, "address");
	const struct conf_stmt *range = conf_find(seg->child, "domu-range");
	const struct conf_stmt *lease = conf_find(seg->child, "lease");

	if (lease && c->lease_sec < 2 * c->report_sec)
		conf_error(file, lease, 0,
			   "a lease of %ds does not outlast two reports of %ds",
			   c->lease_sec, c->report_sec);
	if (!address || !c->prefix)
		return;
	if (is_edge(c->address, c->prefix))
		conf_error(file, address, 0,
			   "'%s' is the network's or the broadcast address",
			   address->argv[0]);
	if (!range || !c->domu_prefix)
		return;
	if (c->domu_base & ~config_mask(c->domu_prefix))
		conf_error(file, range, 0, "'%s' has bits behind its prefix",
			   range->argv[0]);
	else if (c->domu_prefix <= c->prefix ||
		 !within(c->domu_base, c->address, c->prefix))
		conf_error(file, range, 0, "'%s' is not a part of the segment %s",
			   range->argv[0], address->argv[0]);
	else if (within(c->address, c->domu_base, c->domu_prefix))
		conf_error(file, range, 0, "'%s' holds the gateway's own address",
			   range->argv[0]);
}

static void check_carousel(const struct config *c, struct conf *file,
			   const struct conf_stmt *seg)
{
	const struct conf_stmt *carousel = conf_find(seg->child, "carousel");

	if (carousel && !c->repo.mirror)
		conf_error(file, carousel, -1,
			   "the carousel sends what the mirror holds, and there "
			   "is to be none: repo { mirror no }");
}

static void check_tunnel(const struct config *c, struct conf *file,
			 const struct conf_stmt *seg)
{
	const struct conf_stmt *tunnel = conf_find(seg->child, "tunnel");

	if (!tunnel)
		return;
	if (!strcmp(c->tunnel.interface, c->interface))
		conf_error(file, tunnel, -1,
			   "'%s' is the interface of the segment", c->interface);
	if (c->carousel.line && c->tunnel.port == c->carousel.port)
		conf_error(file, tunnel, -1, "UDP port %d is the carousel's",
			   c->tunnel.port);
}

static void check_node(const struct config *c, struct conf *file,
		       const struct config_node *n, const struct conf_stmt *s)
{
	const struct conf_stmt *at = conf_find(s->child, "address");

	if (!at || !n->address || !c->prefix)
		return;
	if (!within(n->address, c->address, c->prefix))
		conf_error(file, at, 0, "'%s' is outside the segment",
			   at->argv[0]);
	else if (is_edge(n->address, c->prefix))
		conf_error(file, at, 0,
			   "'%s' is the network's or the broadcast address",
			   at->argv[0]);
	else if (n->address == c->address)
		conf_error(file, at, 0, "'%s' is the gateway's own address",
			   at->argv[0]);
	else if (c->domu_prefix &&
		 within(n->address, c->domu_base, c->domu_prefix))
		conf_error(file, at, 0, "'%s' lies in domu-range", at->argv[0]);
}

static void check_pair(struct conf *file, const struct config_node *n,
		       const struct config_node *older, const struct conf_stmt *s)
{
	const struct conf_stmt *mac = conf_find(s->child, "mac");
	const struct conf_stmt *addr = conf_find(s->child, "address");

	if (!strcmp(n->name, older->name))
		conf_error(file, s, 0, "node '%s' stands in line %d already",
			   n->name, older->line);
	if (mac && n->mac_text[0] && !strcmp(n->mac_text, older->mac_text))
		conf_error(file, mac, 0, "%s is node '%s' of line %d already",
			   n->mac_text, older->name, older->line);
	if (!addr || !n->address || !older->address)
		return;
	if (n->address == older->address)
		conf_error(file, addr, 0, "%s is node '%s' of line %d already",
			   n->address_text, older->name, older->line);
	else if (n->domu_address && n->domu_address == older->domu_address)
		conf_error(file, addr, 0,
			   "%s would get the same domU address as node '%s' "
			   "of line %d: domu-range is too small",
			   n->address_text, older->name, older->line);
}

/* Most pairs do not, and there are many. */
static int clash(const struct config_node *a, const struct config_node *b)
{
	return a->address == b->address || a->domu_address == b->domu_address ||
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) ||
	       !strcmp(a->name, b->name);
}

static void derive_domu_address(const struct config *c, struct config_node *n)
{
	uint32_t place, range;

	if (!c->prefix || !c->domu_prefix || !n->address)
		return;
	place = n->address & ~config_mask(c->prefix);
	range = ~config_mask(c->domu_prefix);
	/* Modulo range-1 plus 1: never its first or last address. */
	if (place < 1)
		return;
	n->domu_address = (c->domu_base & config_mask(c->domu_prefix)) + 1 +
			  (place - 1) % (range - 1);
}

void config_check(const struct config *c, struct conf *file,
		  const struct conf_stmt *segment)
{
	const struct conf_stmt *s;
	size_t i = 0;

	check_segment(c, file, segment);
	check_carousel(c, file, segment);
	check_tunnel(c, file, segment);
	for (s = conf_find(segment->child, "node"); s; s = conf_next(s)) {
		/* A node without a proper name has no struct. */
		if (i == c->n_nodes || s->line != c->nodes[i].line)
			continue;
		derive_domu_address(c, &c->nodes[i]);
		check_node(c, file, &c->nodes[i], s);
		for (size_t k = 0; k < i; k++)
			if (clash(&c->nodes[i], &c->nodes[k]))
				check_pair(file, &c->nodes[i], &c->nodes[k], s);
		i++;
	}
}

struct needed {
	const char *what, *path;
	int dir;
	int mode; /* of access(2) */
};

int config_check_files(const struct config *c, const char *path,
		       config_error_fn fn, void *arg)
{
	const struct needed table[] = {
		{ "boot", c->boot, 1, R_OK | X_OK },
		{ "key", c->key, 0, R_OK },
		{ "root", c->root, 0, R_OK },
		{ "central: token-file", c->central.token_file, 0, R_OK },
	};
	char text[CONFIG_TEXT * 2 + 64];
	struct stat st;
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *why = NULL;

		if (stat(table[i].path, &st) ||
		    access(table[i].path, table[i].mode))
			why = strerror(errno);
		else if (table[i].dir != S_ISDIR(st.st_mode))
			why = table[i].dir ? "no directory" : "no file";
		if (!why)
			continue;
		snprintf(text, sizeof(text), "%s: %s %s: %s", path,
			 table[i].what, table[i].path, why);
		fn(text, arg);
		n++;
	}
	return n;
}
