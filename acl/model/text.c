/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - expressions of the listing as nft writes them, for people. A large
 * set is cut; what is not known stays JSON.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "model.h"

struct line {
	char *out;
	size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *l,
						      const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->out + l->len, l->size - l->len, fmt, ap);
	va_end(ap);
	l->len += n < 0 ? 0 : (size_t)n;
	if (l->len < l->size)
		return;
	l->len = l->size - 1;
	if (l->size > 4)
		memcpy(l->out + l->size - 4, "...", 4);
}

static void expr(struct line *l, json_t *e);

static void list(struct line *l, json_t *a, const char *between)
{
	for (size_t i = 0; i < json_array_size(a); i++) {
		put(l, "%s", i ? between : "");
		expr(l, json_array_get(a, i));
	}
}

static void pair(struct line *l, json_t *a, const char *between)
{
	expr(l, json_array_get(a, 0));
	put(l, "%s", between);
	expr(l, json_array_get(a, 1));
}

static void set(struct line *l, json_t *s)
{
	/* Not one of values but a statement that changes one. */
	if (json_object_get(s, "op") && json_object_get(s, "set")) {
		put(l, "%s %s { ", json_string_value(json_object_get(s, "op")),
		    json_string_value(json_object_get(s, "set")));
		expr(l, json_object_get(s, "elem"));
		put(l, " }");
		return;
	}
	put(l, "{ ");
	if (json_is_array(s))
		list(l, s, ", ");
	else
		expr(l, s);
	put(l, " }");
}

static void payload(struct line *l, json_t *p)
{
	put(l, "%s %s", json_string_value(json_object_get(p, "protocol")),
	    json_string_value(json_object_get(p, "field")));
}

static void key(struct line *l, const char *group, json_t *k)
{
	const char *dir = json_string_value(json_object_get(k, "dir"));
	const char *word = json_string_value(json_object_get(k, "key"));

	if (strcmp(group, "meta") == 0 && word && strstr(word, "ifname"))
		put(l, "%s", word);
	else
		put(l, "%s %s%s%s", group, dir ? dir : "", dir ? " " : "",
		    word ? word : "?");
}

static void match(struct line *l, json_t *m)
{
	const char *op = json_string_value(json_object_get(m, "op"));

	expr(l, json_object_get(m, "left"));
	put(l, " %s%s", op && strcmp(op, "==") && strcmp(op, "in") ? op : "",
	    op && strcmp(op, "==") && strcmp(op, "in") ? " " : "");
	expr(l, json_object_get(m, "right"));
}

static void limit(struct line *l, json_t *o)
{
	json_t *inv = json_object_get(o, "inv");
	const char *unit = json_string_value(json_object_get(o, "rate_unit"));
	const char *per = json_string_value(json_object_get(o, "per"));

	if (json_is_string(o)) {
		put(l, "limit name %s", json_string_value(o));
		return;
	}
	put(l, "limit rate %s%lld%s%s/%s", json_is_true(inv) ? "over " : "",
	    (long long)json_integer_value(json_object_get(o, "rate")),
	    unit ? " " : "", unit ? unit : "", per ? per : "?");
}

static void prefix(struct line *l, json_t *p)
{
	expr(l, json_object_get(p, "addr"));
	put(l, "/%lld", (long long)json_integer_value(json_object_get(p, "len")));
}

static void object(struct line *l, json_t *o)
{
	char text[NFTMODEL_PHRASE_MAX];
	const char *name = json_object_iter_key(json_object_iter(o));
	json_t *v = json_object_iter_value(json_object_iter(o));

	if (!name)
		put(l, "?");
	else if (json_object_get(o, "left"))
		match(l, o);
	else if (!strcmp(name, "payload") && json_object_get(v, "field"))
		payload(l, v);
	else if (!strcmp(name, "meta") || !strcmp(name, "ct"))
		key(l, name, v);
	else if (!strcmp(name, "concat"))
		list(l, v, " . ");
	else if (!strcmp(name, "set"))
		set(l, v);
	else if (!strcmp(name, "elem"))
		expr(l, json_object_get(v, "val"));
	else if (!strcmp(name, "range"))
		pair(l, v, "-");
	else if (!strcmp(name, "prefix"))
		prefix(l, v);
	else if (!strcmp(name, "&"))
		pair(l, v, " & ");
	else if (!strcmp(name, "limit"))
		limit(l, v);
	else {
		nftmodel_quote(o, text, sizeof(text));
		put(l, "%s", text);
	}
}

static void expr(struct line *l, json_t *e)
{
	/* No bound on how deep foreign JSON is but jansson's. */
	if (l->len + 1 >= l->size)
		return;
	if (json_is_string(e))
		put(l, "%s", json_string_value(e));
	else if (json_is_integer(e))
		put(l, "%lld", (long long)json_integer_value(e));
	else if (json_is_array(e))
		list(l, e, ",");
	else if (json_is_object(e))
		object(l, e);
	else
		put(l, "%s", json_is_false(e) ? "missing" : "exists");
}

void nftmodel_text(json_t *e, char *out, size_t size)
{
	struct line l = { out, size, 0 };

	out[0] = 0;
	expr(&l, e);
}

void nftmodel_quote(json_t *e, char *out, size_t size)
{
	auto_free char *text =
		e ? json_dumps(e, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int n;

	n = snprintf(out, size, "%s", text ? text : "nothing");
	if (n >= (int)size && size > 4)
		memcpy(out + size - 4, "...", 4);
}

int nftmodel_elements(const struct nftmodel *m, const char *family,
		      const char *table, const char *set,
		      nftmodel_element_fn fn, void *arg)
{
	const struct model_set *s = nftmodel_find_set(m, family, table, set);
	json_t *e;
	size_t i;

	if (!s)
		return -ENOENT;
	json_array_foreach(s->elem, i, e)
	{
		json_t *elem = json_object_get(e, "elem");
		const char *comment =
			json_string_value(json_object_get(elem, "comment"));
		char value[NFTMODEL_PHRASE_MAX];

		nftmodel_text(e, value, sizeof(value));
		fn(value, comment ? comment : "", arg);
	}
	return 0;
}
