/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init, key: the keys of a grid.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "fileio.h"
#include "tool.h"

#define ROOT_DAYS 365

/* A role of the root document, its key file in DIR, and keys made elsewhere. */
struct role_keys {
	const char *role, *file;
	const char *given[TOOL_KEYS_MAX];
	struct trust_key keys[TOOL_KEYS_MAX];
	size_t n;
};

enum { ROLE_ROOT, ROLE_IMAGES, ROLE_GATEWAYS, ROLES };

struct init {
	const char *dir;
	int64_t expires_ms;
	struct role_keys roles[ROLES];
};

static int refuse_existing(const struct init *in, struct errinfo *err)
{
	static const char *const names[] = { "root.json", "root.key",
					     "images.key", "gateway.key" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = tool_join(in->dir, names[i]);

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

static int make_key(struct init *in, struct role_keys *r, struct errinfo *err)
{
	auto_free char *path = tool_join(in->dir, r->file);
	int rc;

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = trust_key_generate(&r->keys[0], err);
	if (!rc)
		rc = trust_key_save(&r->keys[0], path, err);
	if (rc)
		return rc;
	r->n = 1;
	printf("%-9s %s  %s\n", r->role, r->keys[0].keyid, path);
	return 0;
}

static int write_root(struct init *in, struct errinfo *err)
{
	auto_free char *path = tool_join(in->dir, "root.json");
	auto_free char *doc = NULL;
	struct trust_role roles[ROLES];
	int rc;

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < ROLES; i++)
		roles[i] = (struct trust_role){ in->roles[i].role,
						in->roles[i].keys,
						in->roles[i].n, 1 };
	rc = trust_root_make(roles, ROLES, 1, in->expires_ms, &doc, err);
	if (!rc)
		rc = fileio_write_atomic(path, doc, strlen(doc), 0644, err);
	if (!rc)
		printf("%-9s %s\n", "document", path);
	return rc;
}

static int run_init(struct init *in, struct errinfo *err)
{
	int rc = refuse_existing(in, err);

	/* Everything that may be wrong is found before anything is made. */
	for (int i = 0; i < ROLES && !rc; i++)
		rc = load_given(&in->roles[i], err);
	if (!rc)
		rc = fileio_mkdirs(in->dir, 0755, err);
	for (int i = 0; i < ROLES && !rc; i++)
		if (!in->roles[i].n)
			rc = make_key(in, &in->roles[i], err);
	return rc ? rc : write_root(in, err);
}

static int add_given(struct role_keys *r, const char *file)
{
	if (r->n == TOOL_KEYS_MAX)
		return cmd_misuse("more than %d keys of role %s", TOOL_KEYS_MAX,
				  r->role);
	r->given[r->n++] = file;
	return 0;
}

int tool_init(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "expires", required_argument, NULL, 'e' },
		{ "images", required_argument, NULL, 'i' },
		{ "gateways", required_argument, NULL, 'g' },
		{ NULL, 0, NULL, 0 },
	};
	static struct init in = { .roles = {
					  [ROLE_ROOT] = { .role = "root",
							  .file = "root.key" },
					  [ROLE_IMAGES] = { .role = "images",
							    .file = "images.key" },
					  [ROLE_GATEWAYS] = { .role = "gateways",
							      .file = "gateway.key" },
				  } };
	struct errinfo err = ERRINFO_INIT;
	uint64_t sec = ROOT_DAYS * UINT64_C(86400);
	int c, rc = 0;

	(void)arg;
	while (!rc &&
	       (c = getopt_long(argc, argv, "e:i:g:", options, NULL)) != -1) {
		if (c == 'e' && parse_duration(optarg, &sec))
			rc = cmd_misuse("'%s' is no time such as 365d", optarg);
		else if (c == 'i')
			rc = add_given(&in.roles[ROLE_IMAGES], optarg);
		else if (c == 'g')
			rc = add_given(&in.roles[ROLE_GATEWAYS], optarg);
		else if (c == '?')
			rc = cmd_misuse("see --help");
	}
	if (rc)
		return rc;
	if (argc - optind != 1)
		return cmd_misuse("name one directory");
	in.dir = argv[optind];
	in.expires_ms = clock_unix_ms() + (int64_t)sec * 1000;
	rc = run_init(&in, &err);
	for (int i = 0; i < ROLES; i++)
		for (size_t j = 0; j < TOOL_KEYS_MAX; j++)
			trust_key_wipe(&in.roles[i].keys[j]);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}

static void print_key(const struct trust_key *key)
{
	char hex[2 * TRUST_PUBLIC_LEN + 1];

	format_hex(key->public, TRUST_PUBLIC_LEN, hex);
	printf("keyid   %s\npublic  %s\nsecret  %s\n", key->keyid, hex,
	       key->has_secret ? "in this file" : "not in this file");
}

static int with_key(int argc, char **argv, int make)
{
	struct errinfo err = ERRINFO_INIT;
	struct trust_key key;
	int rc;

	if (argc != 2 || argv[1][0] == '-')
		return cmd_misuse("name one file");
	if (make) {
		rc = trust_key_generate(&key, &err);
		if (!rc)
			rc = trust_key_save(&key, argv[1], &err);
	} else {
		rc = trust_key_load(argv[1], &key, &err);
	}
	if (rc)
		return tool_fail(&err, rc);
	print_key(&key);
	trust_key_wipe(&key);
	return CMD_EXIT_OK;
}

int tool_key_new(int argc, char **argv, void *arg)
{
	(void)arg;
	return with_key(argc, argv, 1);
}

int tool_key_show(int argc, char **argv, void *arg)
{
	(void)arg;
	return with_key(argc, argv, 0);
}
