/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the schema of nightshift.conf, and a file from text to struct. What
 * single statements say is config-set.c's, what they say together
 * config-check.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "wg.h"

#define LEASE_SEC_DEFAULT  60
#define WATCH_SEC_DEFAULT  60
#define REPORT_SEC_DEFAULT 5
#define CACHE_DEFAULT      (10ULL << 30)
#define REPO_PORT_DEFAULT  8080
/* carousel.h has the first two as well. */
#define CAROUSEL_GROUP_DEFAULT "239.255.78.83"
#define CAROUSEL_PORT_DEFAULT  7883
#define CAROUSEL_RATE_DEFAULT  600 /* Mbit/s */
#define CAROUSEL_CROWD_DEFAULT 2
#define TUNNEL_IFNAME_DEFAULT  "nightshift0"

static const struct conf_rule central_rules[] = {
	{ "url", 1, 1, CONF_REQUIRED, NULL },
	{ "repo", 1, 1, CONF_REQUIRED, NULL },
	{ "pin", 1, 1, CONF_REQUIRED, NULL },
	{ "token-file", 1, 1, CONF_REQUIRED, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule repo_rules[] = {
	{ "mirror", 1, 1, 0, NULL },
	{ "port", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule carousel_rules[] = {
	{ "group", 1, 1, 0, NULL }, { "port", 1, 1, 0, NULL },
	{ "rate", 1, 1, 0, NULL },  { "crowd", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule tunnel_rules[] = {
	{ "interface", 1, 1, 0, NULL },
	{ "port", 1, 1, 0, NULL },
	{ "keepalive", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule dhcp_rules[] = {
	{ "watch", 1, 1, 0, NULL },
	{ "other", 1, CONF_ARGS_MAX, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule acl_rules[] = {
	{ "policy", 1, 1, CONF_REQUIRED, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule limits_rules[] = {
	{ "memory", 1, 1, 0, NULL },
	{ "vcpus", 1, 1, 0, NULL },
	{ "images", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule scratch_rules[] = {
	{ "type", 1, 1, 0, NULL },
	{ "label", 1, 1, 0, NULL },
	{ "size", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule node_rules[] = {
	{ "mac", 1, 1, CONF_REQUIRED, NULL },
	{ "address", 1, 1, CONF_REQUIRED, NULL },
	{ "loader", 1, 1, 0, NULL },
	{ "boot", 1, 1, CONF_REQUIRED, NULL },
	{ "scratch", 0, 0, 0, scratch_rules },
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
	{ "repo", 0, 0, 0, repo_rules },
	{ "carousel", 0, 0, 0, carousel_rules },
	{ "tunnel", 0, 0, 0, tunnel_rules },
	{ "acl", 0, 0, 0, acl_rules },
	{ "dhcp", 0, 0, 0, dhcp_rules },
	{ "limits", 0, 0, 0, limits_rules },
	{ "scratch", 0, 0, 0, scratch_rules },
	{ "node", 1, 1, CONF_MANY, node_rules },
	{ NULL, 0, 0, 0, NULL },
};
static const struct conf_rule file_rules[] = {
	{ "segment", 1, 1, CONF_REQUIRED, segment_rules },
	{ NULL, 0, 0, 0, NULL },
};

static void read_segment(struct config *c, struct conf *file,
			 const struct conf_stmt *segment)
{
	c->lease_sec = LEASE_SEC_DEFAULT;
	c->report_sec = REPORT_SEC_DEFAULT;
	c->cache_bytes = CACHE_DEFAULT;
	c->dhcp.watch_sec = WATCH_SEC_DEFAULT;
	c->repo = (struct config_repo){ 1, REPO_PORT_DEFAULT };
	c->carousel = (struct config_carousel){
		.port = CAROUSEL_PORT_DEFAULT,
		.rate_mbit = CAROUSEL_RATE_DEFAULT,
		.crowd = CAROUSEL_CROWD_DEFAULT,
		.group = CAROUSEL_GROUP_DEFAULT,
	};
	c->tunnel = (struct config_tunnel){
		.interface = TUNNEL_IFNAME_DEFAULT,
		.port = WG_PORT,
		.keepalive_sec = WG_KEEPALIVE,
	};
	config_set(c, file, segment);
	config_check(c, file, segment);
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
	int rc = -ENOMEM;

	file = conf_load(path, file_rules);
	c = calloc(1, sizeof(*c));
	if (!file || !c)
		goto err_free;
	c->base = strdup(slash ? slash + 1 : path);
	if (!c->base)
		goto err_free;
	seg = conf_find(conf_first(file), "segment");
	if (seg && seg->argc == 1)
		read_segment(c, file, seg);
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
