/* SPDX-License-Identifier: Apache-2.0 */
/*
 * portion - rules in as many commands as it takes.
 *
 * A transaction is one message to the kernel, and an ordinary user's socket
 * takes no more than net.core.wmem_default: the sets of some 900 nodes. Where
 * nobody's packets pass in between, long lists of elements need not come with
 * their set.
 */
#include <string.h>

#include "model.h"

#define PORTION 200 /* elements: some 20 KB, with comments */

struct words {
	const char *at;
	size_t len;
};

/* Behind a character, a text in quotes or a comment. */
static const char *next(const char *at)
{
	const char *end = at;

	if (*at == '"')
		end = strchr(at + 1, '"');
	else if (*at == '#')
		end = strchr(at, '\n');
	return end ? end + 1 : at + strlen(at);
}

/* Elements up to the closing brace; 0: it is no plain list. */
static size_t count(const char *at, const char **end)
{
	size_t n = 1;

	for (; *at && *at != '}'; at = next(at)) {
		if (*at == '{')
			return 0;
		n += *at == ',';
	}
	*end = at;
	return *at ? n : 0;
}

static void add_portions(struct buf *out, const struct words *table,
			 const struct words *set, const char *at, const char *end)
{
	for (at += strspn(at, " \t\n"); at < end; at += strspn(at, " \t\n")) {
		const char *from = at;

		for (size_t n = 0; at < end && n < PORTION; at = next(at))
			n += *at == ',';
		buf_addf(out, "add element %.*s %.*s { %.*s }", (int)table->len,
			 table->at, (int)set->len, set->at, (int)(at - from),
			 from);
		buf_add(out, "", 1);
	}
}

/* "set NAME" -> NAME */
static struct words name_of(const char *head, const char *end)
{
	head += strcspn(head, " {");
	head += strspn(head, " ");
	return (struct words){ head, (size_t)(end - head) };
}

int nftmodel_portions(const char *text, struct buf *out)
{
	auto_buf struct buf rest = BUF_INIT;
	const char *head = text, *done = text, *end;
	struct words names[2] = { 0 }; /* of the table, of what is in it */
	size_t depth = 0;

	for (const char *at = text; *at; at = next(at)) {
		if (strchr(" \t\n;}", *at) && head == at)
			head++;
		if (*at == '{' && depth == 2 && !strncmp(head, "elements", 8) &&
		    count(at + 1, &end) > PORTION) {
			buf_add(out, done, (size_t)(head - done));
			add_portions(&rest, &names[0], &names[1], at + 1, end);
			at = end;
			done = end + 1;
		} else if (*at == '{') {
			if (depth < 2)
				names[depth] = name_of(head, at);
			depth++;
		} else if (*at == '}' && depth) {
			depth--;
		}
		if (strchr("{};\n", *at))
			head = at + 1;
	}
	buf_adds(out, done);
	buf_add(out, "", 1);
	buf_add(out, rest.data, rest.len);
	return out->rc ? out->rc : rest.rc;
}
