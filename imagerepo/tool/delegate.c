/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate, undelegate: who maintains which image.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "keys.h"
#include "parse.h"
#include "tool.h"

struct delegate {
	struct keys_common common;
	struct tuf_delegation d;
	const char *key_files[TOOL_KEYS_MAX];
	int n_files;
	int all; /* undelegate: no image was named */
	struct meta *m;
};

static int load_public(struct delegate *g, struct errinfo *err)
{
	for (int i = 0; i < g->n_files; i++) {
		struct trust_key *key = &g->d.key[g->d.n_keys];
		int rc = trust_key_load(g->key_files[i], key, err);

		if (rc)
			return rc;
		g->d.n_keys++;
	}
	return 0;
}

static int word_delegate(const struct delegate *g, int rc, struct errinfo *err)
{
	char other[TUF_NAME] = "another role";

	switch (rc) {
	case 0:
		return 0;
	case -EEXIST:
		meta_role_of(g->m, g->d.image, other, NULL);
		return errinfo_set(err, rc,
				   "image %s is %s's; give that role several "
				   "keys, or undelegate it first",
				   g->d.image, other);
	case -EINVAL:
		return errinfo_set(err, rc,
				   "cannot delegate %s to '%s': a role is for "
				   "any image or for named ones, its name is "
				   "not one of TUF's own, and there are at "
				   "least as many keys as must sign",
				   g->d.image, g->d.role);
	}
	return errinfo_set_errno(err, rc, "%s", g->d.role);
}

/* Secret keys that were given sign as well. */
static void take_secrets(struct delegate *g)
{
	struct meta_keys *keys = &g->common.keys;

	for (size_t i = 0; i < g->d.n_keys; i++) {
		size_t j = 0;

		while (j < keys->n &&
		       strcmp(keys->key[j].keyid, g->d.key[i].keyid) != 0)
			j++;
		if (g->d.key[i].has_secret && j == keys->n && j < TRUST_KEYS_MAX)
			keys->key[keys->n++] = g->d.key[i];
	}
}

/* Other TUF clients stumble over a role without metadata. */
static int begin_role(struct delegate *g)
{
	if (meta_body(g->m, g->d.role))
		return 0;
	if (keys_can_sign(&g->common.keys, &g->d))
		return meta_edit(g->m, g->d.role) ? 0 : -ENOMEM;
	fprintf(stderr,
		TOOL_NAME ": '%s' has no metadata until the first publish\n",
		g->d.role);
	return 0;
}

static int run_delegate(struct delegate *g, struct errinfo *err)
{
	json_t *body;
	int rc = load_public(g, err);

	if (!rc)
		rc = keys_common_open(&g->common, g->common.keys_dir, &g->m, err);
	if (rc)
		return rc;
	body = meta_edit(g->m, META_TARGETS_ROLE);
	rc = body ? tuf_targets_delegate(body, &g->d) : -ENOMEM;
	if (!rc) {
		take_secrets(g);
		rc = begin_role(g);
	}
	if (rc)
		return word_delegate(g, rc, err);
	rc = keys_common_commit(&g->common, g->m, err);
	/* What the role has was signed by other keys: sign it now, if the new
	 * secret key is here. */
	if (rc == -ENOKEY && meta_edit(g->m, g->d.role))
		rc = keys_common_commit(&g->common, g->m, err);
	return rc;
}

static int run_undelegate(struct delegate *g, struct errinfo *err)
{
	json_t *body;
	int rc = keys_common_open(&g->common, NULL, &g->m, err);

	if (rc)
		return rc;
	body = meta_edit(g->m, META_TARGETS_ROLE);
	rc = body ? tuf_targets_undelegate(body, g->d.role,
					   g->all ? NULL : g->d.image)
		  : -ENOMEM;
	if (rc == -ENOENT && g->all)
		return errinfo_set(err, rc, "there is no role '%s'", g->d.role);
	if (rc == -ENOENT)
		return errinfo_set(err, rc, "image %s is not %s's", g->d.image,
				   g->d.role);
	if (rc)
		return errinfo_set_errno(err, rc, "%s", g->d.role);
	return keys_common_commit(&g->common, g->m, err);
}

static int copy_name(char out[TUF_NAME], const char *word)
{
	if (strlen(word) >= TUF_NAME ||
	    (strcmp(word, "*") != 0 && !parse_is_name(word)))
		return cmd_misuse("'%s' is no name", word);
	strcpy(out, word);
	return 0;
}

static int parse_options(int argc, char **argv, struct delegate *g)
{
	static const struct option options[] = {
		KEYS_COMMON_OPTIONS,
		{ "key", required_argument, NULL, 'K' },
		{ "threshold", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, KEYS_COMMON_SHORT "K:t:",
				       options, NULL)) != -1) {
		if (c == 't' &&
		    parse_int(optarg, 1, TOOL_KEYS_MAX, &g->d.threshold))
			rc = cmd_misuse("'%s' is no threshold", optarg);
		else if (c == 'K' && g->n_files == TOOL_KEYS_MAX)
			rc = cmd_misuse("more than %d keys", TOOL_KEYS_MAX);
		else if (c == 'K')
			g->key_files[g->n_files++] = optarg;
		else if (c != 't')
			rc = keys_common_option(&g->common, c, optarg);
	}
	if (!rc && !g->common.keys_dir)
		rc = cmd_misuse("give --keys DIR");
	if (!rc && optind < argc)
		rc = copy_name(g->d.role, argv[optind]);
	if (!rc && optind + 1 < argc)
		rc = copy_name(g->d.image, argv[optind + 1]);
	return rc;
}

static int finish(struct delegate *g, int rc, const struct errinfo *err)
{
	for (size_t i = 0; i < g->d.n_keys; i++)
		trust_key_wipe(&g->d.key[i]);
	return keys_common_end(&g->common, g->m, rc, err);
}

int tool_delegate(int argc, char **argv, void *arg)
{
	static struct delegate g = { .common = KEYS_COMMON_INIT,
				     .d = { .threshold = 1 } };
	struct errinfo err = ERRINFO_INIT;
	int rc = parse_options(argc, argv, &g);

	(void)arg;
	if (rc)
		return rc;
	if (argc - optind != 2 || !g.n_files)
		return cmd_misuse("name a role, an image, and --key FILE");
	return finish(&g, run_delegate(&g, &err), &err);
}

int tool_undelegate(int argc, char **argv, void *arg)
{
	static struct delegate g = { .common = KEYS_COMMON_INIT };
	struct errinfo err = ERRINFO_INIT;
	int rc = parse_options(argc, argv, &g);

	(void)arg;
	if (rc)
		return rc;
	g.all = argc - optind == 1;
	if ((argc - optind != 2 && !g.all) || g.n_files || g.d.threshold)
		return cmd_misuse("name a role, and an image or none");
	return finish(&g, run_undelegate(&g, &err), &err);
}
