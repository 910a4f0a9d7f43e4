/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dropped - the counters of the set that the kernel fills with whom it drops.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "acl.h"
#include "cleanup.h"

/* {"elem": {"val": "a.b.c.d", "counter": {"packets", "bytes"}}} */
static int read_element(const json_t *item, struct acl_dropped *out)
{
	const json_t *elem = json_object_get(item, "elem");
	const json_t *counter = json_object_get(elem, "counter");
	const char *val = json_string_value(json_object_get(elem, "val"));

	if (!val || !counter || parse_ipv4(val, &out->address))
		return -EINVAL;
	out->packets =
		(uint64_t)json_integer_value(json_object_get(counter, "packets"));
	out->bytes =
		(uint64_t)json_integer_value(json_object_get(counter, "bytes"));
	return 0;
}

static const json_t *find_elements(const json_t *root)
{
	const json_t *item, *set;
	size_t i;

	json_array_foreach(json_object_get(root, "nftables"), i, item)
	{
		set = json_object_get(item, "set");
		if (set)
			return json_object_get(set, "elem");
	}
	return NULL;
}

int acl_dropped(struct acl_dropped **out, size_t *n_out, struct errinfo *err)
{
	auto_free struct acl_dropped *list = NULL;
	auto_free char *text = NULL;
	const json_t *elements;
	json_t *root;
	size_t n = 0;
	int rc;

	rc = acl_nft_list_set("dropped", &text, err);
	if (rc)
		return rc;
	root = json_loads(text, 0, NULL);
	if (!root)
		return errinfo_set(err, -EINVAL, "nftables: no JSON");
	elements = find_elements(root);
	list = calloc(json_array_size(elements) + 1, sizeof(*list));
	for (size_t i = 0; list && i < json_array_size(elements); i++)
		if (!read_element(json_array_get(elements, i), &list[n]))
			n++;
	json_decref(root);
	if (!list)
		return errinfo_set(err, -ENOMEM, "out of memory");
	*out = TAKE(list);
	*n_out = n;
	return 0;
}
