/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"

#include "job-spec.h"

void job_spec_init(struct job_spec *s)
{
	memset(s, 0, sizeof(*s));
	s->doc = json_pack("{s[] s{} s{} s[]}", "command", "env", "limits",
			   "inputs");
}

void job_spec_dispose(struct job_spec *s)
{
	size_t i;

	json_decref(s->doc);
	for (i = 0; i < s->n_inputs; i++) {
		free(s->inputs[i].path);
		free(s->inputs[i].name);
	}
	memset(s, 0, sizeof(*s));
}

static int set_string(struct job_spec *s, const char *member, const char *value,
		      struct errinfo *err)
{
	json_t *v = json_string(value);

	if (!v)
		return errinfo_set(err, -EINVAL, "not UTF-8");
	return json_object_set_new(s->doc, member, v) ? -ENOMEM : 0;
}

static int set_int(struct job_spec *s, const char *member, const char *value,
		   struct errinfo *err)
{
	int n;

	if (parse_int(value, -1000, 1000000000, &n))
		return errinfo_set(err, -EINVAL, "'%s' is not a number", value);
	return json_object_set_new(s->doc, member, json_integer(n)) ? -ENOMEM : 0;
}

static int set_limit(struct job_spec *s, const char *member, uint64_t n)
{
	json_t *limits = json_object_get(s->doc, "limits");

	return json_object_set_new(limits, member, json_integer((json_int_t)n))
		       ? -ENOMEM
		       : 0;
}

static int set_time(struct job_spec *s, const char *member, const char *value,
		    struct errinfo *err)
{
	uint64_t sec;

	if (parse_duration(value, &sec) || sec > INT32_MAX)
		return errinfo_set(err, -EINVAL,
				   "'%s' is not a time, like 90s or 15m", value);
	return set_limit(s, member, sec);
}

static int set_size(struct job_spec *s, const char *member, const char *value,
		    struct errinfo *err)
{
	int mib = !strcmp(member, "memory_mib");
	uint64_t bytes;

	if (parse_size(value, &bytes) || bytes > INT64_MAX ||
	    (mib && (!bytes || bytes % (1U << 20))))
		return errinfo_set(err, -EINVAL,
				   "'%s' is not a size%s, like "
				   "64M",
				   value, mib ? " in whole MiB" : "");
	return set_limit(s, member, mib ? bytes >> 20 : bytes);
}

/* "A-B", both included. */
static int set_range(struct job_spec *s, const char *member, const char *value,
		     struct errinfo *err)
{
	auto_free char *text = strdup(value);
	char *dash = text ? strchr(text, '-') : NULL;
	uint64_t a = 1, b = 0;

	(void)member;
	if (dash) {
		*dash = '\0';
		if (parse_u64(text, 0, 1ULL << 52, &a) ||
		    parse_u64(dash + 1, 0, 1ULL << 52, &b))
			a = 1, b = 0;
	}
	if (a > b)
		return errinfo_set(err, -EINVAL,
				   "'%s' is not a range A-B of indexes", value);
	json_object_set_new(s->doc, "first", json_integer((json_int_t)a));
	json_object_set_new(s->doc, "count",
			    json_integer((json_int_t)b - (json_int_t)a + 1));
	return 0;
}

/* "NAME=VALUE" */
static int set_env(struct job_spec *s, const char *member, const char *value,
		   struct errinfo *err)
{
	const char *eq = strchr(value, '=');
	auto_free char *name = NULL;
	json_t *v;

	(void)member;
	if (!eq || eq == value)
		return errinfo_set(err, -EINVAL, "'%s' is not NAME=VALUE", value);
	name = strndup(value, (size_t)(eq - value));
	v = json_string(eq + 1);
	if (!name || !v)
		return errinfo_set(err, -EINVAL, "not UTF-8");
	return json_object_set_new(json_object_get(s->doc, "env"), name, v)
		       ? -ENOMEM
		       : 0;
}

/* "FILE" or "FILE=NAME" */
static int add_input(struct job_spec *s, const char *member, const char *value,
		     struct errinfo *err)
{
	struct job_input *in = &s->inputs[s->n_inputs];
	const char *eq = strrchr(value, '='), *slash;

	(void)member;
	if (s->n_inputs == JOB_INPUTS_MAX)
		return errinfo_set(err, -EINVAL, "more than %d inputs",
				   JOB_INPUTS_MAX);
	in->path = eq ? strndup(value, (size_t)(eq - value)) : strdup(value);
	if (!in->path)
		return -ENOMEM;
	slash = strrchr(in->path, '/');
	in->name = strdup(eq ? eq + 1 : slash ? slash + 1 : in->path);
	if (!in->name) {
		free(in->path);
		return -ENOMEM;
	}
	s->n_inputs++;
	return 0;
}

