/* SPDX-License-Identifier: Apache-2.0 */
/* A job as it is submitted: checked strictly, before anything is stored. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "hash.h"

#include "engine-db.h"

#define NAME_LEN_MAX 63
#define KEY_LEN_MAX  128
#define TEXT_MAX     (64 * 1024) /* JSON text of command, env or inputs */

int engine_spec_only(const json_t *o, const char *const *names,
		     const char *what, struct errinfo *err)
{
	const char *key;
	json_t *v;
	int i;

	json_object_foreach((json_t *)o, key, v)
	{
		for (i = 0; names[i] && strcmp(names[i], key); i++)
			;
		if (!names[i])
			return errinfo_set(err, -EINVAL,
					   "%s: unknown member '%.40s'", what,
					   key);
	}
	return 0;
}

int engine_spec_int(const json_t *o, const char *name, int64_t min, int64_t max,
		    int64_t *out, struct errinfo *err)
{
	const json_t *v = json_object_get(o, name);
	int64_t n;

	if (!v)
		return 0;
	if (!json_is_integer(v))
		return errinfo_set(err, -EINVAL, "'%s' is not an integer", name);
	n = json_integer_value(v);
	if (n < min || n > max)
		return errinfo_set(err, -EINVAL,
				   "'%s' is %lld, not within %lld to %lld", name,
				   (long long)n, (long long)min, (long long)max);
	*out = n;
	return 0;
}

static int dump(const json_t *v, const char *name, char **out, struct errinfo *err)
{
	*out = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!*out)
		return -ENOMEM;
	if (strlen(*out) > TEXT_MAX)
		return errinfo_set(err, -EINVAL, "'%s' is larger than %d KiB",
				   name, TEXT_MAX / 1024);
	return 0;
}

static int parse_command(const json_t *spec, struct job_spec *s,
			 struct errinfo *err)
{
	const json_t *v = json_object_get(spec, "command");
	size_t i, n = json_array_size(v);

	if (n < 1 || n > ENGINE_ARGV_MAX)
		return errinfo_set(err, -EINVAL,
				   "'command' is not an array of 1 to %d "
				   "strings",
				   ENGINE_ARGV_MAX);
	for (i = 0; i < n; i++)
		if (!json_is_string(json_array_get(v, i)))
			return errinfo_set(err, -EINVAL,
					   "'command'[%zu] is not a string", i);
	if (!json_string_length(json_array_get(v, 0)))
		return errinfo_set(err, -EINVAL, "'command'[0] is empty");
	return dump(v, "command", &s->command, err);
}

static int env_name_ok(const char *name)
{
	return *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789_") == strlen(name);
}

static int parse_env(const json_t *spec, struct job_spec *s, struct errinfo *err)
{
	json_t *v = json_object_get(spec, "env"), *value;
	const char *key;

	if (!v)
		return (s->env = strdup("{}")) ? 0 : -ENOMEM;
	if (!json_is_object(v))
		return errinfo_set(err, -EINVAL, "'env' is not an object");
	json_object_foreach(v, key, value)
	{
		if (!env_name_ok(key) || !json_is_string(value))
			return errinfo_set(err, -EINVAL,
					   "'env': '%.40s' is not a name with "
					   "a string",
					   key);
	}
	return dump(v, "env", &s->env, err);
}

