/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config-walls - setters of the blocks about who reaches whom: tunnel, acl,
 * and who else answers PCs: dhcp.
 */
#include "config-set.h"

_Static_assert(CONF_ARGS_MAX <= CONFIG_OTHERS_MAX, "one statement fills it");

static void set_interface(struct reader *r, const struct conf_stmt *s)
{
	config_copy_ifname(r, s, r->c->tunnel.interface);
}

static void set_port(struct reader *r, const struct conf_stmt *s)
{
	if (parse_int(s->argv[0], 1024, 65535, &r->c->tunnel.port))
		conf_error(r->file, s, 0, "port: '%s' is not 1024 to 65535",
			   s->argv[0]);
}

static void set_keepalive(struct reader *r, const struct conf_stmt *s)
{
	config_set_seconds(r, s, &r->c->tunnel.keepalive_sec);
}

static const struct setter tunnel_setters[] = {
	{ "interface", set_interface },
	{ "port", set_port },
	{ "keepalive", set_keepalive },
	{ NULL, NULL },
};

void config_set_tunnel(struct reader *r, const struct conf_stmt *s)
{
	r->c->tunnel.line = s->line;
	config_apply(r, tunnel_setters, s->child);
}

static void set_policy(struct reader *r, const struct conf_stmt *s)
{
	config_copy_path(r, s, r->c->policy);
}

static const struct setter acl_setters[] = {
	{ "policy", set_policy },
	{ NULL, NULL },
};

void config_set_acl(struct reader *r, const struct conf_stmt *s)
{
	config_apply(r, acl_setters, s->child);
}

static void set_watch(struct reader *r, const struct conf_stmt *s)
{
	config_set_seconds(r, s, &r->c->dhcp.watch_sec);
}

static void set_other(struct reader *r, const struct conf_stmt *s)
{
	struct config_dhcp *d = &r->c->dhcp;

	for (int i = 0; i < s->argc; i++)
		if (parse_ipv4(s->argv[i], &d->others[d->n_others++]))
			conf_error(r->file, s, i, "'%s' is no IPv4 address",
				   s->argv[i]);
}

static const struct setter dhcp_setters[] = {
	{ "watch", set_watch },
	{ "other", set_other },
	{ NULL, NULL },
};

void config_set_dhcp(struct reader *r, const struct conf_stmt *s)
{
	config_apply(r, dhcp_setters, s->child);
}
