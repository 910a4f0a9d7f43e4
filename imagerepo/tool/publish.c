/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish: blobs, then manifests, then metadata up to timestamp.json. Whoever
 * reads the repository at any moment finds all that it is led to, also after a
 * crash.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "cleanup.h"
#include "cmd.h"
#include "draft.h"
#include "fileio.h"
#include "publish.h"
#include "tool.h"

static int load_draft(struct publish *p, struct errinfo *err)
{
	int rc = imagerepo_draft_load(p->dir, &p->draft, err);

	p->m = p->draft.m;
	return rc;
}

/* Keys that may not sign this image are found before hours of work. */
static int check_keys(struct publish *p, struct errinfo *err)
{
	struct meta_how how = { .repo = p->c.repo,
				.seed = p->c.keys_dir,
				.root = p->c.root_file };
	char path[IMAGE_PATH];
	struct meta *m = NULL;
	int rc = meta_open(&how, &m, err);

	imagerepo_version_target(p->m.name, p->m.version, path);
	if (!rc)
		rc = meta_set(m, p->role, path, p->draft.root_sha256, 1, NULL,
			      err);
	if (!rc)
		rc = meta_commit(m, &p->c.keys, &p->c.times, p->c.now_ms, 1, err);
	meta_close(m);
	return rc ? errinfo_wrap(err, rc, "these keys cannot publish %s",
				 p->m.name)
		  : 0;
}

static int same_blob(const struct image_blob *a, const struct image_blob *b)
{
	return a->size == b->size && !strcmp(a->sha256, b->sha256);
}

static int same_content(const struct publish *p, const struct image_manifest *m,
			const struct change_target *t)
{
	const char *disk = json_string_value(json_object_get(t->custom, "disk"));

	return !strcmp(m->cmdline, p->m.cmdline) &&
	       m->memory_min_mib == p->m.memory_min_mib &&
	       same_blob(&m->kernel, &p->m.kernel) &&
	       same_blob(&m->initrd, &p->m.initrd) &&
	       same_blob(&m->contents, &p->m.contents) &&
	       m->disk_size == p->m.disk_size &&
	       (!disk || !strcmp(disk, p->draft.root_sha256));
}

static int is_there(const struct image_blob *b, void *arg)
{
	return imagerepo_repo_has(arg, b) ? 0 : 1;
}

static int is_whole(const struct publish *p, const struct image_manifest *m)
{
	return !imagerepo_repo_each(p->c.r, m, 1, is_there, p->c.r, NULL);
}

/* 1: this version is published and whole; p->m and p->doc are what is. */
static int find_published(struct publish *p, struct errinfo *err)
{
	char path[IMAGE_PATH];
	struct image_manifest m;
	struct change_target t;
	auto_free char *doc = NULL;
	int rc;

	imagerepo_version_target(p->m.name, p->m.version, path);
	if (change_find(&p->c, p->role, path, &t, NULL))
		return 0;
	rc = change_manifest(&p->c, &t, &m, &doc, err);
	if (rc)
		return rc;
	if (!same_content(p, &m, &t))
		return errinfo_set(err, -EEXIST,
				   "%s %s is published with other content: "
				   "versions never change; build it anew as "
				   "another version",
				   m.name, m.version);
	strcpy(p->was_sha256, t.sha256);
	if (!is_whole(p, &m)) {
		/* What the directory has as it is needs no cutting. */
		rc = p->c.dry_run ? 0 : publish_files(p, err);
		if (rc)
			return rc;
	}
	if (!is_whole(p, &m)) {
		p->repair = 1;
		p->published = m;
		return 0;
	}
	p->m = m;
	p->doc = TAKE(doc);
	return 1;
}

static int put_version(struct publish *p, struct errinfo *err)
{
	char path[IMAGE_PATH], file[IMAGE_PATH], hex[HASH_HEX], iso[CLOCK_ISO];
	json_t *custom;
	int rc;

	imagerepo_version_target(p->m.name, p->m.version, path);
	hash_bytes_hex(p->doc, strlen(p->doc), hex);
	if (p->repair && strcmp(hex, p->was_sha256) != 0)
		return errinfo_set(err, -EEXIST,
				   "%s %s has lost blobs and cannot be made "
				   "again bit by bit: restore them from a "
				   "mirror, or build another version",
				   p->m.name, p->m.version);
	if (p->repair)
		return 0;
	clock_format(p->m.created_ms, iso);
	custom = json_pack("{s:s, s:s}", "created", iso, "disk",
			   p->draft.root_sha256);
	imagerepo_target_file(path, hex, file);
	rc = imagerepo_repo_put_doc(p->c.r, file, p->doc, strlen(p->doc), err);
	if (!rc)
		rc = meta_set(p->c.m, p->role, path, hex, strlen(p->doc),
			      custom, err);
	json_decref(custom);
	return rc;
}

