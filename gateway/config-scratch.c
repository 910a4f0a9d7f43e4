/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config-scratch - the partition that an owner lends: of the segment's PCs, or
 * of one. An empty block lends none.
 */
#include <stdio.h>
#include <string.h>

#include "config-set.h"

static void set_type(struct reader *r, const struct conf_stmt *s)
{
	struct scratch_policy *p = &r->scratch->policy;
	const char *whose;

	if (scratch_parse_guid(s->argv[0], p->type)) {
		conf_error(r->file, s, 0,
			   "type: '%s' is no GUID like " SCRATCH_TYPE_TEXT,
			   s->argv[0]);
		return;
	}
	whose = scratch_type_owner(p->type);
	if (whose)
		conf_error(r->file, s, 0,
			   "type: '%s' is %s: a partition to be lent has a type "
			   "of its own, such as " SCRATCH_TYPE_TEXT,
			   s->argv[0], whose);
}

static void set_label(struct reader *r, const struct conf_stmt *s)
{
	char *label = r->scratch->policy.label;

	if (!scratch_label_ok(s->argv[0]))
		conf_error(r->file, s, 0,
			   "label: '%s' is not 1 to %d characters of printable "
			   "ASCII",
			   s->argv[0], SCRATCH_LABEL);
	else
		snprintf(label, SCRATCH_LABEL + 1, "%s", s->argv[0]);
}

static void set_size(struct reader *r, const struct conf_stmt *s)
{
	uint64_t *size = &r->scratch->policy.size_max;

	if (parse_size(s->argv[0], size) || *size < SCRATCH_SIZE_MIN ||
	    *size > SCRATCH_SIZE_MAX)
		conf_error(r->file, s, 0, "size: '%s' is not %dM to %lluT",
			   s->argv[0], SCRATCH_SIZE_MIN >> 20,
			   (unsigned long long)(SCRATCH_SIZE_MAX >> 40));
	else /* leases count in MiB */
		*size &= ~((UINT64_C(1) << 20) - 1);
}

static const struct setter setters[] = {
	{ "type", set_type },
	{ "label", set_label },
	{ "size", set_size },
	{ NULL, NULL },
};

void config_set_scratch(struct reader *r, const struct conf_stmt *s)
{
	static const char *const needed[] = { "type", "label" };
	struct config_scratch *own = r->node ? &r->node->scratch : &r->c->scratch;

	*own = (struct config_scratch){ .line = s->line, .lent = !!s->child };
	r->scratch = own;
	config_apply(r, setters, s->child);
	for (size_t i = 0; own->lent && i < 2; i++)
		if (!conf_find(s->child, needed[i]))
			conf_error(r->file, s, -1,
				   "'%s' is missing in it; an empty block "
				   "lends nothing",
				   needed[i]);
}

const struct scratch_policy *config_scratch(const struct config *c,
					    const struct config_node *n)
{
	const struct config_scratch *s =
		n->scratch.line ? &n->scratch : &c->scratch;

	return s->lent ? &s->policy : NULL;
}
