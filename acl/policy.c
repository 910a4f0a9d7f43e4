/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "policy.h"

#define GROW_MIN 16

struct acl_policy *acl_policy_new(const char *name, const char *text, size_t len)
{
	struct acl_policy *p = calloc(1, sizeof(*p));
	const char *slash = strrchr(name, '/');

	if (!p)
		return NULL;
	p->name = strdup(name);
	p->text = malloc(len + 1);
	if (!p->name || !p->text) {
		acl_policy_free(p);
		return NULL;
	}
	p->base = p->name + (slash ? slash + 1 - name : 0);
	memcpy(p->text, text, len);
	p->text[len] = '\0';
	p->len = len;
	return p;
}

void acl_policy_free(struct acl_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_strings; i++)
		free(p->strings[i]);
	for (size_t i = 0; i < p->n_problems; i++)
		free(p->problems[i].text);
	free(p->strings);
	free(p->problems);
	free(p->items);
	free(p->lines);
	free(p->tables);
	free(p->text);
	free(p->name);
	free(p);
}

/* The array with room for one more at n; its size doubles. */
static void *grow(struct acl_policy *p, void *array, size_t n, size_t size)
{
	void *more = array;

	if (n == 0 || (n >= GROW_MIN && (n & (n - 1)) == 0))
		more = reallocarray(array, n < GROW_MIN ? GROW_MIN : 2 * n, size);
	if (!more)
		p->oom = 1;
	return more;
}

const char *acl_policy_string(struct acl_policy *p, const char *text)
{
	char **more = grow(p, p->strings, p->n_strings, sizeof(*more));

	if (!more)
		return NULL;
	p->strings = more;
	more[p->n_strings] = strdup(text);
	if (!more[p->n_strings]) {
		p->oom = 1;
		return NULL;
	}
	return more[p->n_strings++];
}

int acl_policy_add(struct acl_policy *p, struct acl_list *list,
		   const struct acl_item *item)
{
	struct acl_item *more = grow(p, p->items, p->n_items, sizeof(*more));

	if (!more)
		return -1;
	p->items = more;
	if (list->n == 0)
		list->first = p->n_items;
	more[p->n_items++] = *item;
	list->n++;
	return 0;
}

struct acl_line *acl_policy_add_line(struct acl_policy *p)
{
	struct acl_line *more = grow(p, p->lines, p->n_lines, sizeof(*more));

	if (!more)
		return NULL;
	p->lines = more;
	more[p->n_lines] = (struct acl_line){ 0 };
	return &more[p->n_lines++];
}

struct acl_table *acl_policy_add_table(struct acl_policy *p)
{
	struct acl_table *more = grow(p, p->tables, p->n_tables, sizeof(*more));

	if (!more)
		return NULL;
	p->tables = more;
	more[p->n_tables] = (struct acl_table){ 0 };
	return &more[p->n_tables++];
}

const struct acl_item *acl_policy_items(const struct acl_policy *p,
					const struct acl_list *list)
{
	return list->n ? p->items + list->first : NULL;
}

struct acl_policy *acl_policy_parse(const char *name, const char *text, size_t len)
{
	struct acl_policy *p = acl_policy_new(name, text, len);

	if (!p)
		return NULL;
	if (len > ACL_POLICY_MAX)
		acl_policy_error(p, 0, 0, "larger than %d bytes", ACL_POLICY_MAX);
	else
		acl_parse(p);
	p->parse_errors = p->errors;
	p->n_parse_problems = p->n_problems;
	if (p->oom) {
		acl_policy_free(p);
		return NULL;
	}
	return p;
}

struct acl_policy *acl_policy_load(const char *path)
{
	auto_free char *text = NULL;
	struct acl_policy *p;
	size_t len;
	int rc;

	rc = fileio_read(path, ACL_POLICY_MAX, &text, &len, NULL);
	if (!rc)
		return acl_policy_parse(path, text, len);
	p = acl_policy_new(path, "", 0);
	if (!p)
		return NULL;
	acl_policy_error(p, 0, 0, "cannot be read: %s", strerror(-rc));
	p->parse_errors = p->errors;
	p->n_parse_problems = p->n_problems;
	return p;
}

/* What today's segments have. Its lines are named like a file's. */
const char acl_default[] = "pass from domus to central proto tcp port api\n";

struct acl_policy *acl_policy_default(void)
{
	return acl_policy_parse("default", acl_default, strlen(acl_default));
}

const char *acl_policy_name(const struct acl_policy *p)
{
	return p->name;
}

const char *acl_policy_line(const struct acl_policy *p, int n, size_t *len_out)
{
	const char *at = p->text, *end;

	for (int i = 1; i < n && at; i++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (n < 1 || !at || !*at)
		return NULL;
	end = strchr(at, '\n');
	*len_out = end ? (size_t)(end - at) : strlen(at);
	return at;
}
