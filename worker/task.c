/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task as central sends it, checked: it comes over TLS from whom we trust
 * with our CPU, but a name in it must not reach outside the sandbox.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hash.h"
#include "parse.h"
#include "worker.h"

#define NAME_LEN_MAX   128
#define OUTPUT_DEFAULT (1024L * 1024)
#define MEMORY_DEFAULT 64 /* MiB */
#define LEASE_SEC_MAX  86400
#define WALL_SEC_MAX   (366L * 86400)
#define MEMORY_MIB_MAX (1024L * 1024)

/* What every task finds in its environment, before its own. */
static const char *const env_base[] = {
	"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
	"HOME=/work",
	"TMPDIR=/tmp",
	"LANG=C.UTF-8",
	"USER=job",
};

static int get_int(const json_t *o, const char *name, json_int_t min,
		   json_int_t max, json_int_t dflt, json_int_t *out,
		   struct errinfo *err)
{
	const json_t *v = json_object_get(o, name);

	*out = dflt;
	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min ||
	    json_integer_value(v) > max)
		return errinfo_set(err, -EINVAL,
				   "task: '%s' is not an integer of %lld to "
				   "%lld",
				   name, (long long)min, (long long)max);
	*out = json_integer_value(v);
	return 0;
}

static int parse_lease(struct task *t, struct errinfo *err)
{
	uint8_t raw[LEASE_LEN / 2];

	t->lease = json_string_value(json_object_get(t->doc, "lease"));
	if (!t->lease || parse_hex(t->lease, raw, sizeof(raw)))
		return errinfo_set(err, -EINVAL,
				   "task: 'lease' is not %d hex digits",
				   LEASE_LEN);
	return 0;
}

static int parse_numbers(struct task *t, struct errinfo *err)
{
	const json_t *limits = json_object_get(t->doc, "limits");
	json_int_t lease_sec, wall, cpu, memory, output, job, index, attempt;
	const struct {
		const json_t *from;
		const char *name;
		json_int_t min, max, dflt, *out;
	} table[] = {
		{ t->doc, "lease_sec", 1, LEASE_SEC_MAX, 60, &lease_sec },
		{ t->doc, "job", 0, INT64_MAX, 0, &job },
		{ t->doc, "index", 0, INT64_MAX, 0, &index },
		{ t->doc, "attempt", 0, INT64_MAX, 0, &attempt },
		{ limits, "wall_sec", 0, WALL_SEC_MAX, 0, &wall },
		{ limits, "cpu_sec", 0, WALL_SEC_MAX, 0, &cpu },
		{ limits, "memory_mib", 1, MEMORY_MIB_MAX, MEMORY_DEFAULT,
		  &memory },
		{ limits, "output_max", 0, OUTPUT_CEILING, OUTPUT_DEFAULT,
		  &output },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int rc = get_int(table[i].from, table[i].name, table[i].min,
				 table[i].max, table[i].dflt, table[i].out, err);

		if (rc)
			return rc;
	}
	t->lease_sec = (int)lease_sec;
	t->job = job;
	t->index = index;
	t->attempt = attempt;
	t->wall_sec = (int)wall;
	t->cpu_sec = (int)cpu;
	t->memory_mib = (int)memory;
	t->output_max = (uint64_t)output;
	return 0;
}

static int parse_command(struct task *t, struct errinfo *err)
{
	const json_t *a = json_object_get(t->doc, "command");
	size_t n = json_array_size(a);

	if (!n || n > ARGV_MAX)
		return errinfo_set(err, -EINVAL,
				   "task: 'command' is not an array of 1 to "
				   "%d strings",
				   ARGV_MAX);
	t->argv = calloc(n + 1, sizeof(*t->argv));
	if (!t->argv)
		return errinfo_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		/* execve() wants them writable; nobody writes. */
		t->argv[i] = (char *)json_string_value(json_array_get(a, i));
		if (!t->argv[i])
			return errinfo_set(err, -EINVAL,
					   "task: 'command' has a member that "
					   "is not a string");
	}
	return 0;
}

static int add_env(struct task *t, size_t *n, const char *fmt, const char *a,
		   const char *b)
{
	if (asprintf(&t->envp[*n], fmt, a, b) < 0) {
		t->envp[*n] = NULL;
		return -ENOMEM;
	}
	(*n)++;
	return 0;
}

