/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel set, channel rollback: which version a channel names.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "cleanup.h"
#include "cmd.h"
#include "follow.h"
#include "tool.h"

static int point(struct change *c, const char *role, const struct wanted *w,
		 const char *version, struct errinfo *err)
{
	auto_free char *doc = NULL;
	char path[IMAGE_PATH];
	struct change_target t;
	struct image_manifest m;
	int moved, rc;

	imagerepo_version_target(w->image, version, path);
	rc = change_find(c, role, path, &t, err);
	if (!rc)
		rc = change_manifest(c, &t, &m, &doc, err);
	if (!rc)
		rc = change_channel(c, role, w->image, w->channel, &m, doc,
				    &moved, err);
	if (!rc)
		rc = change_commit(c, err);
	if (!rc && !c->quiet)
		printf("%s:%s %s %s\n", w->image, w->channel,
		       c->dry_run ? "would be"
		       : moved    ? "is now"
				  : "is already",
		       version);
	return rc;
}

/* The version that the channel named before. */
static int previous(struct change *c, const char *role, const struct wanted *w,
		    char out[IMAGE_NAME], struct errinfo *err)
{
	char path[IMAGE_PATH];
	struct change_target t;
	const char *was;
	int rc;

	imagerepo_channel_target(w->image, w->channel, path);
	rc = change_find(c, role, path, &t, err);
	if (rc)
		return rc;
	was = json_string_value(json_object_get(t.custom, "previous"));
	if (!was || !parse_is_name(was))
		return errinfo_set(err, -ENOENT,
				   "%s:%s was nowhere else before: use "
				   "'channel set'",
				   w->image, w->channel);
	strcpy(out, was);
	return 0;
}

static int run(struct change *c, const struct wanted *w, const char *version,
	       struct errinfo *err)
{
	char role[TUF_NAME], was[IMAGE_NAME];
	int rc = change_open(c, err);

	if (!rc)
		rc = meta_role_of(c->m, w->image, role, err);
	if (!rc && !version)
		rc = previous(c, role, w, was, err);
	if (!rc)
		rc = point(c, role, w, version ? version : was, err);
	change_close(c);
	return rc;
}

static int move(int argc, char **argv, int rollback)
{
	static const struct option options[] = {
		CHANGE_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	static struct change c = CHANGE_INIT;
	struct errinfo err = ERRINFO_INIT;
	struct wanted w;
	int opt, rc = 0;

	while (!rc &&
	       (opt = getopt_long(argc, argv, CHANGE_SHORT, options, NULL)) != -1)
		rc = change_option(&c, opt, optarg);
	if (rc)
		return rc == 1 ? cmd_misuse("see --help") : rc;
	if (argc - optind != (rollback ? 1 : 2))
		return cmd_misuse(rollback ? "name one IMAGE:CHANNEL"
					   : "name IMAGE:CHANNEL and VERSION");
	if (wanted_parse(argv[optind], &w, &err) || !w.channel[0])
		return cmd_misuse("'%s' is not of the form IMAGE:CHANNEL",
				  argv[optind]);
	if (!rollback && !parse_is_name(argv[optind + 1]))
		return cmd_misuse("'%s' is no version", argv[optind + 1]);
	rc = change_check(&c);
	if (rc)
		return rc;
	rc = run(&c, &w, rollback ? NULL : argv[optind + 1], &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}

int tool_channel_set(int argc, char **argv, void *arg)
{
	(void)arg;
	return move(argc, argv, 0);
}

int tool_channel_rollback(int argc, char **argv, void *arg)
{
	(void)arg;
	return move(argc, argv, 1);
}
