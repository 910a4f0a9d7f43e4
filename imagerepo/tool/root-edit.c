/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root edit: the next root document, as a draft for others to sign.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "fileio.h"
#include "keys.h"
#include "parse.h"
#include "tool.h"

#define ROOT_DAYS   365
#define CHANGES_MAX 64

struct change {
	int kind;   /* option letter */
	char *word; /* ROLE=..., cut at '=' */
};

struct edit {
	const char *old, *out;
	uint64_t sec;
	struct change change[CHANGES_MAX];
	int n;
	json_t *body;
};

/* The object with "keyids" and "threshold". */
static json_t *find_role(const json_t *body, const char *role)
{
	char member[TUF_NAME + 16];
	json_t *object = json_object_get(json_object_get(body, "roles"), role);

	snprintf(member, sizeof(member), "x-nightshift-%s", role);
	return object ? object : json_object_get(body, member);
}

static size_t find_keyid(const json_t *keyids, const char *keyid)
{
	json_t *value;
	size_t i;

	json_array_foreach((json_t *)keyids, i, value)
	{
		if (!strcmp(json_string_value(value), keyid))
			break;
	}
	return i;
}

static int add(json_t *body, json_t *role, const char *file, struct errinfo *err)
{
	json_t *keyids = json_object_get(role, "keyids");
	struct trust_key key;
	int rc = trust_key_load(file, &key, err);

	if (rc)
		return rc;
	if (find_keyid(keyids, key.keyid) < json_array_size(keyids))
		rc = errinfo_set(err, -EEXIST, "%s has that role already", file);
	else if (json_object_set_new(json_object_get(body, "keys"), key.keyid,
				     trust_key_json(&key)) ||
		 json_array_append_new(keyids, json_string(key.keyid)))
		rc = errinfo_set(err, -ENOMEM, "out of memory");
	trust_key_wipe(&key);
	return rc;
}

/* word: a key id, or the file of a key. */
static int take_away(json_t *role, const char *word, struct errinfo *err)
{
	json_t *keyids = json_object_get(role, "keyids");
	struct trust_key key;
	size_t i;
	int rc;

	memset(&key, 0, sizeof(key));
	if (hash_is_hex(word)) {
		strcpy(key.keyid, word);
	} else {
		rc = trust_key_load(word, &key, err);
		if (rc)
			return rc;
	}
	i = find_keyid(keyids, key.keyid);
	trust_key_wipe(&key);
	if (i == json_array_size(keyids))
		return errinfo_set(err, -ENOENT, "%s has not that role", word);
	json_array_remove(keyids, i);
	return 0;
}

static int set_threshold(json_t *role, const char *word, struct errinfo *err)
{
	int n;

	if (parse_int(word, 1, TRUST_KEYS_MAX, &n))
		return errinfo_set(err, -EINVAL, "'%s' is no threshold", word);
	json_object_set_new(role, "threshold", json_integer(n));
	return 0;
}

static int apply(struct edit *e, struct change *c, struct errinfo *err)
{
	char *value = strchr(c->word, '=');
	json_t *role;
	int rc;

	if (!value)
		return errinfo_set(err, -EINVAL, "'%s' is not ROLE=...", c->word);
	*value++ = '\0';
	role = find_role(e->body, c->word);
	if (!role)
		return errinfo_set(err, -ENOENT, "no role '%s'", c->word);
	if (c->kind == 'a')
		rc = add(e->body, role, value, err);
	else if (c->kind == 'd')
		rc = take_away(role, value, err);
	else
		rc = set_threshold(role, value, err);
	return rc ? errinfo_wrap(err, rc, "role '%s'", c->word) : 0;
}

/* Calls fn for each role's object. */
static int each_role(json_t *body,
		     int (*fn)(const char *name, json_t *role, void *arg),
		     void *arg)
{
	const char *name;
	json_t *value;
	int rc = 0;

	json_object_foreach(json_object_get(body, "roles"), name, value)
	{
		rc = rc ? rc : fn(name, value, arg);
	}
	json_object_foreach(body, name, value)
	{
		if (!strncmp(name, "x-nightshift-", 13) &&
		    json_object_get(value, "keyids"))
			rc = rc ? rc : fn(name + 13, value, arg);
	}
	return rc;
}

