/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-test-repo DIR [IMAGE VERSION EXPIRES_SEC]: an image repository with keys
 * (DIR.keys/images.key, DIR/root.json) on the first call, and IMAGE VERSION in
 * it, which channel IMAGE/stable then points to. For tests of what reads one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "fileio.h"
#include "imagerepo.h"

static struct errinfo err;

static void check(int rc)
{
	if (!rc)
		return;
	fprintf(stderr, "make-test-repo: %s\n", errinfo_text(&err, rc));
	exit(1);
}

static char *path(const char *dir, const char *name)
{
	char *out;

	if (asprintf(&out, "%s%s", dir, name) < 0)
		exit(1);
	return out;
}

static void make_keys(const char *dir, struct imagerepo_store *s)
{
	auto_free char *root = path(dir, ".keys/root.key");
	auto_free char *images = path(dir, ".keys/images.key");
	auto_free char *keys = path(dir, ".keys");
	auto_free char *doc = NULL;
	struct trust_key k[2];
	struct trust_role roles[] = { { "root", &k[0], 1, 1 },
				      { "images", &k[1], 1, 1 },
				      { "gateways", &k[1], 1, 1 } };

	check(fileio_mkdirs(keys, 0700, &err));
	check(trust_key_generate(&k[0], &err));
	check(trust_key_generate(&k[1], &err));
	check(trust_key_save(&k[0], root, &err));
	check(trust_key_save(&k[1], images, &err));
	check(trust_root_make(roles, 3, 1, clock_unix_ms() + 86400000LL, &doc,
			      &err));
	check(imagerepo_store_put_doc(s, IMAGEREPO_ROOT_PATH, doc, &err));
}

static void put_blob(const char *dir, struct imagerepo_store *s,
		     struct imagerepo_blob *b, const char *text)
{
	auto_free char *file = path(dir, ".keys/blob");
	int added;

	hash_bytes_hex(text, strlen(text), b->sha256);
	b->size = strlen(text);
	check(fileio_write_atomic(file, text, strlen(text), 0600, &err));
	check(imagerepo_store_put_blob(s, file, b, &added, NULL, NULL, &err));
}

static void put_image(const char *dir, struct imagerepo_store *s, char **argv)
{
	auto_free char *key_path = path(dir, ".keys/images.key");
	auto_free char *doc = NULL, *channel_doc = NULL;
	struct imagerepo_manifest m = { .memory_min_mib = 64 };
	struct imagerepo_channel c = { .channel = "stable", .version = 1 };
	char where[IMAGEREPO_PATH];
	struct trust_key key;

	check(trust_key_load(key_path, &key, &err));
	snprintf(m.name, sizeof(m.name), "%s", argv[0]);
	snprintf(m.version, sizeof(m.version), "%s", argv[1]);
	snprintf(m.cmdline, sizeof(m.cmdline), "console=hvc0");
	m.created_ms = clock_unix_ms() / 1000 * 1000;
	m.expires_ms = m.created_ms + atoi(argv[2]) * 1000LL;
	put_blob(dir, s, &m.blob[IMAGEREPO_KERNEL], "kernel");
	put_blob(dir, s, &m.blob[IMAGEREPO_ROOT], argv[1]);
	check(imagerepo_manifest_make(&m, &key, 1, &doc, &err));
	hash_bytes_hex(doc, strlen(doc), c.manifest);
	imagerepo_manifest_path(c.manifest, where);
	check(imagerepo_store_put_doc(s, where, doc, &err));
	snprintf(c.image, sizeof(c.image), "%s", m.name);
	snprintf(c.image_version, sizeof(c.image_version), "%s", m.version);
	c.expires_ms = m.expires_ms;
	check(imagerepo_channel_make(&c, &key, 1, &channel_doc, &err));
	imagerepo_channel_path(c.image, c.channel, where);
	check(imagerepo_store_put_doc(s, where, channel_doc, &err));
	printf("%s\n", c.manifest);
}

int main(int argc, char **argv)
{
	struct imagerepo_store *s;
	auto_free char *root = NULL;

	if (argc != 2 && argc != 5)
		return 2;
	check(imagerepo_store_open(argv[1], 1, &s, &err));
	check(imagerepo_store_lock(s, &err));
	root = path(argv[1], "/" IMAGEREPO_ROOT_PATH);
	if (access(root, F_OK))
		make_keys(argv[1], s);
	if (argc == 5)
		put_image(argv[1], s, argv + 2);
	imagerepo_store_close(s);
	return 0;
}