int job_spec_set(struct job_spec *s, const char *word, const char *value,
		 struct errinfo *err)
{
	static const struct {
		const char *word, *member;
		int (*fn)(struct job_spec *s, const char *member,
			  const char *value, struct errinfo *err);
	} table[] = {
		{ "count", "count", set_int },
		{ "range", NULL, set_range },
		{ "name", "name", set_string },
		{ "key", "key", set_string },
		{ "input", NULL, add_input },
		{ "env", NULL, set_env },
		{ "retries", "retries", set_int },
		{ "priority", "priority", set_int },
		{ "memory", "memory_mib", set_size },
		{ "wall", "wall_sec", set_time },
		{ "cpu", "cpu_sec", set_time },
		{ "output-max", "output_max", set_size },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].word, word))
			return table[i].fn(s, table[i].member, value, err);
	return errinfo_set(err, -EINVAL, "no setting '%s'", word);
}

void job_spec_add_arg(struct job_spec *s, const char *arg)
{
	json_array_append_new(json_object_get(s->doc, "command"),
			      json_string(arg));
}

/* --- files --------------------------------------------------------------- */

static const struct conf_rule limits_rules[] = {
	{ "memory", 1, 1, 0, NULL }, { "wall", 1, 1, 0, NULL },
	{ "cpu", 1, 1, 0, NULL },    { "output-max", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule job_rules[] = {
	{ "count", 1, 1, 0, NULL },
	{ "range", 1, 1, 0, NULL },
	{ "command", 1, CONF_ARGS_MAX, CONF_REQUIRED, NULL },
	{ "args", 1, CONF_ARGS_MAX, CONF_MANY, NULL },
	{ "input", 1, 2, CONF_MANY, NULL },
	{ "env", 2, 2, CONF_MANY, NULL },
	{ "retries", 1, 1, 0, NULL },
	{ "priority", 1, 1, 0, NULL },
	{ "limits", 0, 0, 0, limits_rules },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule file_rules[] = {
	{ "job", 1, 1, CONF_MANY | CONF_REQUIRED, job_rules },
	{ NULL, 0, 0, 0, NULL },
};

/* One or two words of a statement as the option's text. */
static void read_setting(struct conf *f, const struct conf_stmt *st,
			 struct job_spec *s)
{
	auto_free char *value = NULL;
	struct errinfo err = ERRINFO_INIT;

	if (asprintf(&value, st->argc > 1 ? "%s=%s" : "%s", st->argv[0],
		     st->argc > 1 ? st->argv[1] : "") < 0)
		return;
	if (job_spec_set(s, st->name, value, &err))
		conf_error(f, st, 0, "%s", err.text);
}

static void read_job(struct conf *f, const struct conf_stmt *job,
		     struct job_spec *s)
{
	const struct conf_stmt *st, *limit;
	struct errinfo err = ERRINFO_INIT;
	int i;

	if (job_spec_set(s, "name", job->argv[0], &err))
		conf_error(f, job, 0, "%s", err.text);
	st = conf_find(job->child, "range");
	if (st && conf_find(job->child, "count"))
		conf_error(f, st, -1, "'range' and 'count' exclude each other");
	for (st = job->child; st; st = st->next) {
		if (!strcmp(st->name, "limits")) {
			for (limit = st->child; limit; limit = limit->next)
				read_setting(f, limit, s);
			continue;
		}
		if (strcmp(st->name, "command") && strcmp(st->name, "args")) {
			read_setting(f, st, s);
			continue;
		}
		for (i = 0; i < st->argc; i++)
			job_spec_add_arg(s, st->argv[i]);
	}
}

int job_spec_load(const char *path, struct job_spec **jobs, size_t *n)
{
	struct conf *f = conf_load(path, file_rules);
	const struct conf_stmt *st;
	struct job_spec *list = NULL, *more;
	size_t count = 0;
	int bad;

	if (!f)
		return -ENOMEM;
	st = conf_find(conf_first(f), "job");
	for (; st; st = conf_next(st)) {
		more = reallocarray(list, count + 1, sizeof(*list));
		if (!more)
			break;
		list = more;
		job_spec_init(&list[count]);
		read_job(f, st, &list[count++]);
	}
	bad = ctl_conf_errors(f);
	conf_free(f);
	*jobs = list;
	*n = count;
	return bad || st ? -EINVAL : 0;
}