static int check_role(const char *name, json_t *role, void *arg)
{
	size_t n = json_array_size(json_object_get(role, "keyids"));
	json_int_t t = json_integer_value(json_object_get(role, "threshold"));

	if (t <= (json_int_t)n)
		return 0;
	return errinfo_set(arg, -EINVAL,
			   "role '%s' would want %lld signatures of %zu keys",
			   name, (long long)t, n);
}

struct use {
	const char *keyid;
	int used;
};

static int look_for_use(const char *name, json_t *role, void *arg)
{
	const json_t *keyids = json_object_get(role, "keyids");
	struct use *u = arg;

	(void)name;
	u->used |= find_keyid(keyids, u->keyid) < json_array_size(keyids);
	return 0;
}

static void prune_keys(json_t *body)
{
	json_t *keys = json_object_get(body, "keys"), *value;
	struct use u;
	void *next;

	json_object_foreach_safe(keys, next, u.keyid, value)
	{
		u.used = 0;
		each_role(body, look_for_use, &u);
		if (!u.used)
			json_object_del(keys, u.keyid);
	}
}

static int load_old(struct edit *e, struct errinfo *err)
{
	struct trust_root *root = NULL;
	auto_free char *doc = NULL;
	json_t *envelope = NULL;
	size_t len;
	int rc = fileio_read(e->old, TRUST_DOC_MAX, &doc, &len, err);

	if (!rc)
		rc = trust_root_load(doc, len, 0, &root, err);
	if (!rc && !trust_root_signers(root, "targets"))
		rc = errinfo_set(err, -EBADMSG,
				 "of the older form; make a new one by `" TOOL_NAME
				 " init`");
	if (!rc)
		rc = trust_open(doc, len, TRUST_DOC_MAX, &envelope, err);
	if (!rc)
		e->body = json_incref(json_object_get(envelope, "signed"));
	json_decref(envelope);
	trust_root_free(root);
	return rc ? errinfo_wrap(err, rc, "%s", e->old) : 0;
}

static int run_edit(struct edit *e, struct errinfo *err)
{
	auto_free char *doc = NULL;
	char expires[CLOCK_ISO];
	int rc = load_old(e, err), version;

	for (int i = 0; i < e->n && !rc; i++)
		rc = apply(e, &e->change[i], err);
	if (!rc)
		rc = each_role(e->body, check_role, err);
	if (rc)
		return rc;
	prune_keys(e->body);
	version = (int)json_integer_value(json_object_get(e->body, "version"));
	clock_format(clock_unix_ms() + (int64_t)e->sec * 1000, expires);
	json_object_set_new(e->body, "version", json_integer(version + 1));
	json_object_set_new(e->body, "expires", json_string(expires));
	json_object_set_new(e->body, "spec_version", json_string(TRUST_TUF_SPEC));
	doc = keys_unsigned(e->body);
	if (!doc)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_write_atomic(e->out, doc, strlen(doc), 0644, err);
	if (!rc)
		printf("version %d in %s, to be signed\n", version + 1, e->out);
	return rc;
}

static int parse_options(int argc, char **argv, struct edit *e)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "add", required_argument, NULL, 'a' },
		{ "remove", required_argument, NULL, 'd' },
		{ "threshold", required_argument, NULL, 't' },
		{ "expires", required_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:a:d:t:e:", options, NULL)) != -1) {
		if (c == 'o')
			e->out = optarg;
		else if (c == 'e' && (parse_duration(optarg, &e->sec) || !e->sec))
			return cmd_misuse("'%s' is no time such as 365d", optarg);
		else if (c == '?')
			return cmd_misuse("see --help");
		else if (c != 'e' && e->n == CHANGES_MAX)
			return cmd_misuse("more than %d changes", CHANGES_MAX);
		else if (c != 'e')
			e->change[e->n++] = (struct change){ c, optarg };
	}
	if (argc - optind != 1 || !e->out)
		return cmd_misuse("name one root document and --output NEW");
	e->old = argv[optind];
	return 0;
}

int tool_root_edit(int argc, char **argv, void *arg)
{
	struct edit e = { .sec = ROOT_DAYS * META_DAY };
	struct errinfo err = ERRINFO_INIT;
	int rc = parse_options(argc, argv, &e);

	(void)arg;
	if (rc)
		return rc;
	rc = run_edit(&e, &err);
	json_decref(e.body);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