static void print_result(const struct publish *p, int was_there, int moved)
{
	char fresh[TOOL_SIZE], update[TOOL_SIZE], bundle[TOOL_SIZE];
	const struct imagerepo_publish_stats *s = &p->stats;

	if (was_there)
		printf("%s %s is published already\n", p->m.name, p->m.version);
	else
		printf("%s %s: %u chunks, %u new in %u packs (%s); bundle %s; "
		       "update %s\n",
		       p->m.name, p->m.version, s->chunks, s->new_chunks,
		       s->new_packs, tool_size(s->new_bytes, fresh),
		       p->m.bundle.size ? tool_size(p->m.bundle.size, bundle)
					: "none",
		       p->n_old ? tool_size(s->update_bytes, update) : "none");
	if (moved)
		printf("%s:%s is %s now\n", p->m.name, p->channel, p->m.version);
}

static int dry_run(struct publish *p, struct errinfo *err)
{
	int rc = p->c.r ? find_published(p, err) : 0;

	if (rc < 0)
		return rc;
	if (!rc)
		rc = p->c.r ? publish_find_old(p, err) : 0;
	if (rc < 0)
		return rc;
	printf("would %s %s %s as %s:%s", p->doc ? "keep" : "publish",
	       p->m.name, p->m.version, p->m.name, p->channel);
	for (int i = 0; i < p->n_old && !p->no_delta; i++)
		printf(", with a delta from %s %s", p->old[i].m.name,
		       p->old[i].m.version);
	putchar('\n');
	return 0;
}

static int publish(struct publish *p, struct errinfo *err)
{
	int was_there, moved = 0, rc;

	was_there = find_published(p, err);
	if (was_there < 0)
		return was_there;
	rc = was_there ? 0 : publish_find_old(p, err);
	if (!rc && !was_there)
		rc = publish_blobs(p, err);
	if (!rc && !was_there)
		rc = put_version(p, err);
	if (!rc)
		rc = change_channel(&p->c, p->role, p->m.name, p->channel,
				    &p->m, p->doc, &moved, err);
	if (!rc)
		rc = change_commit(&p->c, err);
	if (!rc && !p->c.quiet)
		print_result(p, was_there, moved);
	return rc;
}

static int run(struct publish *p, struct errinfo *err)
{
	int rc = load_draft(p, err);

	if (!rc)
		rc = change_open(&p->c, err);
	if (!rc)
		rc = meta_role_of(p->c.m, p->m.name, p->role, err);
	if (!rc)
		rc = check_keys(p, err);
	if (!rc)
		rc = p->c.dry_run ? dry_run(p, err) : publish(p, err);
	change_close(&p->c);
	free(p->doc);
	return rc;
}

static int set_option(struct publish *p, int c)
{
	switch (c) {
	case 'c':
		p->channel = optarg;
		return parse_is_name(optarg)
			       ? 0
			       : cmd_misuse("'%s' is no name of a channel",
					    optarg);
	case 'l':
		return parse_int(optarg, 1, 19, &p->level)
			       ? cmd_misuse("--level: '%s' is not 1 to 19", optarg)
			       : 0;
	case 'd':
		if (p->n_delta_from == IMAGE_DELTAS_MAX)
			return cmd_misuse("more than %d times --delta-from",
					  IMAGE_DELTAS_MAX);
		p->delta_from[p->n_delta_from++] = optarg;
		return 0;
	case 'D':
		p->no_delta = 1;
		return 0;
	case 'B':
		p->no_bundle = 1;
		return 0;
	default:
		return change_option(&p->c, c, optarg);
	}
}

int tool_publish(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		CHANGE_OPTIONS,
		{ "channel", required_argument, NULL, 'c' },
		{ "level", required_argument, NULL, 'l' },
		{ "delta-from", required_argument, NULL, 'd' },
		{ "no-delta", no_argument, NULL, 'D' },
		{ "no-bundle", no_argument, NULL, 'B' },
		{ NULL, 0, NULL, 0 },
	};
	static struct publish p = { .c = CHANGE_INIT, .channel = "stable" };
	struct errinfo err = ERRINFO_INIT;
	int c, rc = 0;

	(void)arg;
	while (!rc && (c = getopt_long(argc, argv, CHANGE_SHORT "c:l:", options,
				       NULL)) != -1)
		rc = set_option(&p, c);
	if (rc)
		return rc == 1 ? cmd_misuse("see --help") : rc;
	if (argc - optind != 1)
		return cmd_misuse("name the directory of one built image");
	if (p.no_delta && p.n_delta_from)
		return cmd_misuse("either --delta-from or --no-delta");
	p.dir = argv[optind];
	rc = change_check(&p.c);
	if (rc)
		return rc;
	rc = run(&p, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
