/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "cleanup.h"
#include "cmd.h"
#include "tool.h"

static int set_time(const char *option, const char *arg, uint64_t *sec)
{
	return parse_duration(arg, sec)
		       ? cmd_misuse("--%s: '%s' is no time such as 7d", option,
				    arg)
		       : 0;
}

int change_option(struct change *c, int opt, const char *arg)
{
	switch (opt) {
	case 'r':
		c->repo = arg;
		return 0;
	case 'k':
		c->keys_dir = arg;
		return 0;
	case 'R':
		c->root_file = arg;
		return 0;
	case 1:
		return set_time("timestamp-expires", arg,
				&c->times.timestamp_sec);
	case 2:
		return set_time("snapshot-expires", arg, &c->times.snapshot_sec);
	case 3:
		return set_time("targets-expires", arg, &c->times.targets_sec);
	case 'n':
		c->dry_run = 1;
		return 0;
	case 'q':
		c->quiet = 1;
		return 0;
	default:
		return 1;
	}
}

int change_check(const struct change *c)
{
	if (!c->repo)
		return cmd_misuse("--repo is missing: the repository's "
				  "directory");
	if (!c->keys_dir)
		return cmd_misuse("--keys is missing: the directory of your "
				  "keys");
	return 0;
}

/* Whoever changes blobs and metadata locks the blobs first. A keyless change
 * (gc) makes no repository. */
static int open_repo(struct change *c, struct errinfo *err)
{
	int rc = imagerepo_repo_open(c->repo, c->keys_dir && !c->dry_run, &c->r,
				     err);

	if (rc == -ENOENT && c->keys_dir && c->dry_run) {
		c->r = NULL;
		return 0;
	}
	if (!rc && !c->dry_run)
		rc = imagerepo_repo_lock(c->r, err);
	return rc;
}

int change_open(struct change *c, struct errinfo *err)
{
	struct meta_how how = { .repo = c->repo,
				.seed = c->keys_dir,
				.root = c->root_file,
				.write = !c->dry_run };
	int rc = 0;

	c->now_ms = clock_unix_ms();
	if (c->keys_dir)
		rc = meta_keys_load(c->keys_dir, &c->keys, err);
	if (!rc)
		rc = open_repo(c, err);
	if (!rc)
		rc = meta_open(&how, &c->m, err);
	return rc;
}

void change_close(struct change *c)
{
	meta_close(c->m);
	c->m = NULL;
	imagerepo_repo_close(c->r);
	c->r = NULL;
	meta_keys_wipe(&c->keys);
}

/* Whether a role's document has lived for half of its time. */
static int is_due(const struct change *c, const char *role, uint64_t sec)
{
	const json_t *body = meta_body(c->m, role);
	const char *expires = json_string_value(json_object_get(body, "expires"));
	int64_t ms;

	if (!expires || clock_parse(expires, &ms))
		return 0;
	return ms - c->now_ms < (int64_t)sec * 500;
}

static int can_sign(const struct change *c, const char *role)
{
	struct errinfo why = ERRINFO_INIT;
	struct meta_how how = { .repo = c->repo,
				.seed = c->keys_dir,
				.root = c->root_file };
	struct meta *m = NULL;
	int rc = meta_open(&how, &m, &why);

	if (!rc && !meta_edit(m, role))
		rc = -ENOMEM;
	if (!rc)
		rc = meta_commit(m, &c->keys, &c->times, c->now_ms, 1, &why);
	meta_close(m);
	return !rc;
}

static int renew_due(struct change *c, struct errinfo *err)
{
	const char *role;
	int rc = 0;

	if (is_due(c, "timestamp", c->times.timestamp_sec))
		rc = meta_renew(c->m, "timestamp");
	if (!rc && is_due(c, "snapshot", c->times.snapshot_sec))
		rc = meta_renew(c->m, "snapshot");
	/* Other maintainers sign for themselves. */
	for (size_t i = 0; (role = meta_role(c->m, i)) && !rc; i++)
		if (is_due(c, role, c->times.targets_sec) &&
		    can_sign(c, role) && !meta_edit(c->m, role))
			rc = -ENOMEM;
	return rc ? errinfo_set(err, rc, "cannot renew the metadata") : 0;
}

int change_commit(struct change *c, struct errinfo *err)
{
	int rc = renew_due(c, err);

	if (rc)
		return rc;
	return meta_commit(c->m, &c->keys, &c->times, c->now_ms, c->dry_run, err);
}

static int read_target(const char *path, const json_t *t,
		       struct change_target *out)
{
	const char *hex = NULL;
	json_int_t length = 0;

