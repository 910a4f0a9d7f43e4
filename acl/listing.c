/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

json_t *acl_listing_elements(const json_t *root)
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

json_t *acl_listing_value(const json_t *element)
{
	json_t *elem = json_object_get(element, "elem");

	return elem ? json_object_get(elem, "val") : (json_t *)element;
}

json_t *acl_listing_of(const json_t *element, const char *what)
{
	return json_object_get(json_object_get(element, "elem"), what);
}

static uint64_t number(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

void acl_listing_counter(const json_t *counter, uint64_t *packets, uint64_t *bytes)
{
	*packets = number(counter, "packets");
	*bytes = number(counter, "bytes");
}
