/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: the keys of a grid, its root document, and the metadata that its
 * repository begins with.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "fileio.h"
#include "keys.h"
#include "parse.h"
#include "tool.h"

#define ROOT_DAYS 365

/* A role, its key file in DIR, and keys made elsewhere. */
struct role_keys {
	const char *role, *file;
	const char *given[TOOL_KEYS_MAX];
	struct trust_key keys[TOOL_KEYS_MAX];
	size_t n;
};

/* The first five are roles of the root document. */
enum {
	ROLE_ROOT,
	ROLE_TARGETS,
	ROLE_SNAPSHOT,
	ROLE_TIMESTAMP,
	ROLE_GATEWAYS,
	ROLE_MAINTAINER,
	ROLES
};

struct init {
	const char *dir;
	int64_t expires_ms;
	int root_keys, root_threshold;
	struct meta_times times;
	struct role_keys roles[ROLES];
};

static int refuse_existing(const struct init *in, struct errinfo *err)
{
	static const char *const others[] = { "root.json", META_DIR };

	for (size_t i = 0; i < ROLES + ARRAY_SIZE(others); i++) {
		auto_free char *path =
			tool_join(in->dir, i < ROLES ? in->roles[i].file
						     : others[i - ROLES]);

		if (path && !access(path, F_OK))
			return errinfo_set(err, -EEXIST,
					   "%s is there already and is kept; "
					   "name another directory",
					   path);
	}
	return 0;
}

