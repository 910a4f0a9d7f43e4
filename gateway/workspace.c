/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workspace - the central's word, checked. The central is trusted to ask, not
 * to be well-formed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "workspace.h"

static int get_text(const json_t *o, const char *key, char *out, size_t size,
		    struct errinfo *err)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s || strlen(s) >= size)
		return errinfo_set(err, -EINVAL, "'%s' is missing or too long",
				   key);
	strcpy(out, s);
	return 0;
}

static int get_name(const json_t *o, const char *key, char out[CONFIG_NAME],
		    struct errinfo *err)
{
	int rc = get_text(o, key, out, CONFIG_NAME, err);

	if (!rc && !parse_is_name(out))
		rc = errinfo_set(err, -EINVAL, "'%s' is no name", key);
	return rc;
}

struct number {
	const char *key;
	size_t offset;
	json_int_t min, max;
};

/* Credit2's bounds: weight 1 to 65535, cap in percent of one CPU. */
static const struct number numbers[] = {
	{ "domus", offsetof(struct workspace, domus), 0, 1000000 },
	{ "memory_mib", offsetof(struct workspace, memory_mib), 1, 16777216 },
	{ "vcpus", offsetof(struct workspace, vcpus), 1, 1024 },
	{ "weight", offsetof(struct workspace, weight), 1, 65535 },
	{ "cap", offsetof(struct workspace, cap), 0, 102400 },
};

static int get_numbers(const json_t *o, struct workspace *w, struct errinfo *err)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct number *n = &numbers[i];
		const json_t *v = json_object_get(o, n->key);
		json_int_t value = json_integer_value(v);

		if (!json_is_integer(v) || value < n->min || value > n->max)
			return errinfo_set(err, -EINVAL,
					   "'%s' is not %lld to %lld", n->key,
					   (long long)n->min, (long long)n->max);
		*(int *)((char *)w + n->offset) = (int)value;
	}
	return 0;
}

/* A channel that leads nowhere yet has neither; that is no error of form. */
static int get_manifest(const json_t *o, struct workspace *w, struct errinfo *err)
{
	const char *s = json_string_value(json_object_get(o, "manifest"));

	if (!s || !s[0])
		return 0;
	if (!hash_is_hex(s))
		return errinfo_set(err, -EINVAL, "'manifest' is no digest");
	strcpy(w->manifest, s);
	return get_name(o, "image_version", w->image_version, err);
}

static int parse_one(const json_t *o, struct workspace *w, struct errinfo *err)
{
	const json_t *worker = json_object_get(o, "worker");
	int rc;

	rc = get_name(o, "name", w->name, err);
	if (!rc)
		rc = get_name(o, "image", w->image, err);
	if (!rc)
		rc = get_name(o, "channel", w->channel, err);
	if (!rc)
		rc = get_manifest(o, w, err);
	if (!rc)
		rc = get_numbers(o, w, err);
	if (!rc)
		rc = get_text(worker, "url", w->url, sizeof(w->url), err);
	if (!rc)
		rc = get_text(worker, "pin", w->pin, sizeof(w->pin), err);
	if (!rc)
		rc = get_text(worker, "token", w->token, sizeof(w->token), err);
	return rc;
}

static int parse_list(const json_t *list, struct workspaces *out,
		      struct errinfo *err)
{
	size_t n = json_array_size(list);
	int rc;

	if (!json_is_array(list) || n > WORKSPACES_MAX)
		return errinfo_set(err, -EINVAL,
				   "'workspaces' is no array of at most %d",
				   WORKSPACES_MAX);
	out->list = calloc(n ? n : 1, sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		rc = parse_one(json_array_get(list, i), &out->list[i], err);
		if (rc)
			return errinfo_wrap(err, rc, "workspace %zu", i);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(out->list[k].name, out->list[i].name))
				return errinfo_set(err, -EINVAL,
						   "workspace '%s' twice",
						   out->list[i].name);
	}
	out->n = n;
	return 0;
}

int workspaces_parse(const char *text, size_t len, struct workspaces *out,
		     struct errinfo *err)
{
	struct workspaces w = { 0 };
	const json_t *gen;
	json_error_t why;
	json_t *o;
	int rc;

	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!o)
		return errinfo_set(err, -EINVAL, "no JSON: %s", why.text);
	gen = json_object_get(o, "gen");
	if (json_is_integer(gen))
		rc = parse_list(json_object_get(o, "workspaces"), &w, err);
	else
		rc = errinfo_set(err, -EINVAL, "'gen' is no integer");
	w.gen = json_integer_value(gen);
	json_decref(o);
	if (rc) {
		workspaces_dispose(&w);
		return rc;
	}
	*out = w;
	return 0;
}

void workspaces_dispose(struct workspaces *w)
{
	free(w->list);
	w->list = NULL;
	w->n = 0;
}
