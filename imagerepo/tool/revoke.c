/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revoke: takes a version back. It is no target any more, so that no client
 * takes it; the maintainer's metadata says why. Channels that named it go back
 * to where they were, or end.
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

#define REVOKED    "x-nightshift-revoked"
#define REASON_MAX 200

struct revoke {
	struct change c;
	struct wanted w;
	const char *reason;
	int undo;
	char role[TUF_NAME], path[IMAGE_PATH];
};

/* The list in the maintainer's metadata; made if `make` is set. */
static json_t *revoked_list(struct revoke *r, int make)
{
	json_t *body = make ? meta_edit(r->c.m, r->role) : NULL;
	json_t *list = json_object_get(make ? body : meta_body(r->c.m, r->role),
				       REVOKED);

	if (list || !body)
		return list;
	list = json_array();
	return json_object_set_new(body, REVOKED, list) ? NULL : list;
}

static int find_entry(const json_t *list, const char *path, size_t *at)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		const char *p = json_string_value(json_object_get(e, "path"));

		if (p && !strcmp(p, path)) {
			*at = i;
			return 1;
		}
	}
	return 0;
}

/* A channel that named the version: to the one before, or gone. */
static int move_channel(struct revoke *r, const struct change_target *t,
			struct errinfo *err)
{
	const char *was =
		json_string_value(json_object_get(t->custom, "previous"));
	char image[IMAGE_NAME], channel[IMAGE_NAME], path[IMAGE_PATH];
	auto_free char *doc = NULL;
	struct change_target back;
	struct image_manifest m;
	int is_channel, moved, rc;

	if (target_split(t->path, image, channel, &is_channel))
		return errinfo_set(err, -EBADMSG, "bad target '%s'", t->path);
	if (was && parse_is_name(was))
		imagerepo_version_target(image, was, path);
	else
		was = NULL;
	if (!was || change_find(&r->c, r->role, path, &back, NULL)) {
		if (!r->c.quiet)
			printf("%s:%s ends: nothing was there before\n", image,
			       channel);
		return meta_delete(r->c.m, r->role, t->path, err);
	}
	rc = change_manifest(&r->c, &back, &m, &doc, err);
	if (!rc)
		rc = change_channel(&r->c, r->role, image, channel, &m, doc,
				    &moved, err);
	if (!rc && !r->c.quiet)
		printf("%s:%s is %s again\n", image, channel, m.version);
	return rc;
}

struct channels {
	const char *sha256, *image;
	struct change_target *list;
	size_t n;
};

/* Also after the change the borrowed custom must be valid: it is not looked
 * at once its channel has moved. */
