/* SPDX-License-Identifier: Apache-2.0 */
/* Parse the gateway's boot decision. The input is hostile. */

#include <stdbool.h>
#include <string.h>

#include "decision.h"

#define MAGIC      "nightshift-boot 1"
#define PATH_BELOW "/boot/r/"

/* A piece of the text: not terminated, may be empty. */
struct span {
	const char *p;
	size_t len;
};

static bool span_is(struct span span, const char *word)
{
	return span.len == strlen(word) && memcmp(span.p, word, span.len) == 0;
}

static bool span_starts(struct span span, const char *word)
{
	size_t len = strlen(word);

	return span.len >= len && memcmp(span.p, word, len) == 0;
}

/* Takes the first line off *rest; false when it has no end. */
static bool next_line(struct span *rest, struct span *line_out)
{
	const char *end = memchr(rest->p, '\n', rest->len);

	if (end == NULL)
		return false;
	line_out->p = rest->p;
	line_out->len = end - rest->p;
	rest->len -= line_out->len + 1;
	rest->p = end + 1;
	return true;
}

static bool path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
	       c == '.' || c == '-' || c == '_';
}

/* No empty and no hidden part: that excludes "//", "." and ".." as well. */
static const char *parse_path(struct span value, char *path_out)
{
	size_t i;

	if (!span_starts(value, PATH_BELOW))
		return "path is not below " PATH_BELOW;
	if (value.len >= DECISION_PATH_MAX)
		return "path is too long";
	for (i = 0; i < value.len; i++) {
		if (!path_char(value.p[i]))
			return "path holds a character it must not";
		if (i > 0 && value.p[i - 1] == '/' &&
		    (value.p[i] == '/' || value.p[i] == '.'))
			return "path is not a plain one";
	}
	if (value.p[value.len - 1] == '/')
		return "path is not a plain one";
	memcpy(path_out, value.p, value.len);
	path_out[value.len] = '\0';
	return NULL;
}

static const char *parse_action(struct span value, enum boot_action *action_out)
{
	if (span_is(value, "grid"))
		*action_out = BOOT_GRID;
	else if (span_is(value, "local"))
		*action_out = BOOT_LOCAL;
	else
		return "unknown action";
	return NULL;
}

/* "KEY VALUE" */
static bool line_value(struct span line, const char *key, struct span *value_out)
{
	size_t len = strlen(key);

	if (!span_starts(line, key) || line.len <= len || line.p[len] != ' ')
		return false;
	value_out->p = line.p + len + 1;
	value_out->len = line.len - len - 1;
	return true;
}

static const char *parse_lines(struct span rest, struct decision *d)
{
	struct span line, value;
	bool has_action = false;
	const char *wrong = NULL;

	if (!next_line(&rest, &line) || !span_is(line, MAGIC))
		return "first line is not \"" MAGIC "\"";
	while (wrong == NULL && rest.len > 0) {
		if (!next_line(&rest, &line))
			return "last line has no end";
		if (line_value(line, "action", &value) && !has_action) {
			wrong = parse_action(value, &d->action);
			has_action = true;
		} else if (line_value(line, "path", &value) &&
			   d->path[0] == '\0') {
			wrong = parse_path(value, d->path);
		} else {
			wrong = "a line it must not hold";
		}
	}
	if (wrong != NULL)
		return wrong;
	if (!has_action)
		return "no action";
	if ((d->action == BOOT_GRID) != (d->path[0] != '\0'))
		return "a path belongs to action grid, and to no other";
	return NULL;
}

const char *decision_parse(const char *text, size_t len,
			   struct decision *decision_out)
{
	static const struct decision local = { .action = BOOT_LOCAL };
	struct decision d = local;
	const char *wrong;

	*decision_out = local;
	if (len > DECISION_TEXT_MAX)
		return "text is too long";
	wrong = parse_lines((struct span){ text, len }, &d);
	if (wrong == NULL)
		*decision_out = d;
	return wrong;
}
