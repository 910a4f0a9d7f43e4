/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dropped - the counters of the set that the kernel fills with whom it drops.
 */
#include <errno.h>
#include <stdlib.h>

#include "acl.h"
#include "cleanup.h"
#include "listing.h"

static int read_element(const json_t *item, struct acl_dropped *out)
{
	const json_t *counter = acl_listing_of(item, "counter");
	const char *val = json_string_value(acl_listing_value(item));

	if (!val || !counter || parse_ipv4(val, &out->address))
		return -EINVAL;
	acl_listing_counter(counter, &out->packets, &out->bytes);
	return 0;
}

int acl_dropped(struct acl_dropped **out, size_t *n_out, struct errinfo *err)
{
	auto_free struct acl_dropped *list = NULL;
	const json_t *elements;
	json_t *root;
	size_t n = 0;
	int rc;

	rc = acl_listing("dropped", &root, err);
	if (rc)
		return rc;
	elements = acl_listing_elements(root);
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