static int collect(const char *role, const struct change_target *t, void *arg)
{
	char image[IMAGE_NAME], name[IMAGE_NAME];
	struct channels *ch = arg;
	struct change_target *more;
	int is_channel;

	(void)role;
	if (target_split(t->path, image, name, &is_channel) || !is_channel ||
	    strcmp(image, ch->image) != 0 || strcmp(t->sha256, ch->sha256) != 0)
		return 0;
	more = reallocarray(ch->list, ch->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	ch->list = more;
	more[ch->n] = *t;
	json_incref((json_t *)t->custom);
	ch->n++;
	return 0;
}

static int move_channels(struct revoke *r, const char *sha256, struct errinfo *err)
{
	struct channels ch = { .sha256 = sha256, .image = r->w.image };
	int rc = change_each(&r->c, collect, &ch);

	for (size_t i = 0; i < ch.n; i++) {
		if (!rc)
			rc = move_channel(r, &ch.list[i], err);
		json_decref((json_t *)ch.list[i].custom);
	}
	free(ch.list);
	return rc;
}

static int add_entry(struct revoke *r, const struct change_target *t,
		     struct errinfo *err)
{
	json_t *list = revoked_list(r, 1), *e;
	char iso[CLOCK_ISO];

	clock_format(r->c.now_ms, iso);
	e = json_pack("{s:s, s:s, s:I, s:s, s:s, s:O?}", "path", t->path,
		      "sha256", t->sha256, "length", (json_int_t)t->length,
		      "reason", r->reason, "at", iso, "custom", t->custom);
	if (!list || !e || json_array_append_new(list, e))
		return errinfo_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int revoke(struct revoke *r, struct errinfo *err)
{
	struct change_target t;
	size_t at;
	int rc = change_find(&r->c, r->role, r->path, &t, err);

	if (rc && find_entry(revoked_list(r, 0), r->path, &at))
		return errinfo_set(err, -EEXIST, "%s/%s is revoked already",
				   r->w.image, r->w.version);
	if (!rc)
		rc = add_entry(r, &t, err);
	if (!rc)
		rc = meta_delete(r->c.m, r->role, r->path, err);
	return rc ? rc : move_channels(r, t.sha256, err);
}

/* Only what is still there can come back. */
static int check_whole(struct revoke *r, const char *sha256, size_t length,
		       struct errinfo *err)
{
	auto_free char *doc = NULL;
	struct change_target t = { .length = length };
	struct image_manifest m;

	strcpy(t.path, r->path);
	strcpy(t.sha256, sha256);
	imagerepo_target_file(r->path, sha256, t.file);
	return change_manifest(&r->c, &t, &m, &doc, err);
}

static int undo(struct revoke *r, struct errinfo *err)
{
	json_t *list = revoked_list(r, 1), *e, *custom;
	const char *hex = NULL;
	json_int_t length = 0;
	size_t at;
	int rc;

	if (!find_entry(list, r->path, &at))
		return errinfo_set(err, -ENOENT, "%s/%s is not revoked",
				   r->w.image, r->w.version);
	e = json_array_get(list, at);
	custom = json_object_get(e, "custom");
	if (json_unpack(e, "{s:s, s:I}", "sha256", &hex, "length", &length) ||
	    !hash_is_hex(hex) || length <= 0)
		return errinfo_set(err, -EBADMSG, "bad metadata of %s", r->role);
	rc = check_whole(r, hex, (size_t)length, err);
	if (!rc)
		rc = meta_set(r->c.m, r->role, r->path, hex, (uint64_t)length,
			      custom, err);
	if (!rc)
		json_array_remove(list, at);
	return rc;
}

static int run(struct revoke *r, struct errinfo *err)
{
	int rc = change_open(&r->c, err);

	if (!rc)
		rc = meta_role_of(r->c.m, r->w.image, r->role, err);
	if (!rc)
		imagerepo_version_target(r->w.image, r->w.version, r->path);
	if (!rc)
		rc = r->undo ? undo(r, err) : revoke(r, err);
	if (!rc)
		rc = change_commit(&r->c, err);
	if (!rc && !r->c.quiet)
		printf("%s/%s %s%s\n", r->w.image, r->w.version,
		       r->c.dry_run ? "would be " : "is ",
		       r->undo ? "back" : "revoked");
	change_close(&r->c);
	return rc;
}

static int check_reason(const char *reason)
{
	if (!reason)
		return cmd_misuse("--reason is missing: one sentence");
	if (!*reason || strlen(reason) > REASON_MAX)
		return cmd_misuse("--reason: 1 to %d characters", REASON_MAX);
	for (const char *p = reason; *p; p++)
		if (*p < ' ' || *p > '~')
			return cmd_misuse("--reason: printable ASCII only");
	return 0;
}

int tool_revoke(int argc, char **argv, void *arg)
{
	static const struct option options[] = {
		CHANGE_OPTIONS,
		{ "reason", required_argument, NULL, 'm' },
		{ "undo", no_argument, NULL, 'U' },
		{ NULL, 0, NULL, 0 },
	};
	static struct revoke r = { .c = CHANGE_INIT };
	struct errinfo err = ERRINFO_INIT;
	int opt, rc = 0;

	(void)arg;
	while (!rc && (opt = getopt_long(argc, argv, CHANGE_SHORT "m:", options,
					 NULL)) != -1) {
		if (opt == 'm')
			r.reason = optarg;
		else if (opt == 'U')
			r.undo = 1;
		else
			rc = change_option(&r.c, opt, optarg);
	}
	if (rc)
		return rc == 1 ? cmd_misuse("see --help") : rc;
	if (argc - optind != 1 || wanted_parse(argv[optind], &r.w, &err) ||
	    !r.w.version[0])
		return cmd_misuse("name one IMAGE/VERSION");
	if (r.undo && r.reason)
		return cmd_misuse("either --undo or --reason");
	rc = change_check(&r.c);
	if (!rc && !r.undo)
		rc = check_reason(r.reason);
	if (rc)
		return rc;
	rc = run(&r, &err);
	return rc ? tool_fail(&err, rc) : CMD_EXIT_OK;
}
