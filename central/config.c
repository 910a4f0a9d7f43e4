/* SPDX-License-Identifier: Apache-2.0 */
/* central.conf: rules, then the meaning of each statement, by tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "parse.h"

#include "config.h"

#define LEASE_SEC_MIN 3
#define LEASE_SEC_MAX 86400

static const struct conf_rule site_rules[] = {
	{ "token-file", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule central_rules[] = {
	{ "listen", 1, 1, CONF_REQUIRED, NULL },
	{ "repo-listen", 1, 1, CONF_REQUIRED, NULL },
	{ "worker-url", 1, 1, 0, NULL },
	{ "state", 1, 1, CONF_REQUIRED, NULL },
	{ "repository", 1, 1, CONF_REQUIRED, NULL },
	{ "root", 1, 1, CONF_REQUIRED, NULL },
	{ "operator-token-file", 1, 1, 0, NULL },
	{ "site", 1, 1, CONF_MANY, site_rules },
	{ "lease", 1, 1, 0, NULL },
	{ "attempts", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule file_rules[] = {
	{ "central", 0, 0, CONF_REQUIRED, central_rules },
	{ NULL, 0, 0, 0, NULL },
};

/* Paths go into nginx.conf as well: no character that means something. */
static char *parse_path(struct conf *f, const struct conf_stmt *s)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz"
				   "0123456789/._+@,=-";
	auto_free char *cwd = NULL;
	const char *path = s->argv[0];
	char *out = NULL;

	if (!*path || path[strspn(path, good)]) {
		conf_error(f, s, 0, "'%s' is not a plain path", path);
		return NULL;
	}
	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&out, "%s/%s", cwd, path) < 0)
		return NULL;
	return out;
}

static char *parse_listen(struct conf *f, const struct conf_stmt *s)
{
	char address[PARSE_IPV4_STR] = "";
	const char *colon = strrchr(s->argv[0], ':');
	uint32_t ip;
	int port;

	if (colon && (size_t)(colon - s->argv[0]) < sizeof(address))
		memcpy(address, s->argv[0], (size_t)(colon - s->argv[0]));
	if (!colon || parse_ipv4(address, &ip) ||
	    parse_int(colon + 1, 1, 65535, &port)) {
		conf_error(f, s, 0, "'%s' is not an ADDRESS:PORT", s->argv[0]);
		return NULL;
	}
	return strdup(s->argv[0]);
}

static char *parse_url(struct conf *f, const struct conf_stmt *s)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.:-[]";
	const char *host = s->argv[0] + strlen("https://");

	if (strncmp(s->argv[0], "https://", strlen("https://")) || !*host ||
	    host[strspn(host, good)]) {
		conf_error(f, s, 0, "'%s' is not https://HOST[:PORT]",
			   s->argv[0]);
		return NULL;
	}
	return strdup(s->argv[0]);
}

static void read_strings(struct conf *f, const struct conf_stmt *list,
			 struct config *c)
{
	const struct {
		const char *name;
		char *(*parse)(struct conf *f, const struct conf_stmt *s);
		char **out;
	} t[] = {
		{ "listen", parse_listen, &c->listen },
		{ "repo-listen", parse_listen, &c->repo_listen },
		{ "worker-url", parse_url, &c->worker_url },
		{ "state", parse_path, &c->state },
		{ "repository", parse_path, &c->repository },
		{ "root", parse_path, &c->root },
		{ "operator-token-file", parse_path, &c->operator_token_file },
	};
	const struct conf_stmt *s;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		s = conf_find(list, t[i].name);
		if (s)
			*t[i].out = t[i].parse(f, s);
	}
}