/* A file's name in the task's directory: one plain path segment. */
static int input_name_ok(const char *name)
{
	return name && *name && strlen(name) <= NAME_LEN_MAX &&
	       !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int parse_input(const json_t *in, struct errinfo *err)
{
	static const char *const names[] = { "name", "sha256", "size", "mode",
					     NULL };
	const char *name = json_string_value(json_object_get(in, "name"));
	const char *hex = json_string_value(json_object_get(in, "sha256"));
	int64_t size = -1, mode = -1;
	int rc;

	if (!json_is_object(in) || !input_name_ok(name))
		return errinfo_set(err, -EINVAL,
				   "'inputs': 'name' is not a file name of 1 "
				   "to %d bytes without '/'",
				   NAME_LEN_MAX);
	if (!hex || !hash_is_hex(hex))
		return errinfo_set(err, -EINVAL,
				   "input '%s': 'sha256' is not 64 lower-case "
				   "hex digits",
				   name);
	rc = engine_spec_only(in, names, "input", err);
	if (!rc)
		rc = engine_spec_int(in, "size", 0, ENGINE_FILE_MAX, &size, err);
	if (!rc)
		rc = engine_spec_int(in, "mode", 0, 0777, &mode, err);
	if (!rc && (size < 0 || mode < 0))
		rc = errinfo_set(err, -EINVAL, "'size' or 'mode' is missing");
	return rc ? errinfo_wrap(err, rc, "input '%s'", name) : 0;
}

static int parse_inputs(const json_t *spec, struct job_spec *s,
			struct errinfo *err)
{
	const json_t *v = json_object_get(spec, "inputs");
	size_t i, j, n = json_array_size(v);
	int rc;

	if (!v)
		return (s->inputs = strdup("[]")) ? 0 : -ENOMEM;
	if (!json_is_array(v) || n > ENGINE_INPUTS_MAX)
		return errinfo_set(err, -EINVAL,
				   "'inputs' is not an array of at most %d",
				   ENGINE_INPUTS_MAX);
	for (i = 0; i < n; i++) {
		rc = parse_input(json_array_get(v, i), err);
		if (rc)
			return rc;
		for (j = 0; j < i; j++)
			if (json_equal(
				    json_object_get(json_array_get(v, i), "name"),
				    json_object_get(json_array_get(v, j), "name")))
				return errinfo_set(err, -EINVAL,
						   "'inputs': two of one name");
	}
	return dump(v, "inputs", &s->inputs, err);
}

static int parse_limits(const json_t *spec, struct job_spec *s,
			struct errinfo *err)
{
	static const char *const names[] = { "wall_sec", "cpu_sec",
					     "memory_mib", "output_max", NULL };
	const json_t *v = json_object_get(spec, "limits");
	const struct {
		const char *name;
		int64_t min, max, *out;
	} t[] = {
		{ "wall_sec", 1, 30 * 86400, &s->wall_sec },
		{ "cpu_sec", 1, 30 * 86400, &s->cpu_sec },
		{ "memory_mib", 1, 1024 * 1024, &s->memory_mib },
		{ "output_max", 0, ENGINE_OUTPUT_MAX, &s->output_max },
	};
	size_t i;
	int rc;

	s->wall_sec = 3600;
	s->cpu_sec = 0; /* 0: as long as wall_sec */
	s->memory_mib = 64;
	s->output_max = ENGINE_OUTPUT_DFLT;
	if (v && !json_is_object(v))
		return errinfo_set(err, -EINVAL, "'limits' is not an object");
	rc = v ? engine_spec_only(v, names, "limits", err) : 0;
	for (i = 0; v && !rc && i < ARRAY_SIZE(t); i++)
		rc = engine_spec_int(v, t[i].name, t[i].min, t[i].max, t[i].out,
				     err);
	if (!s->cpu_sec)
		s->cpu_sec = s->wall_sec;
	return rc;
}

static int parse_string(const json_t *spec, const char *name, size_t max,
			char **out, struct errinfo *err)
{
	const json_t *v = json_object_get(spec, name);
	const char *s = json_string_value(v);

	if (!v)
		return 0;
	if (!s || !*s || strlen(s) > max || strpbrk(s, "\n\t\r\033"))
		return errinfo_set(err, -EINVAL,
				   "'%s' is not a line of 1 to %zu bytes", name,
				   max);
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

static int parse_numbers(const json_t *spec, struct job_spec *s,
			 struct errinfo *err)
{
	int rc;

	s->count = 1;
	rc = engine_spec_int(spec, "count", 1, ENGINE_COUNT_MAX, &s->count, err);
	if (!rc)
		rc = engine_spec_int(spec, "first", 0, 1LL << 52, &s->first, err);
	if (!rc)
		rc = engine_spec_int(spec, "priority", -1000, 1000,
				     &s->priority, err);
	if (!rc)
		rc = engine_spec_int(spec, "retries", 0, 100, &s->retries, err);
	return rc;
}

int engine_spec_parse(const json_t *spec, struct job_spec *s, struct errinfo *err)
{
	static const char *const names[] = { "name",    "count", "first",
					     "command", "env",   "inputs",
					     "limits",  "key",   "priority",
					     "retries", NULL };
	int rc;

	memset(s, 0, sizeof(*s));
	if (!json_is_object(spec))
		return errinfo_set(err, -EINVAL, "not an object");
	rc = engine_spec_only(spec, names, "job", err);
	if (!rc)
		rc = parse_string(spec, "name", NAME_LEN_MAX, &s->name, err);
	if (!rc)
		rc = parse_string(spec, "key", KEY_LEN_MAX, &s->key, err);
	if (!rc)
		rc = parse_numbers(spec, s, err);
	if (!rc)
		rc = parse_command(spec, s, err);
	if (!rc)
		rc = parse_env(spec, s, err);
	if (!rc)
		rc = parse_inputs(spec, s, err);
	if (!rc)
		rc = parse_limits(spec, s, err);
	if (!rc && !s->name)
		s->name = strdup("job");
	if (!rc && !s->name)
		rc = -ENOMEM;
	if (rc)
		engine_spec_dispose(s);
	return rc;
}

void engine_spec_dispose(struct job_spec *s)
{
	free(s->name);
	free(s->key);
	free(s->command);
	free(s->env);
	free(s->inputs);
	memset(s, 0, sizeof(*s));
}

static json_t *expand_string(const char *s, int64_t index)
{
	static const char hole[] = "{index}";
	auto_buf struct buf b = BUF_INIT;
	const char *p;

	for (; (p = strstr(s, hole)); s = p + sizeof(hole) - 1) {
		buf_add(&b, s, (size_t)(p - s));
		buf_addf(&b, "%lld", (long long)index);
	}
	buf_adds(&b, s);
	return b.rc ? NULL : json_string(b.data ? b.data : "");
}

json_t *engine_spec_expand(const json_t *v, int64_t index)
{
	json_t *out = json_deep_copy(v), *item;
	const char *key;
	size_t i;

	json_object_foreach(out, key, item)
	{
		json_object_set_new(
			out, key, expand_string(json_string_value(item), index));
	}
	json_array_foreach(out, i, item)
	{
		json_array_set_new(
			out, i, expand_string(json_string_value(item), index));
	}
	return out;
}
