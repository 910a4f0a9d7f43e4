/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: one key pair.
 */
#include <stdio.h>

#include "cmd.h"
#include "keys.h"
#include "parse.h"
#include "tool.h"

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
