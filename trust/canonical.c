/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical JSON (OLPC): members sorted by the bytes of their names, no white
 * space, integers only, strings as they are with only '"' and '\' escaped.
 * OLPC would write control characters raw, which no JSON parser reads back, so
 * they are refused: every text made here is JSON again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "private.h"

static int put_value(struct buf *b, const json_t *value, int depth);

static int is_utf8(const char *s, size_t len)
{
	json_t *probe = json_stringn(s, len);

	json_decref(probe);
	return probe != NULL;
}

static int put_string(struct buf *b, const char *s, size_t len)
{
	if (!is_utf8(s, len))
		return -EINVAL;
	buf_add(b, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] < 0x20)
			return -EINVAL;
		if (s[i] == '"' || s[i] == '\\')
			buf_add(b, "\\", 1);
		buf_add(b, &s[i], 1);
	}
	return buf_add(b, "\"", 1);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int put_object(struct buf *b, const json_t *object, int depth)
{
	size_t n = json_object_size(object), i = 0;
	auto_free const char **names = calloc(n + 1, sizeof(*names));
	const char *name;
	json_t *value;
	int rc;

	if (!names)
		return -ENOMEM;
	json_object_foreach((json_t *)object, name, value) names[i++] = name;
	qsort(names, n, sizeof(*names), compare_names);

	buf_add(b, "{", 1);
	for (i = 0; i < n; i++) {
		if (i)
			buf_add(b, ",", 1);
		rc = put_string(b, names[i], strlen(names[i]));
		if (rc)
			return rc;
		buf_add(b, ":", 1);
		rc = put_value(b, json_object_get(object, names[i]), depth);
		if (rc)
			return rc;
	}
	return buf_add(b, "}", 1);
}

static int put_array(struct buf *b, const json_t *array, int depth)
{
	size_t i;
	json_t *value;
	int rc;

	buf_add(b, "[", 1);
	json_array_foreach((json_t *)array, i, value)
	{
		if (i)
			buf_add(b, ",", 1);
		rc = put_value(b, value, depth);
		if (rc)
			return rc;
	}
	return buf_add(b, "]", 1);
}

static int put_value(struct buf *b, const json_t *value, int depth)
{
	if (!value || depth > TRUST_DEPTH_MAX)
		return -EINVAL;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return put_object(b, value, depth + 1);
	case JSON_ARRAY:
		return put_array(b, value, depth + 1);
	case JSON_STRING:
		return put_string(b, json_string_value(value),
				  json_string_length(value));
	case JSON_INTEGER:
		return buf_addf(b, "%" JSON_INTEGER_FORMAT,
				json_integer_value(value));
	case JSON_TRUE:
		return buf_adds(b, "true");
	case JSON_FALSE:
		return buf_adds(b, "false");
	case JSON_NULL:
		return buf_adds(b, "null");
	case JSON_REAL: /* has no one spelling */
		break;
	}
	return -EINVAL;
}

char *trust_canonical(const json_t *value)
{
	auto_buf struct buf b = BUF_INIT;

	if (put_value(&b, value, 0))
		return NULL;
	return buf_take(&b);
}