	if (json_unpack((json_t *)t, "{s:I, s:{s:s}}", "length", &length,
			"hashes", "sha256", &hex) ||
	    !hash_is_hex(hex) || length < 0 || strlen(path) >= IMAGE_PATH)
		return -EBADMSG;
	strcpy(out->path, path);
	strcpy(out->sha256, hex);
	out->length = (uint64_t)length;
	out->custom = json_object_get(t, "custom");
	imagerepo_target_file(path, hex, out->file);
	return 0;
}

int change_find(const struct change *c, const char *role, const char *path,
		struct change_target *out, struct errinfo *err)
{
	const json_t *t = meta_target(c->m, role, path);
	int rc;

	if (!t)
		return errinfo_set(err, -ENOENT,
				   "%s is not in the repository (not "
				   "published, or revoked)",
				   path);
	rc = read_target(path, t, out);
	return rc ? errinfo_set(err, rc, "%s: bad metadata", path) : 0;
}

int change_manifest(const struct change *c, const struct change_target *t,
		    struct image_manifest *m, char **doc, struct errinfo *err)
{
	auto_free char *text = NULL;
	char hex[HASH_HEX];
	size_t len;
	int rc;

	if (!c->r)
		return errinfo_set(err, -ENOENT, "no repository %s", c->repo);
	rc = imagerepo_repo_get_doc(c->r, t->file, IMAGE_MAX, &text, &len, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s", c->repo);
	hash_bytes_hex(text, len, hex);
	if (strcmp(hex, t->sha256) != 0)
		return errinfo_set(err, -EBADMSG,
				   "%s/%s is damaged: restore it from a mirror",
				   c->repo, t->file);
	rc = imagerepo_image_parse(text, len, m, err);
	if (rc)
		return errinfo_wrap(err, rc, "%s/%s", c->repo, t->file);
	if (doc)
		*doc = TAKE(text);
	return 0;
}

/* Version that a channel's target names. */
static const char *version_of(const struct change_target *t)
{
	return json_string_value(json_object_get(t->custom, "version"));
}

int change_channel(struct change *c, const char *role, const char *image,
		   const char *channel, const struct image_manifest *m,
		   const char *doc, int *moved, struct errinfo *err)
{
	char path[IMAGE_PATH], file[IMAGE_PATH], hex[HASH_HEX], iso[CLOCK_ISO];
	struct change_target was = { .custom = NULL };
	json_t *custom;
	int rc;

	imagerepo_channel_target(image, channel, path);
	hash_bytes_hex(doc, strlen(doc), hex);
	*moved = 1;
	if (!change_find(c, role, path, &was, NULL) && !strcmp(was.sha256, hex)) {
		*moved = 0;
		return 0;
	}
	clock_format(c->now_ms, iso);
	custom = json_pack("{s:s, s:s, s:s?}", "moved", iso, "version",
			   m->version, "previous", version_of(&was));
	imagerepo_target_file(path, hex, file);
	rc = c->dry_run
		     ? 0
		     : imagerepo_repo_put_doc(c->r, file, doc, strlen(doc), err);
	if (!rc)
		rc = meta_set(c->m, role, path, hex, strlen(doc), custom, err);
	json_decref(custom);
	return rc;
}

int change_each(const struct change *c, change_fn fn, void *arg)
{
	const char *role;
	int rc = 0;

	for (size_t i = 0; (role = meta_role(c->m, i)) && !rc; i++) {
		json_t *targets =
			json_object_get(meta_body(c->m, role), "targets");
		const char *path;
		json_t *t;

		json_object_foreach(targets, path, t)
		{
			struct change_target out;

			rc = read_target(path, t, &out);
			if (!rc)
				rc = fn(role, &out, arg);
			if (rc)
				break;
		}
	}
	return rc;
}

struct keep_list {
	struct imagerepo_keep *list;
	size_t n;
};

static int add_keep(const char *role, const struct change_target *t, void *arg)
{
	struct keep_list *k = arg;
	struct imagerepo_keep *more;

	(void)role;
	more = reallocarray(k->list, k->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	k->list = more;
	strcpy(more[k->n].sha256, t->sha256);
	strcpy(more[k->n].file, t->file);
	k->n++;
	return 0;
}

int change_keep(const struct change *c, struct imagerepo_keep **out, size_t *n,
		struct errinfo *err)
{
	struct keep_list k = { 0 };
	int rc = change_each(c, add_keep, &k);

	if (rc) {
		free(k.list);
		return errinfo_set_errno(err, rc, "metadata");
	}
	*out = k.list;
	*n = k.n;
	return 0;
}
