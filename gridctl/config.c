/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl.conf: where the central and, for owners, the gateway are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fileio.h"
#include "parse.h"

#include "ctl.h"

#define TOKEN_FILE_MAX 4096

static const struct conf_rule peer_rules[] = {
	{ "url", 1, 1, CONF_REQUIRED, NULL },
	{ "pin", 1, 1, 0, NULL },
	{ "token-file", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule file_rules[] = {
	{ "central", 0, 0, 0, peer_rules },
	{ "gateway", 0, 0, 0, peer_rules },
	{ NULL, 0, 0, 0, NULL },
};

int ctl_conf_errors(const struct conf *c)
{
	int i;

	for (i = 0; conf_error_text(c, i); i++)
		fprintf(stderr, "%s\n", conf_error_text(c, i));
	return conf_errors(c);
}

int ctl_conf_mib(struct conf *f, const struct conf_stmt *s, int64_t *mib)
{
	uint64_t bytes;

	if (parse_size(s->argv[0], &bytes) || bytes < (1U << 20) ||
	    bytes % (1U << 20)) {
		conf_error(f, s, 0, "'%s' is not a size in whole MiB, like 256M",
			   s->argv[0]);
		return 0;
	}
	*mib = (int64_t)(bytes >> 20);
	return 1;
}

int ctl_conf_int(struct conf *f, const struct conf_stmt *s, int min, int max,
		 int64_t *out)
{
	int n;

	if (parse_int(s->argv[0], min, max, &n)) {
		conf_error(f, s, 0, "'%s' is not a number of %d to %d",
			   s->argv[0], min, max);
		return 0;
	}
	*out = n;
	return 1;
}

static char *config_path(const struct ctl *ctl)
{
	const char *path = ctl->config_path, *home = getenv("HOME");
	char *out;

	if (!path)
		path = getenv("GRIDCTL_CONFIG");
	if (path && *path)
		return strdup(path);
	return asprintf(&out, "%s/.config/nightshift/gridctl.conf",
			home ? home : "") < 0
		       ? NULL
		       : out;
}

static int read_token(const char *path, char **token, struct errinfo *err)
{
	int rc = fileio_read(path, TOKEN_FILE_MAX, token, NULL, err);

	if (!rc)
		(*token)[strcspn(*token, "\r\n")] = '\0';
	return rc;
}

static struct httpc *connect_to(const struct conf_stmt *s, char **url,
				struct errinfo *err)
{
	auto_free char *token = NULL;
	const char *token_file = conf_arg(s->child, "token-file", NULL);
	struct httpc_config hc = { .url = conf_arg(s->child, "url", NULL),
				   .pin = conf_arg(s->child, "pin", NULL),
				   .timeout_sec = 60 };
	struct httpc *c = NULL;

	if (token_file && read_token(token_file, &token, err))
		return NULL;
	hc.token = token;
	if (httpc_new(&hc, &c, err))
		return NULL;
	*url = strdup(hc.url);
	return c;
}

static struct httpc *open_peer(struct ctl *ctl, const char *which, char **url)
{
	auto_free char *path = config_path(ctl);
	struct errinfo err = ERRINFO_INIT;
	const struct conf_stmt *s;
	struct httpc *c = NULL;
	struct conf *f;

	if (!path)
		return NULL;
	if (access(path, R_OK) && !ctl->config_path) {
		fprintf(stderr,
			"gridctl: no configuration %s: name one with --config, "
			"or write there: %s { url unix:/PATH/%sd.sock }\n",
			path, which, which);
		return NULL;
	}
	f = conf_load(path, file_rules);
	if (!f || ctl_conf_errors(f)) {
		conf_free(f);
		return NULL;
	}
	s = conf_find(conf_first(f), which);
	if (!s)
		fprintf(stderr, "gridctl: %s: no '%s { url ... }' in it\n",
			path, which);
	else
		c = connect_to(s, url, &err);
	if (s && !c)
		fprintf(stderr, "gridctl: %s:%d: %s\n", path, s->line,
			errinfo_text(&err, err.rc));
	conf_free(f);
	return c;
}

struct httpc *ctl_central(struct ctl *ctl)
{
	if (!ctl->central)
		ctl->central = open_peer(ctl, "central", &ctl->central_url);
	return ctl->central;
}

struct httpc *ctl_gateway(struct ctl *ctl)
{
	if (!ctl->gateway)
		ctl->gateway = open_peer(ctl, "gateway", &ctl->gateway_url);
	return ctl->gateway;
}

void ctl_dispose(struct ctl *ctl)
{
	httpc_free(ctl->central);
	httpc_free(ctl->gateway);
	free(ctl->central_url);
	free(ctl->gateway_url);
}
