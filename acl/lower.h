/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lower - what the files of this pass share.
 */
#ifndef ACL_LOWER_H
#define ACL_LOWER_H

#include "rules.h"

struct lowering {
	struct acl_rules *r;
	const struct acl_policy *p;
	const struct acl_facts *f;
	const struct acl_line *l;
	struct acl_window windows[ACL_WINDOWS_MAX];
	size_t n_windows;
	const char *rate;  /* name of the line's limit or set, or NULL */
	const char *domus; /* set of the domUs it is about, NULL: all */
};

/* lower-set.c. Values from first on are sorted, what overlaps becomes one;
 * number of what is left. */
size_t acl_lower_merge_hosts(struct acl_rules *r, size_t first);
size_t acl_lower_merge_ports(struct acl_rules *r, size_t first);
/* Prefixes of the list and its tables, as values. */
void acl_lower_add_hosts(struct lowering *lo, const struct acl_list *list);
/* Names of sets, made where they are not there yet. The last two: of the
 * line, NULL where it needs none. */
const char *acl_lower_table(struct lowering *lo, const struct acl_table *t);
const char *acl_lower_internet(struct lowering *lo);
const char *acl_lower_domus(struct lowering *lo);
const char *acl_lower_rate(struct lowering *lo);

#endif
