/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing - what the kernel holds of our table, as JSON (libnftables-json(5)).
 */
#ifndef ACL_LISTING_H
#define ACL_LISTING_H

#include <jansson.h>
#include <stdint.h>

#include "errinfo.h"

/* The whole table, or (set not NULL) one set of it. -ENOENT: there is none.
 * The caller's reference. */
int acl_listing(const char *set, json_t **root_out, struct errinfo *err);
/* What is in that set, borrowed; NULL: nothing. */
json_t *acl_listing_elements(const json_t *root);
/* What an element says: its value and what belongs to it. An element without
 * more than its value is just that. */
json_t *acl_listing_value(const json_t *element);
json_t *acl_listing_of(const json_t *element, const char *what);
/* {"packets", "bytes"} */
void acl_listing_counter(const json_t *counter, uint64_t *packets,
			 uint64_t *bytes);

#endif
