/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live - which domUs and enrolled nodes the loaded rules know: a policy that is
 * tried by hand must not put them out, nor let others in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "listing.h"

struct domus {
	struct acl_domu *list; /* a comment's copy behind each, below */
	char (*text)[ACL_COMMENT_MAX + 1];
	size_t n;
};

/* "FILE:LINE NAME IMAGE" */
static void read_comment(char *text, struct acl_domu *d)
{
	char *at = text, *end;

	for (at = strchr(text, ':'); at; at = strchr(at + 1, ':')) {
		d->line = (int)strtol(at + 1, &end, 10);
		if (end > at + 1 && *end == ' ')
			break;
	}
	if (!at) {
		d->line = 0;
		return;
	}
	d->node = end + 1;
	end = strchr(d->node, ' ');
	if (!end)
		return;
	*end = '\0';
	d->image = end + 1;
}

static void add_element(struct domus *out, const json_t *item)
{
	const char *address = json_string_value(acl_listing_value(item));
	const char *comment = json_string_value(acl_listing_of(item, "comment"));
	struct acl_domu *d = &out->list[out->n];
	char *text = out->text[out->n];

	*d = (struct acl_domu){ .node = "", .image = "" };
	if (!address || parse_ipv4(address, &d->address))
		return;
	out->n++;
	text[0] = '\0';
	if (comment && strlen(comment) <= ACL_COMMENT_MAX)
		strcpy(text, comment);
	read_comment(text, d);
}

int acl_nft_domus(struct acl_domu **out, size_t *n_out, struct errinfo *err)
{
	struct domus d = { NULL, NULL, 0 };
	const json_t *elements, *item;
	size_t i, n;
	json_t *root;
	int rc;

	rc = acl_listing("domus", &root, err);
	if (rc)
		return rc;
	elements = acl_listing_elements(root);
	n = json_array_size(elements);
	/* One block, so that the caller frees one. */
	d.list = calloc(n + 1, sizeof(*d.list) + sizeof(*d.text));
	if (d.list) {
		d.text = (void *)(d.list + n + 1);
		json_array_foreach(elements, i, item) add_element(&d, item);
	}
	json_decref(root);
	if (!d.list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	*out = d.list;
	*n_out = d.n;
	return 0;
}

/* {"concat": ["a.b.c.d", MAC]} */
static int read_node(const json_t *item, uint32_t *out)
{
	const char *address = json_string_value(json_array_get(
		json_object_get(acl_listing_value(item), "concat"), 0));

	return address ? parse_ipv4(address, out) : -EINVAL;
}

int acl_nft_enrolled(uint32_t **out, size_t *n_out, struct errinfo *err)
{
	const json_t *elements, *item;
	uint32_t *list;
	size_t i, n = 0;
	json_t *root;
	int rc;

	rc = acl_listing("enrolled", &root, err);
	if (rc)
		return rc;
	elements = acl_listing_elements(root);
	list = calloc(json_array_size(elements) + 1, sizeof(*list));
	json_array_foreach(elements, i,
			   item) if (list && !read_node(item, &list[n])) n++;
	json_decref(root);
	if (!list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	*out = list;
	*n_out = n;
	return 0;
}
