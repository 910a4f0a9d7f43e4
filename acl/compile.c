/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "rules.h"

int acl_compile(struct acl_policy *p, const struct acl_facts *facts,
		struct acl_rules **out, struct errinfo *err)
{
	struct acl_rules *r;

	if (acl_check(p, facts)) {
		for (size_t i = 0; i < p->n_problems; i++) {
			const struct acl_problem *b = &p->problems[i];

			if (!b->warning)
				return errinfo_set(err, -EINVAL, "%s:%d:%d: %s",
						   p->name, b->line, b->col,
						   b->text);
		}
		return errinfo_set(err, -EINVAL, "%s: has errors", p->name);
	}
	r = acl_rules_new(p, facts);
	if (!r)
		return errinfo_set(err, -ENOMEM, "out of memory");
	acl_floor_before(r, facts);
	acl_lower_lines(r, p, facts);
	acl_floor_after(r, facts);
	if (r->oom || p->oom) {
		acl_rules_free(r);
		return errinfo_set(err, -ENOMEM, "out of memory");
	}
	*out = r;
	return 0;
}
