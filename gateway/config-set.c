/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config-set - one setter for each statement: reads its words into the struct
 * and reports what is wrong with them. Tables say which statement is whose.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config-set.h"

#define SECONDS_MAX 3600

void config_copy_text(struct reader *r, const struct conf_stmt *s, char *out,
		      size_t size)
{
	size_t len = strlen(s->argv[0]);

	if (len == 0 || len >= size) {
		conf_error(r->file, s, 0, "%s: 1 to %zu characters, not %zu",
			   s->name, size - 1, len);
		return;
	}
	memcpy(out, s->argv[0], len + 1);
}

/* The generated files quote these words; nothing in them may need escaping. */
void config_copy_path(struct reader *r, const struct conf_stmt *s, char *out)
{
	const char *p = s->argv[0];

	if (p[0] != '/')
		conf_error(r->file, s, 0, "%s: '%s' is no absolute path",
			   s->name, p);
	else if (strpbrk(p, " \t\r\n\"'\\;{}$#,"))
		conf_error(r->file, s, 0,
			   "%s: no blanks or any of \"'\\;{}$#, in a path",
			   s->name);
	else
		config_copy_text(r, s, out, CONFIG_TEXT);
}

static void set_state(struct reader *r, const struct conf_stmt *s)
{
	config_copy_path(r, s, r->c->state);
}

static void set_boot_dir(struct reader *r, const struct conf_stmt *s)
{
	config_copy_path(r, s, r->c->boot);
}

static void set_key(struct reader *r, const struct conf_stmt *s)
{
	config_copy_path(r, s, r->c->key);
}

static void set_root(struct reader *r, const struct conf_stmt *s)
{
	config_copy_path(r, s, r->c->root);
}

