/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: the command. A side is an image of a repository or a directory that
 * `imagerepo build` made.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blobset.h"
#include "cleanup.h"
#include "cmd.h"
#include "diff.h"
#include "draft.h"
#include "fileio.h"
#include "tool.h"
#include "view.h"

#define CONTENTS_FILE "contents"

static int load_dir(const char *dir, struct diff_side *s, struct errinfo *err)
{
	auto_free char *list = tool_join(dir, CONTENTS_FILE);
	auto_free char *contents = NULL;
	auto_free struct image_draft *d = calloc(1, sizeof(*d));
	size_t len;
	int rc;

	if (!list || !d)
		return errinfo_set(err, -ENOMEM, "out of memory");
	rc = imagerepo_draft_load(dir, d, err);
	if (rc)
		return rc;
	s->m = d->m;
	if (!d->m.contents.size)
		return 0;
	rc = fileio_read(list, CONTENTS_MAX, &contents, &len, err);
	if (!rc)
		rc = imagerepo_contents_parse(contents, len, &s->contents, err);
	return rc ? errinfo_wrap(err, rc, "%s", list) : 0;
}

static int load_contents(struct fetch *f, struct diff_side *s, struct errinfo *err)
{
	auto_free char *doc = NULL;
	char path[IMAGE_PATH], hex[HASH_HEX];
	size_t len;
	int rc;

	if (!s->m.contents.size)
		return 0;
	imagerepo_blob_file(s->m.contents.sha256, path);
	rc = fetch_doc(f, path, s->m.contents.size, &doc, &len, err);
	if (rc == -ENOENT) /* a mirror leaves them out */
		return 0;
	if (rc)
		return rc;
	hash_bytes_hex(doc, len, hex);
	if (strcmp(hex, s->m.contents.sha256) != 0)
		return errinfo_set(err, -EBADMSG, "%s is damaged", path);
	rc = imagerepo_contents_parse(doc, len, &s->contents, err);
	return rc ? errinfo_wrap(err, rc, "%s", path) : 0;
}

static int load_image(const struct view *v, const char *word,
		      struct diff_side *s, struct errinfo *err)
{
	const struct tuf_target *t;
	struct wanted w;
	int rc = wanted_parse(word, &w, err);

	if (!rc)
		rc = wanted_find(&w, v->c, &t, err);
	if (!rc)
		rc = follow_manifest(v->from, t, NULL, NULL, &s->m, err);
	if (rc)
		return rc;
	strcpy(s->manifest, t->sha256);
	rc = load_contents(v->from, s, err);
	if (!rc)
		rc = blobset_index(v->from, &s->m.index, &s->index, err);
	return rc ? errinfo_wrap(err, rc, "%s", word) : 0;
}

static int is_dir(const char *word)
{
	auto_free char *draft = tool_join(word, DRAFT_FILE);

	return draft && !access(draft, F_OK);
}

static int load_side(const struct view_how *how, struct view *v,
		     const char *word, struct diff_side *s, struct errinfo *err)
{
	int rc = 0;

	if (is_dir(word)) {
		rc = load_dir(word, s, err);
	} else {
		if (!v->c)
			rc = view_open(how, v, err);
		if (!rc)
			rc = load_image(v, word, s, err);
	}
	strcpy(s->name, s->m.name);
	strcpy(s->version, s->m.version);
	return rc;
}

int tool_diff(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		VIEW_OPTIONS,
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	struct errinfo err = ERRINFO_INIT;
	struct diff_side side[2] = { 0 };
	struct view_how how = { 0 };
	struct view v = { 0 };
	int c, rc, json = 0, all = 0;

	(void)arg;
	while ((c = getopt_long(argc, argv, VIEW_SHORT "ja", options, NULL)) !=
	       -1) {
		rc = view_option(&how, c, optarg);
		if (rc == 1 && c == 'j')
			json = 1;
		else if (rc == 1 && c == 'a')
			all = 1;
		else if (rc)
			return rc == 1 ? cmd_misuse("see --help") : rc;
	}
	if (argc - optind != 2)
		return cmd_misuse("name two images, or directories");
	rc = view_defaults(&how);
	if (rc)
		return rc;
	for (int i = 0; i < 2 && !rc; i++)
		rc = load_side(&how, &v, argv[optind + i], &side[i], &err);
	if (!rc) {
		json_t *diff = diff_make(&side[0], &side[1]);

		if (json) {
			json_dumpf(diff, stdout, JSON_INDENT(1));
			putchar('\n');
		} else {
			diff_print(diff, all);
		}
		json_decref(diff);
	}
	for (int i = 0; i < 2; i++)
		diff_side_dispose(&side[i]);
	view_close(&v);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
