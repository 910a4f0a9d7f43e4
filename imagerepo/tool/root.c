/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root show, sign, publish: a root document on its way.
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
#include "tool.h"

/* Reads without trusting; the caller drops *envelope. */
static int read_any(const char *path, char **doc, size_t *len,
		    json_t **envelope, struct errinfo *err)
{
	const char *type;
	int rc = fileio_read(path, TRUST_DOC_MAX, doc, len, err);

	if (!rc)
		rc = trust_open(*doc, *len, TRUST_DOC_MAX, envelope, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", path);
	type = json_string_value(
		json_object_get(json_object_get(*envelope, "signed"), "_type"));
	if (type && !strcmp(type, "root"))
		return 0;
	json_decref(*envelope);
	*envelope = NULL;
	return errinfo_set(err, -EBADMSG, "%s: not a root document", path);
}

/* ---- show ------------------------------------------------------------------ */

/* A signature of that key that is right. */
static int signed_by(const json_t *envelope, const char *keyid)
{
	const json_t *keys =
		json_object_get(json_object_get(envelope, "signed"), "keys");
	json_t *role = json_pack("{s:[s], s:i}", "keyids", keyid, "threshold", 1);
	struct trust_signers s;
	int ok = !trust_signers_parse(keys, role, "any", &s, NULL) &&
		 !trust_check(&s, envelope, NULL);

	json_decref(role);
	return ok;
}

static json_t *describe_role(const json_t *envelope, const json_t *role)
{
	json_t *list = json_array(), *keyid;
	size_t i;

	json_array_foreach(json_object_get(role, "keyids"), i, keyid)
	{
		const char *id = json_string_value(keyid);

		json_array_append_new(
			list, json_pack("{s:s, s:b}", "keyid", id ? id : "",
					"signed", id && signed_by(envelope, id)));
	}
	return json_pack("{s:o, s:O}", "keys", list, "threshold",
			 json_object_get(role, "threshold"));
}

static json_t *describe(const json_t *envelope)
{
	static const char prefix[] = "x-nightshift-";
	json_t *body = json_object_get(envelope, "signed"), *value;
	json_t *roles = json_object();
	const char *name;

	json_object_foreach(json_object_get(body, "roles"), name, value)
		json_object_set_new(roles, name, describe_role(envelope, value));
	json_object_foreach(body, name, value)
	{
		if (!strncmp(name, prefix, sizeof(prefix) - 1) &&
		    json_object_get(value, "keyids"))
			json_object_set_new(roles, name + sizeof(prefix) - 1,
					    describe_role(envelope, value));
	}
	return json_pack("{s:O, s:O, s:o}", "version",
			 json_object_get(body, "version"), "expires",
			 json_object_get(body, "expires"), "roles", roles);
}

static void print(const json_t *d)
{
	const char *name, *expires;
	json_t *role, *key;
	size_t i;

	expires = json_string_value(json_object_get(d, "expires"));
	printf("version %lld, valid until %s\n",
	       (long long)json_integer_value(json_object_get(d, "version")),
	       expires ? expires : "?");
	json_object_foreach(json_object_get(d, "roles"), name, role)
	{
		printf("%-10s %lld of %zu\n", name,
		       (long long)json_integer_value(
			       json_object_get(role, "threshold")),
		       json_array_size(json_object_get(role, "keys")));
		json_array_foreach(json_object_get(role, "keys"), i, key)
			printf("  %s%s\n",
			       json_string_value(json_object_get(key, "keyid")),
			       json_is_true(json_object_get(key, "signed"))
				       ? "  has signed"
				       : "");
	}
}

int tool_root_show(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct errinfo err = ERRINFO_INIT;
	auto_free char *doc = NULL;
	json_t *envelope = NULL, *d;
	int c, json = 0, rc;
	size_t len;

	(void)arg;
	while ((c = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		if (c != 'j')
			return cmd_misuse("see --help");
		json = 1;
	}
	if (argc - optind != 1)
		return cmd_misuse("name one root document");
	rc = read_any(argv[optind], &doc, &len, &envelope, &err);
	if (rc)
		return tool_fail(&err, rc);
	d = describe(envelope);
	json_decref(envelope);
	if (!d)
		return tool_fail(NULL, -EBADMSG);
	if (json && !json_dumpf(d, stdout, JSON_INDENT(2) | JSON_SORT_KEYS))
		putchar('\n');
	else
		print(d);
	json_decref(d);
	return CMD_EXIT_OK;
}

/* ---- sign ------------------------------------------------------------------- */

static int sign(const char *path, const struct meta_keys *keys,
		struct errinfo *err)
{
	auto_free char *doc = NULL, *out = NULL;
	struct trust_root *root = NULL;
	json_t *envelope = NULL;
	size_t len;
	int rc = read_any(path, &doc, &len, &envelope, err);

	json_decref(envelope);
	if (!rc)
		rc = trust_sign_more(doc, len, keys->key, keys->n, &out, err);
	if (!rc)
		rc = fileio_write_atomic(path, out, strlen(out), 0644, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", path);
	/* Whether the old root role is content, publish will see. */
	rc = trust_root_load(out, strlen(out), 0, &root, err);
	printf("%s: signed%s%s\n", path,
	       rc ? "; not enough yet: " : ", enough for its own root role",
	       rc ? err->text : "");
	trust_root_free(root);
	return 0;
}

int tool_root_sign(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	struct meta_keys keys = { .n = 0 };
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	while (!rc && (c = getopt_long(argc, argv, "k:", options, NULL)) != -1) {
		if (c != 'k')
			return cmd_misuse("see --help");
		rc = meta_keys_add(&keys, optarg, &err);
	}
	if (!rc && (argc - optind != 1 || !keys.n)) {
		meta_keys_wipe(&keys);
		return cmd_misuse("name one root document and --key KEY");
	}
	if (!rc)
		rc = sign(argv[optind], &keys, &err);
	meta_keys_wipe(&keys);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}

/* ---- publish ---------------------------------------------------------------- */

/* The maintainer that init has made a key for, if it did. */
static int first_maintainer(const char *keys_dir, struct tuf_delegation *d,
			    struct errinfo *err)
{
	auto_free char *path = NULL;
	int rc;

	strcpy(d->role, KEYS_MAINTAINER);
	strcpy(d->image, "*");
	d->threshold = 1;
	path = tool_join(keys_dir, KEYS_MAINTAINER ".key.pub");
	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = trust_key_load(path, &d->key[0], err);
	if (rc == -ENOENT)
		return 0; /* `delegate` will name one */
	d->n_keys = !rc;
	return rc;
}

static int publish_first(struct keys_common *o, const char *doc,
			 struct errinfo *err)
{
	struct tuf_delegation d;
	int rc;

	memset(&d, 0, sizeof(d));
	rc = first_maintainer(o->keys_dir, &d, err);
	return rc ? rc
		  : keys_seed(o->repo, doc, &d, &o->keys, &o->times, o->dry_run,
			      err);
}

static int publish(struct keys_common *o, const char *path, struct meta **m,
		   struct errinfo *err)
{
	auto_free char *doc = NULL;
	json_t *envelope = NULL;
	size_t len;
	int rc = read_any(path, &doc, &len, &envelope, err), version;

	if (rc)
		return rc;
	version = (int)json_integer_value(
		json_object_get(json_object_get(envelope, "signed"), "version"));
	json_decref(envelope);
	rc = keys_common_open(o, NULL, m, err);
	if (rc == -ENOENT && !o->root)
		return publish_first(o, doc, err);
	if (!rc)
		rc = meta_set_root(*m, doc, len, err);
	if (!rc)
		rc = keys_common_commit(o, *m, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", path);
	printf("root version %d\n", version);
	return 0;
}

int tool_root_publish(int argc, char **argv, void *arg)
{
	static const struct option options[] = { KEYS_COMMON_OPTIONS,
						 { NULL, 0, NULL, 0 } };
	struct keys_common o = KEYS_COMMON_INIT;
	struct errinfo err = ERRINFO_INIT;
	struct meta *m = NULL;
	int c, rc = 0;

	(void)arg;
	while (!rc && (c = getopt_long(argc, argv, KEYS_COMMON_SHORT, options,
				       NULL)) != -1)
		rc = keys_common_option(&o, c, optarg);
	if (!rc && (argc - optind != 1 || !o.keys_dir))
		rc = cmd_misuse("name one root document, and --keys DIR");
	if (rc)
		return rc;
	rc = publish(&o, argv[optind], &m, &err);
	return keys_common_end(&o, m, rc, &err);
}