static int add_numbers(struct task *t, size_t *n)
{
	const struct {
		const char *name;
		long long value;
	} table[] = {
		{ "NIGHTSHIFT_JOB", t->job },
		{ "NIGHTSHIFT_INDEX", t->index },
		{ "NIGHTSHIFT_ATTEMPT", t->attempt },
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(table); i++) {
		char value[24];

		snprintf(value, sizeof(value), "%lld", table[i].value);
		rc = add_env(t, n, "%s=%s", table[i].name, value);
	}
	return rc;
}

static int parse_env(struct task *t, struct errinfo *err)
{
	json_t *env = json_object_get(t->doc, "env");
	size_t n = 0, max = ARRAY_SIZE(env_base) + 3 + json_object_size(env);
	const char *key;
	json_t *value;
	int rc = 0;

	t->envp = calloc(max + 1, sizeof(*t->envp));
	if (!t->envp)
		return errinfo_set(err, -ENOMEM, "out of memory");
	/* The first of two of one name is the one that getenv() finds. */
	json_object_foreach(env, key, value)
	{
		const char *v = json_string_value(value);

		if (!*key || strchr(key, '=') || !v)
			return errinfo_set(err, -EINVAL,
					   "task: 'env' has a bad member");
		rc = add_env(t, &n, "%s=%s", key, v);
		if (rc)
			break;
	}
	for (size_t i = 0; !rc && i < ARRAY_SIZE(env_base); i++)
		rc = add_env(t, &n, "%s%s", env_base[i], "");
	if (!rc)
		rc = add_numbers(t, &n);
	return rc ? errinfo_set(err, rc, "out of memory") : 0;
}

static int name_is_plain(const char *s)
{
	if (!*s || strlen(s) > NAME_LEN_MAX || strchr(s, '/') ||
	    !strcmp(s, ".") || !strcmp(s, ".."))
		return 0;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			return 0;
	return 1;
}

static int parse_input(const json_t *o, struct task_input *in, struct errinfo *err)
{
	json_int_t size, mode;
	int rc;

	in->name = json_string_value(json_object_get(o, "name"));
	in->sha256 = json_string_value(json_object_get(o, "sha256"));
	if (!in->name || !name_is_plain(in->name))
		return errinfo_set(err, -EINVAL,
				   "task: an input's 'name' is not a file name");
	if (!in->sha256 || !hash_is_hex(in->sha256))
		return errinfo_set(err, -EINVAL,
				   "task: an input's 'sha256' is not a digest");
	rc = get_int(o, "size", 0, INT64_MAX, -1, &size, err);
	if (!rc)
		rc = get_int(o, "mode", 0, 0777, 0644, &mode, err);
	if (!rc && size < 0)
		rc = errinfo_set(err, -EINVAL, "task: an input has no 'size'");
	if (rc)
		return rc;
	in->size = (uint64_t)size;
	in->mode = (int)mode;
	return 0;
}

static int parse_inputs(struct task *t, struct errinfo *err)
{
	const json_t *a = json_object_get(t->doc, "inputs");
	size_t n = json_array_size(a);

	if (n > INPUTS_MAX)
		return errinfo_set(err, -EINVAL, "task: more than %d inputs",
				   INPUTS_MAX);
	for (size_t i = 0; i < n; i++) {
		int rc = parse_input(json_array_get(a, i), &t->inputs[i], err);

		if (rc)
			return rc;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(t->inputs[k].name, t->inputs[i].name))
				return errinfo_set(err, -EINVAL,
						   "task: two inputs of one "
						   "name");
	}
	t->ninputs = (int)n;
	return 0;
}

int task_parse(json_t *doc, struct task *t, struct errinfo *err)
{
	static int (*const parts[])(struct task *, struct errinfo *) = {
		parse_lease, parse_numbers, parse_command,
		parse_env,   parse_inputs,
	};

	*t = (struct task){ .doc = doc };
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int rc = parts[i](t, err);

		if (rc)
			return rc;
	}
	return 0;
}

void task_dispose(struct task *t)
{
	free(t->argv);
	for (size_t i = 0; t->envp && t->envp[i]; i++)
		free(t->envp[i]);
	free(t->envp);
	json_decref(t->doc);
	*t = (struct task){ 0 };
}