static int load_given(struct role_keys *r, struct errinfo *err)
{
	for (size_t i = 0; i < r->n; i++) {
		int rc = trust_key_load(r->given[i], &r->keys[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

static int make_key(struct init *in, struct role_keys *r, const char *file,
		    struct errinfo *err)
{
	auto_free char *path = tool_join(in->dir, file);
	struct trust_key *key = &r->keys[r->n];
	int rc;

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = trust_key_generate(key, err);
	if (!rc)
		rc = trust_key_save(key, path, err);
	if (rc)
		return rc;
	r->n++;
	printf("%-10s %s  %s\n", r->role, key->keyid, path);
	return 0;
}

/* Those of the root role may be several: root.key, root2.key, ... */
static int make_keys(struct init *in, struct role_keys *r, struct errinfo *err)
{
	int n = r == &in->roles[ROLE_ROOT] ? in->root_keys : 1, rc;
	char name[32];

	rc = make_key(in, r, r->file, err);
	for (int i = 2; i <= n && !rc; i++) {
		snprintf(name, sizeof(name), "root%d.key", i);
		rc = make_key(in, r, name, err);
	}
	return rc;
}

static json_t *root_body(const struct init *in)
{
	struct trust_role roles[ROLE_GATEWAYS + 1];

	for (int i = 0; i <= ROLE_GATEWAYS; i++)
		roles[i] = (struct trust_role){
			in->roles[i].role, in->roles[i].keys, in->roles[i].n,
			i == ROLE_ROOT ? in->root_threshold : 1
		};
	return trust_root_body(roles, ARRAY_SIZE(roles), 1, in->expires_ms);
}

/* All secret keys at hand. */
static void collect(const struct init *in, struct meta_keys *keys, int role)
{
	for (size_t j = 0; j < in->roles[role].n; j++)
		if (in->roles[role].keys[j].has_secret && keys->n < TRUST_KEYS_MAX)
			keys->key[keys->n++] = in->roles[role].keys[j];
}

static int write_root(struct init *in, char **doc, struct errinfo *err)
{
	auto_free char *path = tool_join(in->dir, "root.json");
	struct meta_keys keys = { .n = 0 };
	json_t *body = root_body(in);
	int rc = -ENOMEM;

	collect(in, &keys, ROLE_ROOT);
	if (body && path && keys.n)
		rc = trust_sign(body, keys.key, keys.n, doc, err);
	else if (body && path && (*doc = keys_unsigned(body)) != NULL)
		rc = 0;
	json_decref(body);
	if (!rc)
		rc = fileio_write_atomic(path, *doc, strlen(*doc), 0644, err);
	if (!rc)
		printf("%-10s %s\n", "document", path);
	if (!rc && (int)keys.n < in->root_threshold)
		printf("%s needs %d more signatures: `imagerepo root sign`, "
		       "then `imagerepo root publish`\n",
		       path, in->root_threshold - (int)keys.n);
	meta_keys_wipe(&keys);
	return rc;
}

/* Is enough of the root role here, and a key of each of the other three? */
static int can_seed(const struct init *in)
{
	int n = 0;

	for (size_t i = 0; i < in->roles[ROLE_ROOT].n; i++)
		n += in->roles[ROLE_ROOT].keys[i].has_secret;
	for (int r = ROLE_TARGETS; r <= ROLE_TIMESTAMP; r++) {
		int have = 0;

		for (size_t i = 0; i < in->roles[r].n; i++)
			have |= in->roles[r].keys[i].has_secret;
		if (!have)
			return 0;
	}
	return n >= in->root_threshold;
}

static int write_seed(struct init *in, const char *doc, struct errinfo *err)
{
	struct role_keys *m = &in->roles[ROLE_MAINTAINER];
	struct tuf_delegation d = { .threshold = 1, .image = "*" };
	struct meta_keys keys = { .n = 0 };
	int rc;

	if (!can_seed(in))
		return 0;
	strcpy(d.role, KEYS_MAINTAINER);
	for (size_t i = 0; i < m->n; i++)
		d.key[d.n_keys++] = m->keys[i];
	for (int r = ROLE_TARGETS; r <= ROLE_TIMESTAMP; r++)
		collect(in, &keys, r);
	collect(in, &keys, ROLE_MAINTAINER);
	rc = keys_seed(in->dir, doc, &d, &keys, &in->times, 0, err);
	meta_keys_wipe(&keys);
	if (!rc)
		printf("%-10s %s/" META_DIR "\n", "metadata", in->dir);
	return rc;
}

static int run_init(struct init *in, struct errinfo *err)
{
	auto_free char *doc = NULL;
	int rc = refuse_existing(in, err);

	/* Everything that may be wrong is found before anything is made. */
	for (int i = 0; i < ROLES && !rc; i++)
		rc = load_given(&in->roles[i], err);
	if (!rc && in->roles[ROLE_ROOT].n)
		in->root_keys = (int)in->roles[ROLE_ROOT].n;
	if (!rc && in->root_threshold > in->root_keys)
		rc = errinfo_set(err, -EINVAL,
				 "a threshold of %d with %d root keys",
				 in->root_threshold, in->root_keys);
	if (!rc)
		rc = fileio_mkdirs(in->dir, 0755, err);
	for (int i = 0; i < ROLES && !rc; i++)
		if (!in->roles[i].n)
			rc = make_keys(in, &in->roles[i], err);
	if (rc)
		return rc;
	rc = write_root(in, &doc, err);
	return rc ? rc : write_seed(in, doc, err);
}

static int add_given(struct role_keys *r, const char *file)
{
	if (r->n == TOOL_KEYS_MAX)
		return cmd_misuse("more than %d keys of role %s", TOOL_KEYS_MAX,
				  r->role);
	r->given[r->n++] = file;
	return 0;
}

static int set_number(int *out, const char *arg)
{
	if (parse_int(arg, 1, TOOL_KEYS_MAX, out))
		return cmd_misuse("'%s' is no number from 1 to %d", arg,
				  TOOL_KEYS_MAX);
	return 0;
}

static int set_expiry(struct init *in, const char *arg)
{
	uint64_t sec;

	if (parse_duration(arg, &sec) || !sec)
		return cmd_misuse("'%s' is no time such as 365d", arg);
	in->expires_ms = clock_unix_ms() + (int64_t)sec * 1000;
	return 0;
}

static int parse_options(int argc, char **argv, struct init *in)
{
	static const struct option options[] = {
		{ "expires", required_argument, NULL, 'e' },
		{ "root-keys", required_argument, NULL, 'K' },
		{ "root-threshold", required_argument, NULL, 'T' },
		{ "root", required_argument, NULL, 10 + ROLE_ROOT },
		{ "targets", required_argument, NULL, 10 + ROLE_TARGETS },
		{ "snapshot", required_argument, NULL, 10 + ROLE_SNAPSHOT },
		{ "timestamp", required_argument, NULL, 10 + ROLE_TIMESTAMP },
		{ "gateways", required_argument, NULL, 'g' },
		{ "maintainer", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	int c, rc = 0;

	while (!rc &&
	       (c = getopt_long(argc, argv, "e:g:m:", options, NULL)) != -1) {
		if (c == 'e')
			rc = set_expiry(in, optarg);
		else if (c == 'K')
			rc = set_number(&in->root_keys, optarg);
		else if (c == 'T')
			rc = set_number(&in->root_threshold, optarg);
		else if (c == 'g')
			rc = add_given(&in->roles[ROLE_GATEWAYS], optarg);
		else if (c == 'm')
			rc = add_given(&in->roles[ROLE_MAINTAINER], optarg);
		else if (c >= 10 && c <= 10 + ROLE_TIMESTAMP)
			rc = add_given(&in->roles[c - 10], optarg);
		else
			rc = cmd_misuse("see --help");
	}
	if (!rc && argc - optind != 1)
		rc = cmd_misuse("name one directory");
	return rc;
}

int tool_init(int argc, char **argv, void *arg)
{
	static struct init in = {
		.root_keys = 1,
		.root_threshold = 1,
		.times = META_TIMES_INIT,
		.roles = { [ROLE_ROOT] = { .role = "root", .file = "root.key" },
			   [ROLE_TARGETS] = { .role = "targets",
					      .file = "targets.key" },
			   [ROLE_SNAPSHOT] = { .role = "snapshot",
					       .file = "snapshot.key" },
			   [ROLE_TIMESTAMP] = { .role = "timestamp",
						.file = "timestamp.key" },
			   [ROLE_GATEWAYS] = { .role = "gateways",
					       .file = "gateway.key" },
			   [ROLE_MAINTAINER] = { .role = KEYS_MAINTAINER,
						 .file = "maintainer.key" } },
	};
	struct errinfo err = ERRINFO_INIT;
	int rc;

	(void)arg;
	in.expires_ms = clock_unix_ms() + (int64_t)(ROOT_DAYS * META_DAY) * 1000;
	rc = parse_options(argc, argv, &in);
	if (rc)
		return rc;
	in.dir = argv[optind];
	rc = run_init(&in, &err);
	for (int i = 0; i < ROLES; i++)
		for (size_t j = 0; j < TOOL_KEYS_MAX; j++)
			trust_key_wipe(&in.roles[i].keys[j]);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
