/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish: blobs, then the manifest, then the channel. Whoever reads the
 * channel at any moment finds all that it leads to, also after a crash.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "draft.h"
#include "fileio.h"
#include "tool.h"

#define CHANNEL_DEFAULT "stable"
#define EXPIRES_DAYS    30

struct publish {
	const char *dir, *repo, *root_path, *channel;
	const char *key_paths[TOOL_KEYS_MAX];
	size_t n_keys;
	uint64_t expires_sec;
	int dry_run, quiet;

	struct trust_key keys[TOOL_KEYS_MAX];
	struct trust_root *root;
	char *root_doc;
	struct imagerepo_store *store; /* NULL: dry run, none there yet */
	struct imagerepo_manifest m;
	struct imagerepo_channel was; /* version 0: there is none */
	struct imagerepo_manifest was_m;
	int64_t now_ms;
	unsigned int added;
	uint64_t added_bytes;
};

static int load_image(struct publish *p, struct errinfo *err)
{
	auto_free struct image_draft *d = calloc(1, sizeof(*d));
	auto_free char *path = tool_join(p->dir, IMAGE_JSON);
	auto_free char *text = NULL;
	size_t len;
	int rc;

	if (!path || !d)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read(path, TRUST_DOC_MAX, &text, &len, err);
	if (rc)
		return errinfo_wrap(err, rc, "no built image");
	rc = imagerepo_draft_parse(text, len, d, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", path);
	strcpy(p->m.name, d->m.name);
	strcpy(p->m.version, d->m.version);
	strcpy(p->m.cmdline, d->m.cmdline);
	p->m.created_ms = p->m.expires_ms = d->m.created_ms;
	p->m.memory_min_mib = d->m.memory_min_mib;
	memcpy(&p->m.blob[IMAGEREPO_KERNEL], &d->m.kernel,
	       sizeof(d->m.kernel));
	memcpy(&p->m.blob[IMAGEREPO_INITRD], &d->m.initrd,
	       sizeof(d->m.initrd));
	strcpy(p->m.blob[IMAGEREPO_ROOT].sha256, d->root_sha256);
	p->m.blob[IMAGEREPO_ROOT].size = d->m.disk_size;
	return 0;
}

static int load_keys(struct publish *p, struct errinfo *err)
{
	for (size_t i = 0; i < p->n_keys; i++) {
		int rc = trust_key_load(p->key_paths[i], &p->keys[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

/* --root, or REPO/root.json, or root.json beside the first key. */
static char *find_root(const struct publish *p)
{
	auto_free char *in_repo = tool_join(p->repo, IMAGEREPO_ROOT_PATH);
	auto_free char *key = NULL;

	if (p->root_path)
		return strdup(p->root_path);
	if (in_repo && !access(in_repo, F_OK))
		return TAKE(in_repo);
	assert(p->n_keys);
	key = strdup(p->key_paths[0]);
	return key ? tool_join(dirname(key), IMAGEREPO_ROOT_PATH) : NULL;
}

static int load_root(struct publish *p, struct errinfo *err)
{
	auto_free char *path = find_root(p);
	size_t len;
	int rc;

	if (!path)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = fileio_read(path, TRUST_DOC_MAX, &p->root_doc, &len, err);
	if (rc)
		return errinfo_wrap(err, rc, "root document");
	rc = trust_root_load(p->root_doc, len, p->now_ms, &p->root, err);
	return rc ? errinfo_wrap(err, rc, "%s", path) : 0;
}

/* Signs and checks as a node would: keys that the root document does not name,
 * or too few of them, are found before anything is written. */
static int sign_manifest(struct publish *p, char **doc, char digest[HASH_HEX],
			 struct errinfo *err)
{
	struct imagerepo_manifest check;
	int rc;

	rc = imagerepo_manifest_make(&p->m, p->keys, p->n_keys, doc, err);
	if (rc)
		return rc;
	hash_bytes_hex(*doc, strlen(*doc), digest);
	rc = imagerepo_manifest_open(p->root, digest, *doc, strlen(*doc),
				     p->now_ms, &check, err);
	return rc ? errinfo_wrap(err, rc, "these keys cannot publish") : 0;
}

/* What the repository trusts changes only by its own word. */
static int put_root(struct publish *p, struct errinfo *err)
{
	auto_free char *old = NULL;
	struct trust_root *old_root;
	json_t *body = NULL;
	size_t len;
	int rc;

	rc = p->store ? imagerepo_store_get_doc(p->store, IMAGEREPO_ROOT_PATH,
						&old, &len, err)
		      : -ENOENT;
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && !strcmp(old, p->root_doc))
		return 0;
	if (!rc) {
		rc = trust_root_load(old, len, 0, &old_root, err);
		if (!rc) {
			rc = trust_verify(old_root, "root", "root", p->root_doc,
					  strlen(p->root_doc), 0, &body, err);
			trust_root_free(old_root);
		}
		json_decref(body);
		if (rc)
			return errinfo_wrap(
				err, rc,
				"%s has another root document, which does not "
				"accept this one",
				p->repo);
	}
	if (p->dry_run)
		return 0;
	return imagerepo_store_put_doc(p->store, IMAGEREPO_ROOT_PATH,
				       p->root_doc, err);
}

/* What the channel holds now. Expired is fine, damaged is not: its version
 * could not be told. */
static int read_channel(struct publish *p, struct errinfo *err)
{
	auto_free char *doc = NULL, *manifest = NULL;
	char path[IMAGEREPO_PATH];
	size_t len;
	int rc;

	if (!p->store)
		return 0;
	imagerepo_channel_path(p->m.name, p->channel, path);
	rc = imagerepo_store_get_doc(p->store, path, &doc, &len, err);
	if (rc == -ENOENT)
		return 0;
	if (!rc)
		rc = imagerepo_channel_open(p->root, p->m.name, p->channel, doc,
					    len, 0, &p->was, err);
	if (rc)
		return errinfo_wrap(err, rc,
				    "%s/%s is damaged; remove it and publish "
				    "again",
				    p->repo, path);
	imagerepo_manifest_path(p->was.manifest, path);
	if (imagerepo_store_get_doc(p->store, path, &manifest, &len, NULL) ||
	    imagerepo_manifest_open(p->root, p->was.manifest, manifest, len, 0,
				    &p->was_m, NULL))
		memset(&p->was_m, 0, sizeof(p->was_m));
	return 0;
}

static int same_content(const struct imagerepo_manifest *a,
			const struct imagerepo_manifest *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->version, b->version) ||
	    strcmp(a->cmdline, b->cmdline) != 0 ||
	    a->memory_min_mib != b->memory_min_mib)
		return 0;
	for (int i = 0; i < IMAGEREPO_ROLES; i++)
		if (a->blob[i].size != b->blob[i].size ||
		    strcmp(a->blob[i].sha256, b->blob[i].sha256) != 0)
			return 0;
	return 1;
}

/* Publishing twice changes nothing until half of the time has gone. */
static int is_current(const struct publish *p)
{
	int64_t half_ms = p->now_ms + (int64_t)p->expires_sec * 500;

	return p->was.version && same_content(&p->was_m, &p->m) &&
	       p->was.expires_ms > half_ms && p->was_m.expires_ms > half_ms;
}

static void show_copy(uint64_t done, uint64_t total, void *arg)
{
	fprintf(stderr, "\r  %-7s %3d %%", (const char *)arg,
		(int)(total ? done * 100 / total : 100));
}

static int put_blobs(struct publish *p, struct errinfo *err)
{
	int loud = !p->quiet && isatty(STDERR_FILENO);

	for (int i = 0; i < IMAGEREPO_ROLES; i++) {
		const struct imagerepo_blob *blob = &p->m.blob[i];
		const char *role = imagerepo_role_name(i);
		auto_free char *file = tool_join(p->dir, role);
		int added = 0, rc = 0;

		if (!blob->size)
			continue;
		if (!file)
			return errinfo_set(err, -ENOMEM, "out of memory");
		if (!p->dry_run)
			rc = imagerepo_store_put_blob(
				p->store, file, blob, &added,
				loud ? show_copy : NULL, (void *)role, err);
		else
			added = !p->store ||
				imagerepo_store_check_blob(p->store, blob, NULL);
		if (loud && added && !p->dry_run)
			fputs("\r", stderr);
		if (rc)
			return rc;
		p->added += (unsigned int)added;
		p->added_bytes += added ? blob->size : 0;
	}
	return 0;
}

static int put_documents(struct publish *p, const char *manifest,
			 const char *digest, struct errinfo *err)
{
	struct imagerepo_channel c = { .version = p->was.version + 1,
				       .expires_ms = p->m.expires_ms };
	auto_free char *doc = NULL;
	char path[IMAGEREPO_PATH];
	int rc;

	strcpy(c.image, p->m.name);
	strcpy(c.channel, p->channel);
	strcpy(c.image_version, p->m.version);
	strcpy(c.manifest, digest);
	rc = imagerepo_channel_make(&c, p->keys, p->n_keys, &doc, err);
	if (rc || p->dry_run)
		return rc;
	imagerepo_manifest_path(digest, path);
	rc = imagerepo_store_put_doc(p->store, path, manifest, err);
	if (rc)
		return rc;
	imagerepo_channel_path(c.image, c.channel, path);
	return imagerepo_store_put_doc(p->store, path, doc, err);
}

static void report(const struct publish *p, const char *digest, int current)
{
	char size[TOOL_SIZE], expires[CLOCK_ISO];

	clock_format(current ? p->was.expires_ms : p->m.expires_ms, expires);
	printf("%s%s:%s %s %s\n  manifest %s\n  %u blobs added (%s), expires "
	       "%s\n",
	       p->dry_run ? "would publish: " : "", p->m.name, p->channel,
	       current ? "is" : "->", p->m.version, digest, p->added,
	       tool_size(p->added_bytes, size), expires);
}

static int open_store(struct publish *p, struct errinfo *err)
{
	int rc;

	if (p->dry_run) {
		rc = imagerepo_store_open(p->repo, 0, &p->store, err);
		return rc == -ENOENT ? 0 : rc;
	}
	rc = imagerepo_store_open(p->repo, 1, &p->store, err);
	return rc ? rc : imagerepo_store_lock(p->store, err);
}

static int run_publish(struct publish *p, struct errinfo *err)
{
	auto_free char *manifest = NULL;
	char digest[HASH_HEX];
	int rc, current;

	rc = load_image(p, err);
	if (!rc)
		rc = load_keys(p, err);
	if (!rc)
		rc = load_root(p, err);
	if (rc)
		return rc;
	p->m.expires_ms = (p->now_ms / 1000 + (int64_t)p->expires_sec) * 1000;
	rc = sign_manifest(p, &manifest, digest, err);
	if (!rc)
		rc = open_store(p, err);
	if (!rc)
		rc = put_root(p, err);
	if (!rc)
		rc = read_channel(p, err);
	if (!rc)
		rc = put_blobs(p, err);
	if (rc)
		return rc;
	current = is_current(p);
	if (!current)
		rc = put_documents(p, manifest, digest, err);
	if (!rc)
		report(p, current ? p->was.manifest : digest, current);
	return rc;
}

static int parse_options(int argc, char **argv, struct publish *p)
{
	static const struct option options[] = {
		{ "repo", required_argument, NULL, 'r' },
		{ "key", required_argument, NULL, 'k' },
		{ "root", required_argument, NULL, 'R' },
		{ "channel", required_argument, NULL, 'c' },
		{ "expires", required_argument, NULL, 'e' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "r:k:R:c:e:nq", options, NULL)) !=
	       -1) {
		if (c == 'r')
			p->repo = optarg;
		else if (c == 'R')
			p->root_path = optarg;
		else if (c == 'c')
			p->channel = optarg;
		else if (c == 'n')
			p->dry_run = 1;
		else if (c == 'q')
			p->quiet = 1;
		else if (c == 'e' && parse_duration(optarg, &p->expires_sec))
			return cmd_misuse("'%s' is no time such as 30d", optarg);
		else if (c == 'k' && p->n_keys == TOOL_KEYS_MAX)
			return cmd_misuse("more than %d keys", TOOL_KEYS_MAX);
		else if (c == 'k')
			p->key_paths[p->n_keys++] = optarg;
		else if (c == '?')
			return cmd_misuse("see --help");
	}
	if (argc - optind != 1 || !p->repo || !p->n_keys)
		return cmd_misuse("name one built image, --repo and --key");
	if (!parse_is_name(p->channel))
		return cmd_misuse("'%s' is not a name", p->channel);
	if (!p->expires_sec)
		return cmd_misuse("--expires 0 would be over at once");
	p->dir = argv[optind];
	return 0;
}

int tool_publish(int argc, char **argv, void *arg)
{
	static struct publish p = { .channel = CHANNEL_DEFAULT,
				    .expires_sec = EXPIRES_DAYS * 86400 };
	struct errinfo err = ERRINFO_INIT;
	int rc;

	(void)arg;
	rc = parse_options(argc, argv, &p);
	if (rc)
		return rc;
	p.now_ms = clock_unix_ms();
	rc = run_publish(&p, &err);
	for (size_t i = 0; i < p.n_keys; i++)
		trust_key_wipe(&p.keys[i]);
	imagerepo_store_close(p.store);
	trust_root_free(p.root);
	free(p.root_doc);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
