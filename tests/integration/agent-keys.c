/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent-keys - keys and images for tests of the agent.
 *
 *	agent-keys init DIR		root.json, gateway.key, images.key,
 *					stranger.key
 *	agent-keys image DIR KEY NAME CMDLINE DAYS KERNEL ROOT [INITRD]
 *		puts an image into DIR/repo, prints its manifest's digest
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "hash.h"
#include "imagerepo.h"
#include "trust.h"

#define DAY_MS INT64_C(86400000)

static int die(const char *what, const struct errinfo *err, int rc)
{
	fprintf(stderr, "agent-keys: %s: %s\n", what, errinfo_text(err, rc));
	return 1;
}

static int make_keys(const char *dir)
{
	static const char *const names[] = { "root", "images", "gateway",
					     "stranger" };
	struct errinfo err = ERRINFO_INIT;
	struct trust_key keys[ARRAY_SIZE(names)];
	struct trust_role roles[] = {
		{ "root", &keys[0], 1, 1 },
		{ "images", &keys[1], 1, 1 },
		{ "gateways", &keys[2], 1, 1 },
	};
	auto_free char *doc = NULL;
	char path[4096];
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !rc; i++) {
		snprintf(path, sizeof(path), "%s/%s.key", dir, names[i]);
		rc = trust_key_generate(&keys[i], &err);
		if (!rc)
			rc = trust_key_save(&keys[i], path, &err);
	}
	if (!rc)
		rc = trust_root_make(roles, ARRAY_SIZE(roles), 1,
				     clock_unix_ms() + 365 * DAY_MS, &doc, &err);
	snprintf(path, sizeof(path), "%s/root.json", dir);
	if (!rc)
		rc = fileio_write_atomic(path, doc, strlen(doc), 0644, &err);
	return rc ? die("init", &err, rc) : 0;
}

static int add_blob(const char *dir, const char *file,
		    struct imagerepo_blob *blob, struct errinfo *err)
{
	auto_free char *data = NULL;
	char path[4096], rel[IMAGEREPO_PATH];
	size_t len;
	int rc;

	rc = fileio_read(file, 64 << 20, &data, &len, err);
	if (rc)
		return rc;
	blob->size = len;
	hash_bytes_hex(data, len, blob->sha256);
	imagerepo_blob_path(blob->sha256, rel);
	snprintf(path, sizeof(path), "%s/repo/%s", dir, rel);
	*strrchr(path, '/') = '\0';
	rc = fileio_mkdirs(path, 0755, err);
	path[strlen(path)] = '/';
	return rc ? rc : fileio_write_atomic(path, data, len, 0644, err);
}

static int make_image(int argc, char **argv)
{
	static const enum imagerepo_role order[] = { IMAGEREPO_KERNEL,
						     IMAGEREPO_ROOT,
						     IMAGEREPO_INITRD };
	struct errinfo err = ERRINFO_INIT;
	struct imagerepo_manifest m = { .memory_min_mib = 32 };
	char path[4096], rel[IMAGEREPO_PATH], digest[HASH_HEX];
	const char *dir = argv[2];
	auto_free char *doc = NULL;
	struct trust_key key;
	int rc;

	rc = trust_key_load(argv[3], &key, &err);
	snprintf(m.name, sizeof(m.name), "%s", argv[4]);
	snprintf(m.version, sizeof(m.version), "1");
	snprintf(m.cmdline, sizeof(m.cmdline), "%s", argv[5]);
	m.created_ms = clock_unix_ms() / 1000 * 1000;
	m.expires_ms = m.created_ms + atoi(argv[6]) * DAY_MS;
	for (int i = 7; i < argc && i < 10 && !rc; i++)
		rc = add_blob(dir, argv[i], &m.blob[order[i - 7]], &err);
	if (!rc)
		rc = imagerepo_manifest_make(&m, &key, 1, &doc, &err);
	if (rc)
		return die("image", &err, rc);
	hash_bytes_hex(doc, strlen(doc), digest);
	imagerepo_manifest_path(digest, rel);
	snprintf(path, sizeof(path), "%s/repo/%s", dir, rel);
	*strrchr(path, '/') = '\0';
	rc = fileio_mkdirs(path, 0755, &err);
	path[strlen(path)] = '/';
	if (!rc)
		rc = fileio_write_atomic(path, doc, strlen(doc), 0644, &err);
	if (rc)
		return die("image", &err, rc);
	puts(digest);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "init"))
		return make_keys(argv[2]);
	if (argc >= 9 && !strcmp(argv[1], "image"))
		return make_image(argc, argv);
	fprintf(stderr, "usage: see agent-keys.c\n");
	return 2;
}
