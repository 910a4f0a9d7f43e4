/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client has verified.
 */
#include <string.h>

#include "private.h"

const struct tuf_target *tuf_client_target(const struct tuf_client *c)
{
	return c->state == TUF_DONE && c->path ? &c->target : NULL;
}

const char *tuf_client_target_bytes(const struct tuf_client *c, size_t *len)
{
	*len = c->bytes ? c->target.length : 0;
	return c->bytes;
}

struct tuf_floor tuf_client_floor(const struct tuf_client *c)
{
	struct tuf_floor floor = { .root = trust_root_version(c->root) };

	floor.timestamp =
		(int)json_integer_value(json_object_get(c->timestamp, "version"));
	floor.snapshot = c->snapshot_file.version;
	return floor;
}

const char *tuf_client_root(const struct tuf_client *c, size_t *len)
{
	*len = c->root_len;
	return c->root_doc;
}

const char *tuf_client_snapshot(const struct tuf_client *c, size_t *len)
{
	*len = c->snapshot_len;
	return c->snapshot_doc;
}

const struct tuf_target *tuf_client_each(const struct tuf_client *c, size_t i)
{
	return i < c->n_list ? &c->list[i] : NULL;
}

const char *tuf_client_role(const struct tuf_client *c, size_t i)
{
	return i < c->n_roles ? c->roles[i].name : NULL;
}

const json_t *tuf_client_body(const struct tuf_client *c, const char *role)
{
	if (!strcmp(role, "root"))
		return c->root_body;
	if (!strcmp(role, "timestamp"))
		return c->timestamp;
	if (!strcmp(role, "snapshot"))
		return c->snapshot;
	for (size_t i = 0; i < c->n_roles; i++)
		if (!strcmp(c->roles[i].name, role))
			return c->roles[i].body;
	return NULL;
}

static void lower(int64_t *least, const json_t *body, const char *type)
{
	int64_t expires_ms;
	int version;

	if (body && !tuf_head(body, type, &version, &expires_ms, NULL) &&
	    expires_ms < *least)
		*least = expires_ms;
}

int64_t tuf_client_expires(const struct tuf_client *c)
{
	int64_t least = trust_root_expires(c->root);

	lower(&least, c->timestamp, "timestamp");
	lower(&least, c->snapshot, "snapshot");
	for (size_t i = 0; i < c->n_roles; i++)
		lower(&least, c->roles[i].body, "targets");
	return least;
}