void config_copy_ifname(struct reader *r, const struct conf_stmt *s, char *out)
{
	if (s->argv[0][strspn(s->argv[0], "abcdefghijklmnopqrstuvwxyz"
					  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789._-")])
		conf_error(r->file, s, 0, "'%s' is no interface name",
			   s->argv[0]);
	else
		config_copy_text(r, s, out, CONFIG_IFNAME);
}

static void set_interface(struct reader *r, const struct conf_stmt *s)
{
	r->c->interface_line = s->line;
	config_copy_ifname(r, s, r->c->interface);
}

static void set_nginx_user(struct reader *r, const struct conf_stmt *s)
{
	if (!parse_is_name(s->argv[0]))
		conf_error(r->file, s, 0, "'%s' is no user name", s->argv[0]);
	else
		config_copy_text(r, s, r->c->nginx_user, CONFIG_NAME);
}

static void set_address(struct reader *r, const struct conf_stmt *s)
{
	struct config *c = r->c;

	c->address_line = s->line;
	if (parse_ipv4_prefix(s->argv[0], &c->address, &c->prefix) ||
	    c->prefix < 8 || c->prefix > 30) {
		c->prefix = 0;
		conf_error(r->file, s, 0,
			   "'%s' is not of the form a.b.c.d/len, len 8 to 30",
			   s->argv[0]);
		return;
	}
	format_ipv4(c->address, c->address_text);
}

static void set_domu_range(struct reader *r, const struct conf_stmt *s)
{
	struct config *c = r->c;

	c->domu_line = s->line;
	if (parse_ipv4_prefix(s->argv[0], &c->domu_base, &c->domu_prefix) ||
	    c->domu_prefix < 8 || c->domu_prefix > 30) {
		c->domu_prefix = 0;
		conf_error(r->file, s, 0,
			   "'%s' is not of the form a.b.c.d/len, len 8 to 30",
			   s->argv[0]);
	}
}

void config_set_seconds(struct reader *r, const struct conf_stmt *s, int *out)
{
	uint64_t sec;

	if (parse_duration(s->argv[0], &sec) || sec < 1 || sec > SECONDS_MAX)
		conf_error(r->file, s, 0, "%s: '%s' is not 1s to %ds", s->name,
			   s->argv[0], SECONDS_MAX);
	else
		*out = (int)sec;
}

static void set_lease(struct reader *r, const struct conf_stmt *s)
{
	config_set_seconds(r, s, &r->c->lease_sec);
}

static void set_report(struct reader *r, const struct conf_stmt *s)
{
	config_set_seconds(r, s, &r->c->report_sec);
}

static void set_cache(struct reader *r, const struct conf_stmt *s)
{
	if (parse_size(s->argv[0], &r->c->cache_bytes) ||
	    r->c->cache_bytes < (64ULL << 20))
		conf_error(r->file, s, 0, "cache: '%s' is no size from 64M",
			   s->argv[0]);
}

static void set_limit_memory(struct reader *r, const struct conf_stmt *s)
{
	uint64_t bytes;

	if (parse_size(s->argv[0], &bytes) || bytes < (1ULL << 20))
		conf_error(r->file, s, 0, "memory: '%s' is no size from 1M",
			   s->argv[0]);
	else
		r->c->limits.memory_mib = bytes >> 20;
}

static void set_limit_vcpus(struct reader *r, const struct conf_stmt *s)
{
	if (parse_int(s->argv[0], 1, 1024, &r->c->limits.vcpus))
		conf_error(r->file, s, 0, "vcpus: '%s' is not 1 to 1024",
			   s->argv[0]);
}

static void set_limit_images(struct reader *r, const struct conf_stmt *s)
{
	struct config_limits *l = &r->c->limits;

	for (int i = 0; i < s->argc; i++) {
		if (!parse_is_name(s->argv[i]))
			conf_error(r->file, s, i, "'%s' is no image name",
				   s->argv[i]);
		else if (l->n_images == CONFIG_IMAGES_MAX)
			conf_error(r->file, s, i, "more than %d images",
				   CONFIG_IMAGES_MAX);
		else
			strcpy(l->images[l->n_images++], s->argv[i]);
	}
}

static void set_node_mac(struct reader *r, const struct conf_stmt *s)
{
	static const uint8_t none[PARSE_MAC_LEN];
	struct config_node *n = r->node;

	if (parse_mac(s->argv[0], n->mac)) {
		conf_error(r->file, s, 0, "'%s' is no Ethernet address",
			   s->argv[0]);
		return;
	}
	if ((n->mac[0] & 1) || !memcmp(n->mac, none, sizeof(none)))
		conf_error(r->file, s, 0, "'%s' is no address of one card",
			   s->argv[0]);
	format_mac(n->mac, n->mac_text);
}

static void set_node_address(struct reader *r, const struct conf_stmt *s)
{
	if (parse_ipv4(s->argv[0], &r->node->address)) {
		conf_error(r->file, s, 0, "'%s' is no IPv4 address", s->argv[0]);
		return;
	}
	format_ipv4(r->node->address, r->node->address_text);
}

static void set_node_loader(struct reader *r, const struct conf_stmt *s)
{
	static const char *const names[] = {
		[CONFIG_LOADER_AUTO] = "auto",
		[CONFIG_LOADER_PXELINUX] = "pxelinux",
		[CONFIG_LOADER_IPXE] = "ipxe",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(s->argv[0], names[i])) {
			r->node->loader = (enum config_loader)i;
			return;
		}
	}
	conf_error(r->file, s, 0, "loader: '%s' is not auto, pxelinux or ipxe",
		   s->argv[0]);
}

static void set_node_boot(struct reader *r, const struct conf_stmt *s)
{
	if (!strcmp(s->argv[0], "grid"))
		r->node->boot = BOOT_GRID;
	else if (!strcmp(s->argv[0], "local"))
		r->node->boot = BOOT_LOCAL;
	else
		conf_error(r->file, s, 0, "boot: '%s' is not grid or local",
			   s->argv[0]);
}

static const struct setter limits_setters[] = {
	{ "memory", set_limit_memory },
	{ "vcpus", set_limit_vcpus },
	{ "images", set_limit_images },
	{ NULL, NULL },
};
static const struct setter node_setters[] = {
	{ "mac", set_node_mac },
	{ "address", set_node_address },
	{ "loader", set_node_loader },
	{ "boot", set_node_boot },
	{ NULL, NULL },
};

void config_apply(struct reader *r, const struct setter *table,
		  const struct conf_stmt *list)
{
	for (const struct conf_stmt *s = list; s; s = s->next)
		for (const struct setter *t = table; t->name; t++)
			if (!strcmp(t->name, s->name) && s->argc > 0)
				t->fn(r, s);
}

static void set_limits(struct reader *r, const struct conf_stmt *s)
{
	r->c->limits.line = s->line;
	config_apply(r, limits_setters, s->child);
}

static void set_node(struct reader *r, const struct conf_stmt *s)
{
	struct config *c = r->c;
	struct config_node *grown;

	if (!parse_is_name(s->argv[0])) {
		conf_error(r->file, s, 0, "'%s' is no name of a node",
			   s->argv[0]);
		return;
	}
	if (c->n_nodes == CONFIG_NODES_MAX) {
		conf_error(r->file, s, -1, "more than %d nodes",
			   CONFIG_NODES_MAX);
		return;
	}
	grown = reallocarray(c->nodes, c->n_nodes + 1, sizeof(*grown));
	if (!grown) {
		conf_error(r->file, s, -1, "out of memory");
		return;
	}
	c->nodes = grown;
	r->node = &c->nodes[c->n_nodes++];
	memset(r->node, 0, sizeof(*r->node));
	strcpy(r->node->name, s->argv[0]);
	r->node->line = s->line;
	config_apply(r, node_setters, s->child);
	if (conf_find(s->child, "scratch"))
		config_set_scratch(r, conf_find(s->child, "scratch"));
	r->node = NULL;
}

static const struct setter segment_setters[] = {
	{ "interface", set_interface },
	{ "address", set_address },
	{ "domu-range", set_domu_range },
	{ "state", set_state },
	{ "boot", set_boot_dir },
	{ "key", set_key },
	{ "root", set_root },
	{ "nginx-user", set_nginx_user },
	{ "lease", set_lease },
	{ "report", set_report },
	{ "cache", set_cache },
	{ NULL, NULL },
};
/* These have no arguments of their own, or make their own object. */
static const struct setter block_setters[] = {
	{ "central", config_set_central },
	{ "repo", config_set_repo },
	{ "carousel", config_set_carousel },
	{ "tunnel", config_set_tunnel },
	{ "acl", config_set_acl },
	{ "dhcp", config_set_dhcp },
	{ "limits", set_limits },
	{ "scratch", config_set_scratch },
	{ "node", set_node },
	{ NULL, NULL },
};

void config_set(struct config *c, struct conf *file,
		const struct conf_stmt *segment)
{
	struct reader r = { file, c, NULL, NULL };

	if (!parse_is_name(segment->argv[0]))
		conf_error(file, segment, 0, "'%s' is no name of a segment",
			   segment->argv[0]);
	else
		strcpy(c->segment, segment->argv[0]);
	config_apply(&r, segment_setters, segment->child);
	for (const struct conf_stmt *s = segment->child; s; s = s->next)
		for (const struct setter *t = block_setters; t->name; t++)
			if (!strcmp(t->name, s->name))
				t->fn(&r, s);
}
