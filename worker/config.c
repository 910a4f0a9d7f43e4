/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: in a domU from xenstore, where dom0 wrote it
 * (docs/protocol.md §6); elsewhere from a file.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "cleanup.h"
#include "conf.h"
#include "worker.h"

#define XENSTORE_DIR "vm-data/nightshift/"

#define KEY(k, flags, dflt)                                                 \
	{                                                                   \
#k, offsetof(struct worker_config, k),                      \
			sizeof(((struct worker_config *)0)->k), flags, dflt \
	}
#define REQUIRED 1

static const struct {
	const char *name;
	size_t at, size;
	int flags;
	const char *dflt;
} keys[] = {
	KEY(node, REQUIRED, NULL),
	KEY(domu, REQUIRED, NULL),
	KEY(ip, 0, ""),
	KEY(gateway, 0, ""),
	KEY(url, REQUIRED, NULL),
	KEY(pin, 0, ""),
	KEY(token, REQUIRED, NULL),
	KEY(user, 0, "job"),
	KEY(state, 0, "/run/nightshift-worker"),
};

static const struct conf_rule file_rules[] = {
	{ "node", 1, 1, CONF_REQUIRED, NULL },
	{ "domu", 1, 1, CONF_REQUIRED, NULL },
	{ "ip", 1, 1, 0, NULL },
	{ "gateway", 1, 1, 0, NULL },
	{ "url", 1, 1, CONF_REQUIRED, NULL },
	{ "pin", 1, 1, 0, NULL },
	{ "token", 1, 1, CONF_REQUIRED, NULL },
	{ "user", 1, 1, 0, NULL },
	{ "state", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

/* Where values come from: one of the two is set. */
struct source {
	struct conf *conf;
	struct xs_handle *xs;
};

static void source_close(struct source *s)
{
	conf_free(s->conf);
	if (s->xs)
		xs_close(s->xs);
}

static int source_open(struct source *s, const char *path, struct errinfo *err)
{
	*s = (struct source){ NULL, NULL };
	if (!path) {
		s->xs = xs_open(0);
		return s->xs ? 0 : errinfo_set_errno(err, -errno, "xenstore");
	}
	s->conf = conf_load(path, file_rules);
	if (!s->conf)
		return errinfo_set(err, -ENOMEM, "out of memory");
	if (conf_errors(s->conf))
		return errinfo_set(err, -EINVAL, "%s",
				   conf_error_text(s->conf, 0));
	return 0;
}

/* Caller frees; NULL if it is not there. */
static char *source_get(struct source *s, const char *key)
{
	const char *v;
	char path[128];
	unsigned int len;

	if (s->xs) {
		snprintf(path, sizeof(path), XENSTORE_DIR "%s", key);
		/* libxenstore terminates what it returns. */
		return xs_read(s->xs, XBT_NULL, path, &len);
	}
	v = conf_arg(conf_first(s->conf), key, NULL);
	return v ? strdup(v) : NULL;
}

static int set_value(struct worker_config *c, size_t i, const char *v,
		     struct errinfo *err)
{
	if (!v || (!*v && keys[i].flags & REQUIRED))
		return errinfo_set(err, -ENOENT, "configuration: no '%s'",
				   keys[i].name);
	if (strlen(v) >= keys[i].size)
		return errinfo_set(err, -ENAMETOOLONG,
				   "configuration: '%s' is too long",
				   keys[i].name);
	memcpy((char *)c + keys[i].at, v, strlen(v) + 1);
	return 0;
}

int config_load(struct worker_config *c, const char *path, struct errinfo *err)
{
	struct source s;
	int rc = source_open(&s, path, err);

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; !rc && i < ARRAY_SIZE(keys); i++) {
		auto_free char *v = source_get(&s, keys[i].name);

		rc = set_value(c, i, v ? v : keys[i].dflt, err);
	}
	source_close(&s);
	return rc;
}

char *config_get(const char *path, const char *key, struct errinfo *err)
{
	struct source s;
	char *v = NULL;

	if (!source_open(&s, path, err)) {
		v = source_get(&s, key);
		if (!v)
			errinfo_set(err, -ENOENT, "no '%s'", key);
	}
	source_close(&s);
	return v;
}
