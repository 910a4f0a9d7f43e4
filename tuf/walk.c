/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delegations: who is asked for a path, and in which order (specification,
 * 5.6.7). Pre-order, depth first; a terminating delegation that matches ends
 * the search behind itself and its children.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

struct stack {
	struct tuf_step *step;
	size_t n, cap;
};

static void stack_dispose(struct stack *s)
{
	free(s->step);
}

static int push(struct stack *s, const char *name, int parent)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct tuf_step *p = reallocarray(s->step, cap, sizeof(*s->step));

		if (!p)
			return -ENOMEM;
		s->step = p;
		s->cap = cap;
	}
	strcpy(s->step[s->n].name, name); /* fits: checked when it was read */
	s->step[s->n++].parent = parent;
	return 0;
}

static int has_prefix(const json_t *prefixes, const char *path)
{
	char hex[HASH_HEX];
	json_t *prefix;
	size_t i;

	hash_bytes_hex(path, strlen(path), hex);
	json_array_foreach((json_t *)prefixes, i, prefix)
	{
		if (!strncmp(hex, json_string_value(prefix),
			     json_string_length(prefix)))
			return 1;
	}
	return 0;
}

static int matches(const json_t *delegation, const char *path)
{
	const json_t *paths = json_object_get(delegation, "paths");
	json_t *pattern;
	size_t i;

	if (!paths)
		return has_prefix(
			json_object_get(delegation, "path_hash_prefixes"), path);
	json_array_foreach((json_t *)paths, i, pattern)
	{
		if (tuf_path_matches(json_string_value(pattern), path))
			return 1;
	}
	return 0;
}

static json_t *delegated_roles(const json_t *body)
{
	return json_object_get(json_object_get(body, "delegations"), "roles");
}

json_t *tuf_delegation_find(const json_t *body, const char *role)
{
	json_t *d;
	size_t i;

	json_array_foreach(delegated_roles(body), i, d)
	{
		const char *name = json_string_value(json_object_get(d, "name"));

		if (name && !strcmp(name, role))
			return d;
	}
	return NULL;
}

int tuf_delegation_signers(const json_t *body, const char *role,
			   struct trust_signers *out, struct errinfo *err)
{
	const json_t *d = tuf_delegation_find(body, role);

	if (!d)
		return errinfo_set(err, -ENOENT, "does not delegate to '%s'",
				   role);
	return trust_signers_parse(
		json_object_get(json_object_get(body, "delegations"), "keys"),
		d, role, out, err);
}

/* Children of role i that may have the path (NULL: all), the first on top. */
static int push_children(const struct tuf_client *c, size_t i, const char *path,
			 struct stack *s)
{
	json_t *list = delegated_roles(c->roles[i].body);
	size_t end = 0, n = json_array_size(list);
	int ends = 0, rc;

	while (end < n && !ends) {
		const json_t *d = json_array_get(list, end++);

		ends = path && matches(d, path) &&
		       json_is_true(json_object_get(d, "terminating"));
	}
	if (ends)
		s->n = 0;
	while (end-- > 0) {
		const json_t *d = json_array_get(list, end);

		if (path && !matches(d, path))
			continue;
		rc = push(s, json_string_value(json_object_get(d, "name")),
			  (int)i);
		if (rc)
			return rc;
	}
	return 0;
}

static int loaded(const struct tuf_client *c, const char *name)
{
	for (size_t i = 0; i < c->n_roles; i++)
		if (!strcmp(c->roles[i].name, name))
			return (int)i;
	return -1;
}

static int in_snapshot(const struct tuf_client *c, const char *role)
{
	char name[TUF_NAME + sizeof(".json")];

	strcat(strcpy(name, role), ".json"); /* fits */
	return json_object_get(json_object_get(c->snapshot, "meta"), name) !=
	       NULL;
}

static int has_target(const struct tuf_role *role, const char *path)
{
	return path &&
	       json_object_get(json_object_get(role->body, "targets"), path);
}

int tuf_walk(const struct tuf_client *c, const char *path,
	     struct tuf_step *need, size_t *found)
{
	uint8_t seen[TUF_ROLES_MAX + 1] = { 0 };
	__attribute__((cleanup(stack_dispose))) struct stack s = { NULL, 0, 0 };
	int rc = push(&s, TUF_TARGETS, -1);

	while (!rc && s.n) {
		struct tuf_step step = s.step[--s.n];
		int i = loaded(c, step.name);

		if (i < 0 && step.parent >= 0 && !in_snapshot(c, step.name))
			continue;
		if (i < 0) {
			*need = step;
			return c->n_roles > TUF_ROLES_MAX ? -EFBIG : 1;
		}
		if (seen[i])
			continue;
		if (has_target(&c->roles[i], path)) {
			*found = (size_t)i;
			return 0;
		}
		seen[i] = 1;
		rc = push_children(c, (size_t)i, path, &s);
	}
	if (rc)
		return rc;
	return path ? -ENOENT : 0;
}
