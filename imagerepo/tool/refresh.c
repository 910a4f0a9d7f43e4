/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh: metadata lives on while somebody looks after the repository.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "keys.h"
#include "tool.h"

#define WARN_DAYS 30

struct refresh {
	struct keys_common common;
	int force, quiet;
	struct meta *m;
	int64_t now_ms;
	json_t *done; /* [{"role", "expires", "version"}] */
};

/* When it expires; 0: there is none. */
static int64_t expires_at(const struct meta *m, const char *role)
{
	const char *text =
		json_string_value(json_object_get(meta_body(m, role), "expires"));
	int64_t at;

	return text && !clock_parse(text, &at) ? at : 0;
}

static int is_due(const struct refresh *r, const char *role, uint64_t sec)
{
	int64_t at = expires_at(r->m, role);

	if (!at)
		return 0;
	return r->force || at - r->now_ms < (int64_t)(sec * 500);
}

static int have_keys(const struct refresh *r, const struct trust_signers *s)
{
	const struct meta_keys *keys = &r->common.keys;
	int n = 0;

	for (size_t i = 0; i < keys->n; i++)
		for (size_t j = 0; j < s->n; j++)
			n += !strcmp(keys->key[i].keyid, s->keyid[j]);
	return n >= s->threshold;
}

static void warn_soon(const struct refresh *r, const char *role)
{
	int64_t at = expires_at(r->m, role);
	char text[CLOCK_ISO];

	if (!at || at - r->now_ms > (int64_t)(WARN_DAYS * META_DAY) * 1000)
		return;
	clock_format(at, text);
	fprintf(stderr,
		TOOL_NAME ": role '%s' expires at %s and its keys are not "
			  "here\n",
		role, text);
}

/* Signs a targets role, if it is due and its keys are here. */
static int renew_targets(struct refresh *r, const char *role)
{
	const json_t *targets = meta_body(r->m, META_TARGETS_ROLE);
	struct trust_root *root = NULL;
	struct trust_signers s;
	size_t len;
	const char *doc = meta_root(r->m, &len);
	int rc = 0;

	if (strcmp(role, META_TARGETS_ROLE) != 0) {
		rc = tuf_targets_signers(targets, role, &s, NULL);
	} else {
		rc = trust_root_load(doc, len, 0, &root, NULL);
		if (!rc)
			s = *trust_root_signers(root, role);
		trust_root_free(root);
	}
	if (rc || !is_due(r, role, r->common.times.targets_sec))
		return 0;
	if (have_keys(r, &s))
		return meta_edit(r->m, role) ? 0 : -ENOMEM;
	warn_soon(r, role);
	return 0;
}

static int mark(struct refresh *r)
{
	const char *role;
	int rc = renew_targets(r, META_TARGETS_ROLE);

	for (size_t i = 0; !rc && (role = meta_role(r->m, i)) != NULL; i++)
		rc = renew_targets(r, role);
	if (!rc && is_due(r, "snapshot", r->common.times.snapshot_sec))
		rc = meta_renew(r->m, "snapshot");
	if (!rc && is_due(r, "timestamp", r->common.times.timestamp_sec))
		rc = meta_renew(r->m, "timestamp");
	warn_soon(r, "root");
	return rc;
}

static int version_of(const struct meta *m, const char *role)
{
	return (int)json_integer_value(
		json_object_get(meta_body(m, role), "version"));
}

/* What was signed, by the versions before and after. */
static void note(struct refresh *r, const char *role, int before)
{
	const json_t *body = meta_body(r->m, role);
	const char *expires = json_string_value(json_object_get(body, "expires"));
	int version = version_of(r->m, role);

	if (version == before)
		return;
	json_array_append_new(r->done, json_pack("{s:s, s:i, s:s?}", "role",
						 role, "version", version,
						 "expires", expires));
	if (!r->quiet && !r->common.json)
		printf("%s %d, valid until %s\n", role, version,
		       expires ? expires : "?");
}

static int run(struct refresh *r, struct errinfo *err)
{
	static const char *const top[] = { "targets", "snapshot", "timestamp" };
	int before[ARRAY_SIZE(top)], was[TUF_ROLES_MAX] = { 0 };
	const char *role;
	int rc = keys_common_open(&r->common, NULL, &r->m, err);

	if (rc)
		return rc;
	r->now_ms = clock_unix_ms();
	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		before[i] = version_of(r->m, top[i]);
	for (size_t i = 0; (role = meta_role(r->m, i)) != NULL; i++)
		was[i] = version_of(r->m, role);
	rc = mark(r);
	if (!rc)
		rc = keys_common_commit(&r->common, r->m, err);
	if (rc)
		return rc;
	for (size_t i = 0; (role = meta_role(r->m, i)) != NULL; i++)
		note(r, role, was[i]);
	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		note(r, top[i], before[i]);
	return 0;
}

int tool_refresh(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		KEYS_COMMON_OPTIONS,
		{ "force", no_argument, NULL, 'f' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	static struct refresh r = { .common = KEYS_COMMON_INIT };
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	while (!rc && (c = getopt_long(argc, argv, KEYS_COMMON_SHORT "fq",
				       options, NULL)) != -1) {
		if (c == 'f')
			r.force = 1;
		else if (c == 'q')
			r.quiet = 1;
		else
			rc = keys_common_option(&r.common, c, optarg);
	}
	if (!rc && (optind != argc || !r.common.keys_dir))
		rc = cmd_misuse("give --keys DIR, and no other words");
	if (rc)
		return rc;
	r.done = json_array();
	rc = run(&r, &err);
	if (!rc && r.common.json) {
		json_dumpf(r.done, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
	}
	json_decref(r.done);
	return keys_common_end(&r.common, r.m, rc, &err);
}
