/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata of a repository: what it says, and changes in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "meta-private.h"
#include "parse.h"

/* ---- what there is ---------------------------------------------------------- */

struct meta_part *meta_part(struct meta *m, const char *role)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (!strcmp(m->part[i].name, role))
			return &m->part[i];
	return NULL;
}

const json_t *meta_body(const struct meta *m, const char *role)
{
	const struct meta_part *p = meta_part((struct meta *)m, role);

	if (!strcmp(role, "root"))
		return m->root_body;
	return p ? p->body : NULL;
}

const char *meta_root(const struct meta *m, size_t *len)
{
	*len = m->root_len;
	return m->root_doc;
}

static const json_t *delegated(const struct meta *m)
{
	return json_object_get(
		json_object_get(meta_body(m, META_TARGETS_ROLE), "delegations"),
		"roles");
}

const char *meta_role(const struct meta *m, size_t i)
{
	return json_string_value(
		json_object_get(json_array_get(delegated(m), i), "name"));
}

int meta_role_of(const struct meta *m, const char *image, char role[TUF_NAME],
		 struct errinfo *err)
{
	char path[TUF_PATH];
	json_t *d, *pattern;
	size_t i, j;

	if (!parse_is_name(image))
		return errinfo_set(err, -EINVAL, "no name of an image: %s",
				   image);
	snprintf(path, sizeof(path), "%s/1.json", image);
	json_array_foreach((json_t *)delegated(m), i, d)
	{
		json_array_foreach(json_object_get(d, "paths"), j, pattern)
		{
			if (!tuf_path_matches(json_string_value(pattern), path))
				continue;
			strcpy(role, meta_role(m, i));
			return 0;
		}
	}
	return errinfo_set(err, -ENOENT,
			   "image %s is delegated to nobody; see `imagerepo "
			   "delegate`",
			   image);
}

const json_t *meta_target(const struct meta *m, const char *role, const char *path)
{
	return json_object_get(json_object_get(meta_body(m, role), "targets"),
			       path);
}

/* ---- changes ------------------------------------------------------------------ */

static int is_delegated(const struct meta *m, const char *role)
{
	const char *name;

	for (size_t i = 0; (name = meta_role(m, i)) != NULL; i++)
		if (!strcmp(name, role))
			return 1;
	return 0;
}

/* A role that had metadata once goes on counting from there. */
static struct meta_part *begin_part(struct meta *m, const char *role)
{
	const json_t *listed = json_object_get(meta_body(m, "snapshot"), "meta");
	char name[TUF_NAME + sizeof(".json")];
	struct meta_part *p;

	if (!is_delegated(m, role) || meta_part_add(m, role, NULL))
		return NULL;
	p = meta_part(m, role);
	snprintf(name, sizeof(name), "%s.json", role);
	p->version = (int)json_integer_value(
		json_object_get(json_object_get(listed, name), "version"));
	return p;
}

json_t *meta_edit(struct meta *m, const char *role)
{
	struct meta_part *p = meta_part(m, role);

	if (!p)
		p = begin_part(m, role);
	if (!p || p - m->part < META_PART_TARGETS)
		return NULL;
	if (!p->body)
		p->body = tuf_targets_body(1, 0);
	if (p->body)
		p->changed = 1;
	return p->body;
}

int meta_set(struct meta *m, const char *role, const char *path,
	     const char *sha256, uint64_t length, json_t *custom,
	     struct errinfo *err)
{
	json_t *body = meta_edit(m, role);
	int rc = body ? tuf_targets_set(body, path, sha256, length, custom)
		      : -ENOENT;

	if (rc == -ENOENT)
		return errinfo_set(err, rc, "nobody delegated to role '%s'",
				   role);
	return rc ? errinfo_set_errno(err, rc, "target %s", path) : 0;
}

int meta_delete(struct meta *m, const char *role, const char *path,
		struct errinfo *err)
{
	if (!meta_target(m, role, path))
		return errinfo_set(err, -ENOENT, "role '%s' has no target %s",
				   role, path);
	return tuf_targets_delete(meta_edit(m, role), path);
}

int meta_renew(struct meta *m, const char *role)
{
	struct meta_part *p = meta_part(m, role);

	if (!p)
		return -ENOENT;
	p->changed = 1;
	return 0;
}
