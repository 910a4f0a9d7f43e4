/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "cmd.h"
#include "tool.h"
#include "view.h"

int view_option(struct view_how *how, int c, const char *arg)
{
	switch (c) {
	case 'r':
		how->repo = arg;
		return 0;
	case 'u':
		how->url = arg;
		return 0;
	case 'R':
		how->root_file = arg;
		return 0;
	case 'A':
		return tool_parse_at(arg, &how->at_ms);
	default:
		return 1;
	}
}

int view_defaults(struct view_how *how)
{
	if (how->repo && how->url)
		return cmd_misuse("either --repo or --url");
	if (!how->repo && !how->url)
		how->repo = ".";
	return 0;
}

int view_open(const struct view_how *how, struct view *v, struct errinfo *err)
{
	const struct fetch_config config = { .where = how->url ? how->url
							       : how->repo };
	struct follow follow = { .root_file = how->root_file };
	int rc;

	*v = (struct view){ .now_ms = how->at_ms ? how->at_ms : clock_unix_ms() };
	rc = fetch_open(&config, &v->from, err);
	if (rc)
		return rc;
	follow.from = v->from;
	follow.now_ms = v->now_ms;
	rc = follow_run(&follow, &v->c, err);
	if (rc)
		view_close(v);
	return rc;
}

void view_close(struct view *v)
{
	tuf_client_free(v->c);
	fetch_close(v->from);
	v->c = NULL;
	v->from = NULL;
}

const char *view_custom(const struct tuf_target *t, const char *member)
{
	return json_string_value(json_object_get(t->custom, member));
}
