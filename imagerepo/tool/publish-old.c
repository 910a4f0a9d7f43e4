/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish: the images that deltas lead from. The first of them is also the one
 * whose bundle is inherited.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "follow.h"
#include "publish.h"

#define STABLE "stable"

static int add(struct publish *p, const struct change_target *t,
	       struct errinfo *err)
{
	struct publish_old *o = &p->old[p->n_old];
	int rc;

	for (int i = 0; i < p->n_old; i++)
		if (!strcmp(p->old[i].sha256, t->sha256))
			return 0;
	if (p->n_old == IMAGE_DELTAS_MAX)
		return errinfo_set(err, -E2BIG, "more than %d older images",
				   IMAGE_DELTAS_MAX);
	rc = change_manifest(&p->c, t, &o->m, NULL, err);
	if (rc)
		return errinfo_wrap(err, rc, "older image");
	strcpy(o->sha256, t->sha256);
	/* Not from itself. */
	p->n_old += strcmp(o->m.name, p->m.name) != 0 ||
		    strcmp(o->m.version, p->m.version) != 0;
	return 0;
}

static int add_channel(struct publish *p, const char *channel, struct errinfo *err)
{
	char path[IMAGE_PATH];
	struct change_target t;

	imagerepo_channel_target(p->m.name, channel, path);
	if (change_find(&p->c, p->role, path, &t, NULL))
		return 0;
	return add(p, &t, err);
}

static int add_word(struct publish *p, const char *word, struct errinfo *err)
{
	char path[IMAGE_PATH], role[TUF_NAME];
	struct change_target t;
	struct wanted w = { 0 };
	int rc = wanted_parse(word, &w, err);

	if (!rc && !w.channel[0] && !w.version[0])
		rc = errinfo_set(err, -EINVAL,
				 "--delta-from: name IMAGE:CHANNEL or "
				 "IMAGE/VERSION");
	if (!rc)
		rc = meta_role_of(p->c.m, w.image, role, err);
	if (rc)
		return rc;
	if (w.version[0])
		imagerepo_version_target(w.image, w.version, path);
	else
		imagerepo_channel_target(w.image, w.channel, path);
	rc = change_find(&p->c, role, path, &t, err);
	return rc ? rc : add(p, &t, err);
}

struct search {
	const char *sha256;
	struct change_target found;
};

static int match(const char *role, const struct change_target *t, void *arg)
{
	struct search *s = arg;

	(void)role;
	if (strcmp(t->sha256, s->sha256) != 0)
		return 0;
	s->found = *t;
	return 1;
}

/* Those that make the same bundle and deltas again. */
static int add_published(struct publish *p, struct errinfo *err)
{
	int rc = 0;

	for (int i = 0; i < p->published.n_deltas && !rc; i++) {
		struct search s = { .sha256 = p->published.delta[i].from };

		if (change_each(&p->c, match, &s) == 1)
			rc = add(p, &s.found, err);
	}
	return rc;
}

int publish_find_old(struct publish *p, struct errinfo *err)
{
	int rc = 0;

	if (p->repair)
		return add_published(p, err);
	for (int i = 0; i < p->n_delta_from && !rc; i++)
		rc = add_word(p, p->delta_from[i], err);
	if (p->n_delta_from)
		return rc;
	/* What those have who try it, and what all have. */
	rc = add_channel(p, p->channel, err);
	return rc ? rc : add_channel(p, STABLE, err);
}
