/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The secret keys that lie in a directory.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "meta.h"
#include "tool.h"

#define SUFFIX ".key"

static int is_key(const struct dirent *e)
{
	size_t len = strlen(e->d_name), suffix = strlen(SUFFIX);

	return len > suffix && e->d_name[0] != '.' &&
	       !strcmp(e->d_name + len - suffix, SUFFIX);
}

int meta_keys_add(struct meta_keys *keys, const char *file, struct errinfo *err)
{
	struct trust_key *key = &keys->key[keys->n];
	int rc;

	if (keys->n == TRUST_KEYS_MAX)
		return errinfo_set(err, -EFBIG, "%s: more than %d keys", file,
				   TRUST_KEYS_MAX);
	rc = trust_key_load(file, key, err);
	if (rc)
		return rc;
	if (!key->has_secret)
		return errinfo_set(err, -EINVAL,
				   "%s: a public key, signing needs the secret "
				   "one",
				   file);
	for (size_t i = 0; i < keys->n; i++)
		if (!strcmp(keys->key[i].keyid, key->keyid))
			return 0; /* one key in two files */
	keys->n++;
	return 0;
}

int meta_keys_load(const char *dir, struct meta_keys *keys, struct errinfo *err)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_key, alphasort), rc = 0;

	memset(keys, 0, sizeof(*keys));
	if (n < 0)
		return errinfo_set_errno(err, -errno, "keys in %s", dir);
	for (int i = 0; i < n; i++) {
		auto_free char *path = tool_join(dir, list[i]->d_name);

		if (!rc)
			rc = path ? meta_keys_add(keys, path, err) : -ENOMEM;
		free(list[i]);
	}
	free(list);
	return rc;
}

void meta_keys_wipe(struct meta_keys *keys)
{
	for (size_t i = 0; i < TRUST_KEYS_MAX; i++)
		trust_key_wipe(&keys->key[i]);
	keys->n = 0;
}
