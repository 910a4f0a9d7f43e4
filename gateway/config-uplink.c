/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config-uplink - setters of the blocks about where images come from and how
 * they reach the nodes: central, repo, carousel.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "config-set.h"

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

	if (parse_origin(s->argv[0], "https://", 443, &ce->address, &ce->port)) {
		conf_error(r->file, s, 0,
			   "'%s' is not of the form https://A.B.C.D[:PORT]",
			   s->argv[0]);
		return;
	}
	format_ipv4(ce->address, ce->address_text);
	ce->line = s->line;
	config_copy_text(r, s, ce->url, sizeof(ce->url));
}

static void set_repo_url(struct reader *r, const struct conf_stmt *s)
{
	uint32_t addr;
	int port;

	if (parse_origin(s->argv[0], "http://", 80, &addr, &port) &&
	    parse_origin(s->argv[0], "https://", 443, &addr, &port))
		conf_error(r->file, s, 0,
			   "'%s' is not of the form http[s]://A.B.C.D[:PORT]",
			   s->argv[0]);
	else
		config_copy_text(r, s, r->c->central.repo, CONFIG_TEXT);
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
		config_copy_text(r, s, r->c->central.pin, CONFIG_TEXT);
}

static void set_token_file(struct reader *r, const struct conf_stmt *s)
{
	config_copy_path(r, s, r->c->central.token_file);
}

static const struct setter central_setters[] = {
	{ "url", set_url }, { "repo", set_repo_url },
	{ "pin", set_pin }, { "token-file", set_token_file },
	{ NULL, NULL },
};

void config_set_central(struct reader *r, const struct conf_stmt *s)
{
	config_apply(r, central_setters, s->child);
}

static void set_mirror(struct reader *r, const struct conf_stmt *s)
{
	if (!strcmp(s->argv[0], "yes"))
		r->c->repo.mirror = 1;
	else if (!strcmp(s->argv[0], "no"))
		r->c->repo.mirror = 0;
	else
		conf_error(r->file, s, 0, "mirror: '%s' is not yes or no",
			   s->argv[0]);
}

static void set_repo_port(struct reader *r, const struct conf_stmt *s)
{
	int *port = &r->c->repo.port;

	if (parse_int(s->argv[0], 1, 65535, port) || *port == 80 || *port == 443)
		conf_error(r->file, s, 0,
			   "port: '%s' is none of 1 to 65535 without 80 and "
			   "443",
			   s->argv[0]);
}

static const struct setter repo_setters[] = {
	{ "mirror", set_mirror },
	{ "port", set_repo_port },
	{ NULL, NULL },
};

void config_set_repo(struct reader *r, const struct conf_stmt *s)
{
	config_apply(r, repo_setters, s->child);
}

/* 224.0.0.0/24 is never switched by group; the rest of 224/4 is. */
static void set_group(struct reader *r, const struct conf_stmt *s)
{
	uint32_t group;

	if (parse_ipv4(s->argv[0], &group) || group >> 28 != 14 ||
	    group >> 8 == 0xe00000)
		conf_error(r->file, s, 0,
			   "group: '%s' is no multicast address beyond "
			   "224.0.0.0/24",
			   s->argv[0]);
	else
		format_ipv4(group, r->c->carousel.group);
}

static void set_carousel_port(struct reader *r, const struct conf_stmt *s)
{
	if (parse_int(s->argv[0], 1024, 65535, &r->c->carousel.port))
		conf_error(r->file, s, 0, "port: '%s' is not 1024 to 65535",
			   s->argv[0]);
}

/* As tc(8) spells it: "800mbit". */
static void set_rate(struct reader *r, const struct conf_stmt *s)
{
	char number[16];
	size_t len = strspn(s->argv[0], "0123456789");

	if (len >= sizeof(number) || strcmp(s->argv[0] + len, "mbit")) {
		len = 0;
	} else {
		memcpy(number, s->argv[0], len);
		number[len] = '\0';
	}
	if (!len || parse_int(number, 1, 100000, &r->c->carousel.rate_mbit))
		conf_error(r->file, s, 0,
			   "rate: '%s' is not 1mbit to 100000mbit", s->argv[0]);
}

static void set_crowd(struct reader *r, const struct conf_stmt *s)
{
	if (parse_int(s->argv[0], 1, 1000, &r->c->carousel.crowd))
		conf_error(r->file, s, 0, "crowd: '%s' is not 1 to 1000",
			   s->argv[0]);
}

static const struct setter carousel_setters[] = {
	{ "group", set_group }, { "port", set_carousel_port },
	{ "rate", set_rate },   { "crowd", set_crowd },
	{ NULL, NULL },
};

void config_set_carousel(struct reader *r, const struct conf_stmt *s)
{
	r->c->carousel.line = s->line;
	config_apply(r, carousel_setters, s->child);
}
