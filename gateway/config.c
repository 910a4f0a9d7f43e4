/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - from statements to the struct. Each setter reads one statement and
 * reports what is wrong with it; what two statements say together is checked in
 * config-check.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"

#define LEASE_SEC_DEFAULT  60
#define REPORT_SEC_DEFAULT 5
#define CACHE_DEFAULT	   (10ULL << 30)
#define LEASE_SEC_MIN	   2
#define LEASE_SEC_MAX	   3600

static const struct conf_rule central_rules[] = {
	{ "url", 1, 1, CONF_REQUIRED, NULL },
	{ "repo", 1, 1, CONF_REQUIRED, NULL },
	{ "pin", 1, 1, CONF_REQUIRED, NULL },
	{ "token-file", 1, 1, CONF_REQUIRED, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule limits_rules[] = {
	{ "memory", 1, 1, 0, NULL },
	{ "vcpus", 1, 1, 0, NULL },
	{ "images", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule node_rules[] = {
	{ "mac", 1, 1, CONF_REQUIRED, NULL },
	{ "address", 1, 1, CONF_REQUIRED, NULL },
	{ "loader", 1, 1, 0, NULL },
	{ "boot", 1, 1, CONF_REQUIRED, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule segment_rules[] = {
	{ "interface", 1, 1, CONF_REQUIRED, NULL },
	{ "address", 1, 1, CONF_REQUIRED, NULL },
	{ "domu-range", 1, 1, CONF_REQUIRED, NULL },
	{ "state", 1, 1, CONF_REQUIRED, NULL },
	{ "boot", 1, 1, CONF_REQUIRED, NULL },
	{ "key", 1, 1, CONF_REQUIRED, NULL },
	{ "root", 1, 1, CONF_REQUIRED, NULL },
	{ "nginx-user", 1, 1, 0, NULL },
	{ "lease", 1, 1, 0, NULL },
	{ "report", 1, 1, 0, NULL },
	{ "cache", 1, 1, 0, NULL },
	{ "central", 0, 0, CONF_REQUIRED, central_rules },
	{ "limits", 0, 0, 0, limits_rules },
	{ "node", 1, 1, CONF_MANY, node_rules },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule file_rules[] = {
	{ "segment", 1, 1, CONF_REQUIRED, segment_rules },
	{ NULL, 0, 0, 0, NULL },
};

/* What the setters share. */
struct reader {
	struct conf *file;
	struct config *c;
	struct config_node *node;	/* the node being read */
};

static void copy_text(struct reader *r, const struct conf_stmt *s, char *out,
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
static void copy_path(struct reader *r, const struct conf_stmt *s, char *out)
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
		copy_text(r, s, out, CONFIG_TEXT);
}

static void set_state(struct reader *r, const struct conf_stmt *s)
{
	copy_path(r, s, r->c->state);
}

static void set_boot_dir(struct reader *r, const struct conf_stmt *s)
{
	copy_path(r, s, r->c->boot);
}

static void set_key(struct reader *r, const struct conf_stmt *s)
{
	copy_path(r, s, r->c->key);
}

static void set_root(struct reader *r, const struct conf_stmt *s)
{
	copy_path(r, s, r->c->root);
}

static void set_token_file(struct reader *r, const struct conf_stmt *s)
{
	copy_path(r, s, r->c->central.token_file);
}

static void set_interface(struct reader *r, const struct conf_stmt *s)
{
	r->c->interface_line = s->line;
	if (s->argv[0][strspn(s->argv[0], "abcdefghijklmnopqrstuvwxyz"
					  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789._-")])
		conf_error(r->file, s, 0, "'%s' is no interface name",
			   s->argv[0]);
	else
		copy_text(r, s, r->c->interface, CONFIG_IFNAME);
}

static void set_nginx_user(struct reader *r, const struct conf_stmt *s)
{
	if (!parse_is_name(s->argv[0]))
		conf_error(r->file, s, 0, "'%s' is no user name", s->argv[0]);
	else
		copy_text(r, s, r->c->nginx_user, CONFIG_NAME);
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

static void set_seconds(struct reader *r, const struct conf_stmt *s, int *out)
{
	uint64_t sec;

	if (parse_duration(s->argv[0], &sec) || sec < 1 || sec > LEASE_SEC_MAX)
		conf_error(r->file, s, 0, "%s: '%s' is not 1s to %ds", s->name,
			   s->argv[0], LEASE_SEC_MAX);
	else
		*out = (int)sec;
}

static void set_lease(struct reader *r, const struct conf_stmt *s)
{
	set_seconds(r, s, &r->c->lease_sec);
}

static void set_report(struct reader *r, const struct conf_stmt *s)
{
	set_seconds(r, s, &r->c->report_sec);
}

static void set_cache(struct reader *r, const struct conf_stmt *s)
{
	if (parse_size(s->argv[0], &r->c->cache_bytes) ||
	    r->c->cache_bytes < (64ULL << 20))
		conf_error(r->file, s, 0, "cache: '%s' is no size from 64M",
			   s->argv[0]);
}

/* SCHEME://A.B.C.D[:PORT], nothing behind it. */
static int parse_origin(const char *url, const char *scheme, int port_default,
			uint32_t *addr, int *port)
{
	char host[CONFIG_TEXT];
	size_t n = strlen(scheme);
	char *colon;

	if (strncmp(url, scheme, n) || strlen(url) >= sizeof(host))
		return -EINVAL;
	strcpy(host, url + n);
	colon = strchr(host, ':');
	*port = port_default;
	if (colon) {
		*colon = '\0';
		if (parse_int(colon + 1, 1, 65535, port))
			return -EINVAL;
	}
	return parse_ipv4(host, addr);
}

static void set_url(struct reader *r, const struct conf_stmt *s)
{
	struct config_central *ce = &r->c->central;

	if (parse_origin(s->argv[0], "https://", 443, &ce->address,
			 &ce->port)) {
		conf_error(r->file, s, 0,
			   "'%s' is not of the form https://A.B.C.D[:PORT]",
			   s->argv[0]);
		return;
	}
	format_ipv4(ce->address, ce->address_text);
	ce->line = s->line;
	copy_text(r, s, ce->url, sizeof(ce->url));
}

static void set_repo(struct reader *r, const struct conf_stmt *s)
{
	uint32_t addr;
	int port;

	if (parse_origin(s->argv[0], "http://", 80, &addr, &port) &&
	    parse_origin(s->argv[0], "https://", 443, &addr, &port))
		conf_error(r->file, s, 0,
			   "'%s' is not of the form http[s]://A.B.C.D[:PORT]",
			   s->argv[0]);
	else
		copy_text(r, s, r->c->central.repo, CONFIG_TEXT);
}

/* "sha256//" and 32 bytes in base64: 43 characters and one '='. */
static void set_pin(struct reader *r, const struct conf_stmt *s)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = s->argv[0];

	if (strncmp(p, "sha256//", 8) || strspn(p + 8, base64) != 43 ||
	    strcmp(p + 8 + 43, "="))
		conf_error(r->file, s, 0,
			   "'%s' is no pin (sha256// and base64 of a SHA-256)",
			   p);
	else
		copy_text(r, s, r->c->central.pin, CONFIG_TEXT);
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
		conf_error(r->file, s, 0, "'%s' is no IPv4 address",
			   s->argv[0]);
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

struct setter {
	const char *name;
	void (*fn)(struct reader *r, const struct conf_stmt *s);
};

static const struct setter central_setters[] = {
	{ "url", set_url },
	{ "repo", set_repo },
	{ "pin", set_pin },
	{ "token-file", set_token_file },
	{ NULL, NULL },
};
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

static void apply(struct reader *r, const struct setter *table,
		  const struct conf_stmt *list)
{
	for (const struct conf_stmt *s = list; s; s = s->next)
		for (const struct setter *t = table; t->name; t++)
			if (!strcmp(t->name, s->name) && s->argc > 0)
				t->fn(r, s);
}

static void set_central(struct reader *r, const struct conf_stmt *s)
{
	apply(r, central_setters, s->child);
}

static void set_limits(struct reader *r, const struct conf_stmt *s)
{
	r->c->limits.line = s->line;
	apply(r, limits_setters, s->child);
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
	apply(r, node_setters, s->child);
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
	{ "central", set_central },
	{ "limits", set_limits },
	{ "node", set_node },
	{ NULL, NULL },
};

static void read_segment(struct reader *r, const struct conf_stmt *seg)
{
	struct config *c = r->c;

	if (!parse_is_name(seg->argv[0]))
		conf_error(r->file, seg, 0, "'%s' is no name of a segment",
			   seg->argv[0]);
	else
		strcpy(c->segment, seg->argv[0]);
	c->lease_sec = LEASE_SEC_DEFAULT;
	c->report_sec = REPORT_SEC_DEFAULT;
	c->cache_bytes = CACHE_DEFAULT;
	apply(r, segment_setters, seg->child);
	for (const struct conf_stmt *s = seg->child; s; s = s->next)
		for (const struct setter *t = block_setters; t->name; t++)
			if (!strcmp(t->name, s->name))
				t->fn(r, s);
	config_check(c, r->file, seg);
}

static int tell_errors(const struct conf *file, config_error_fn fn, void *arg)
{
	int n = conf_errors(file);
	const char *text;
	int i = 0;

	for (text = conf_error_text(file, i); text;
	     text = conf_error_text(file, ++i))
		fn(text, arg);
	return n;
}

int config_load(const char *path, struct config **out, char **canonical,
		config_error_fn fn, void *arg)
{
	const char *slash = strrchr(path, '/');
	const struct conf_stmt *seg;
	struct config *c;
	struct conf *file;
	struct reader r;
	int rc = -ENOMEM;

	file = conf_load(path, file_rules);
	c = calloc(1, sizeof(*c));
	if (!file || !c)
		goto err_free;
	c->base = strdup(slash ? slash + 1 : path);
	if (!c->base)
		goto err_free;
	r = (struct reader){ file, c, NULL };
	seg = conf_find(conf_first(file), "segment");
	if (seg && seg->argc == 1)
		read_segment(&r, seg);
	rc = -EINVAL;
	if (tell_errors(file, fn, arg))
		goto err_free;
	rc = -ENOMEM;
	if (canonical) {
		*canonical = conf_print(file);
		if (!*canonical)
			goto err_free;
	}
	conf_free(file);
	*out = c;
	return 0;

err_free:
	conf_free(file);
	config_free(c);
	return rc;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	free(c->base);
	free(c->nodes);
	free(c);
}

const struct config_node *config_node_by_mac(const struct config *c,
					     const uint8_t mac[PARSE_MAC_LEN])
{
	for (size_t i = 0; i < c->n_nodes; i++)
		if (!memcmp(c->nodes[i].mac, mac, PARSE_MAC_LEN))
			return &c->nodes[i];
	return NULL;
}

const struct config_node *config_node_by_name(const struct config *c,
					      const char *name)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		if (!strcmp(c->nodes[i].name, name))
			return &c->nodes[i];
	return NULL;
}
