/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counts - the counters of the loaded rules, by their comments.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "listing.h"

struct counts {
	struct acl_count *list;
	size_t n;
	size_t last; /* the one of the last rule: most rules follow their like */
};

static struct acl_count *find(struct counts *c, const char *comment, size_t len)
{
	struct acl_count *more;

	for (size_t i = c->last; i < c->n; i++)
		if (strlen(c->list[i].comment) == len &&
		    strncmp(c->list[i].comment, comment, len) == 0)
			return &c->list[c->last = i];
	for (size_t i = 0; i < c->last; i++)
		if (strlen(c->list[i].comment) == len &&
		    strncmp(c->list[i].comment, comment, len) == 0)
			return &c->list[c->last = i];
	more = reallocarray(c->list, c->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	c->list = more;
	more += c->n;
	memset(more, 0, sizeof(*more));
	memcpy(more->comment, comment, len);
	return &c->list[c->last = c->n++];
}

static int add_rule(struct counts *c, const char *comment, uint64_t packets,
		    uint64_t bytes)
{
	/* A name of a file may hold blanks, what follows a place does not. */
	const char *note = strrchr(comment, ' ');
	size_t len = strlen(comment);
	struct acl_count *count;

	if (note && strcmp(note + 1, ACL_COMMENT_REPLY) &&
	    strcmp(note + 1, ACL_COMMENT_OVER))
		note = NULL;
	if (note)
		len = (size_t)(note - comment);
	if (len > ACL_COMMENT_MAX)
		return 0;
	count = find(c, comment, len);
	if (!count)
		return -1;
	if (!note) {
		count->packets += packets;
		count->bytes += bytes;
	} else if (strcmp(note + 1, ACL_COMMENT_REPLY) == 0) {
		count->reply_packets += packets;
		count->reply_bytes += bytes;
	} else {
		count->over_packets += packets;
		count->over_bytes += bytes;
	}
	return 0;
}

static int add_json_rule(struct counts *c, const json_t *rule)
{
	const char *comment = json_string_value(json_object_get(rule, "comment"));
	const json_t *expr, *counter;
	uint64_t packets, bytes;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, expr)
	{
		counter = json_object_get(expr, "counter");
		if (!counter || !comment)
			continue;
		acl_listing_counter(counter, &packets, &bytes);
		return add_rule(c, comment, packets, bytes);
	}
	return 0;
}

int acl_counts(struct acl_count **out, size_t *n_out, struct errinfo *err)
{
	struct counts c = { NULL, 0, 0 };
	const json_t *item, *rule;
	json_t *root;
	size_t i;
	int rc;

	rc = acl_listing(NULL, &root, err);
	if (rc)
		return rc;
	json_array_foreach(json_object_get(root, "nftables"), i, item)
	{
		rule = json_object_get(item, "rule");
		if (!rule || !add_json_rule(&c, rule))
			continue;
		json_decref(root);
		free(c.list);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	json_decref(root);
	*out = c.list;
	*n_out = c.n;
	return 0;
}