static void read_site(struct conf *f, const struct conf_stmt *s, struct config *c)
{
	const struct conf_stmt *token = conf_find(s->child, "token-file");
	struct config_site *site = &c->sites[c->n_sites];
	size_t i;

	if (!parse_is_name(s->argv[0])) {
		conf_error(f, s, 0,
			   "'%s' is not a name (1 to %d of "
			   "[a-z0-9._-])",
			   s->argv[0], PARSE_NAME_MAX);
		return;
	}
	for (i = 0; i < c->n_sites; i++)
		if (!strcmp(c->sites[i].name, s->argv[0]))
			conf_error(f, s, 0, "site \"%s\" is there already",
				   s->argv[0]);
	if (c->n_sites == CONFIG_SITES_MAX) {
		conf_error(f, s, -1, "more than %d sites", CONFIG_SITES_MAX);
		return;
	}
	snprintf(site->name, sizeof(site->name), "%s", s->argv[0]);
	if (token)
		site->token_file = parse_path(f, token);
	c->n_sites++;
}

static void read_limits(struct conf *f, const struct conf_stmt *list,
			struct config *c)
{
	const struct conf_stmt *s = conf_find(list, "lease");
	uint64_t sec;

	c->lease_sec = 60;
	c->attempts_max = 20;
	if (s && (parse_duration(s->argv[0], &sec) || sec < LEASE_SEC_MIN ||
		  sec > LEASE_SEC_MAX))
		conf_error(f, s, 0, "'%s' is not a time of %ds to %dd",
			   s->argv[0], LEASE_SEC_MIN, LEASE_SEC_MAX / 86400);
	else if (s)
		c->lease_sec = (int)sec;
	s = conf_find(list, "attempts");
	if (s && parse_int(s->argv[0], 1, 1000, &c->attempts_max))
		conf_error(f, s, 0, "'%s' is not a number of 1 to 1000",
			   s->argv[0]);
}

static int set_default(char **out, const char *dir, const char *name,
		       const char *suffix)
{
	if (!*out && asprintf(out, "%s%s%s", dir, name, suffix) < 0)
		*out = NULL;
	return *out ? 0 : -ENOMEM;
}

static int set_defaults(struct config *c)
{
	auto_free char *prefix = NULL;
	size_t i;
	int rc;

	rc = set_default(&c->worker_url, "https://", c->listen, "");
	if (!rc)
		rc = set_default(&c->operator_token_file, c->state, "/operator",
				 ".token");
	if (!rc && asprintf(&prefix, "%s/site-", c->state) < 0)
		return -ENOMEM;
	for (i = 0; i < c->n_sites && !rc; i++)
		rc = set_default(&c->sites[i].token_file, prefix,
				 c->sites[i].name, ".token");
	return rc;
}

static int report_errors(const struct conf *f)
{
	int i;

	for (i = 0; conf_error_text(f, i); i++)
		fprintf(stderr, "%s\n", conf_error_text(f, i));
	if (conf_errors(f) > i)
		fprintf(stderr, "... and %d more\n", conf_errors(f) - i);
	return conf_errors(f) ? -EINVAL : 0;
}

int config_load(const char *path, struct config **out)
{
	struct conf *f = conf_load(path, file_rules);
	struct config *c = calloc(1, sizeof(*c));
	const struct conf_stmt *top, *s;
	int rc = f && c ? 0 : -ENOMEM;

	if (rc)
		goto out;
	top = conf_find(conf_first(f), "central");
	if (top) {
		read_strings(f, top->child, c);
		read_limits(f, top->child, c);
		for (s = conf_find(top->child, "site"); s; s = conf_next(s))
			read_site(f, s, c);
	}
	rc = report_errors(f);
	if (!rc)
		rc = set_defaults(c);
	if (!rc)
		*out = TAKE(c);
out:
	config_free(c);
	conf_free(f);
	return rc;
}

void config_free(struct config *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->n_sites; i++)
		free(c->sites[i].token_file);
	free(c->listen);
	free(c->repo_listen);
	free(c->worker_url);
	free(c->state);
	free(c->repository);
	free(c->root);
	free(c->operator_token_file);
	free(c);
}
