/* SPDX-License-Identifier: Apache-2.0 */
/* gridctl workspace: what a file says, made so. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cleanup.h"
#include "parse.h"

#include "ctl.h"

static const struct conf_rule workspace_rules[] = {
	{ "image", 1, 1, CONF_REQUIRED, NULL },
	{ "domus", 1, 1, 0, NULL },
	{ "memory", 1, 1, 0, NULL },
	{ "vcpus", 1, 1, 0, NULL },
	{ "weight", 1, 1, 0, NULL },
	{ "cap", 1, 1, 0, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static const struct conf_rule file_rules[] = {
	{ "workspace", 1, 1, CONF_MANY | CONF_REQUIRED, workspace_rules },
	{ NULL, 0, 0, 0, NULL },
};

/* "IMAGE/CHANNEL" as two members. */
static void read_image(struct conf *f, const struct conf_stmt *s, json_t *spec)
{
	const char *slash = strchr(s->argv[0], '/');
	auto_free char *image = NULL;

	if (slash)
		image = strndup(s->argv[0], (size_t)(slash - s->argv[0]));
	if (!image || !parse_is_name(image) || !parse_is_name(slash + 1)) {
		conf_error(f, s, 0, "'%s' is not IMAGE/CHANNEL", s->argv[0]);
		return;
	}
	json_object_set_new(spec, "image", json_string(image));
	json_object_set_new(spec, "channel", json_string(slash + 1));
}

static json_t *read_workspace(struct conf *f, const struct conf_stmt *ws)
{
	static const struct {
		const char *word, *member;
		int min, max; /* min < 0: a size */
		int dflt;
	} numbers[] = {
		{ "domus", "domus", 0, 100000, 1 },
		{ "memory", "memory_mib", -1, 0, 256 },
		{ "vcpus", "vcpus", 1, 512, 1 },
		{ "weight", "weight", 1, 65535, 256 },
		{ "cap", "cap", 0, 51200, 0 },
	};
	const struct conf_stmt *s;
	json_t *spec = json_object();
	size_t i;

	if (!parse_is_name(ws->argv[0]))
		conf_error(f, ws, 0, "'%s' is not a name", ws->argv[0]);
	s = conf_find(ws->child, "image");
	if (s)
		read_image(f, s, spec);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		int64_t n = numbers[i].dflt;

		s = conf_find(ws->child, numbers[i].word);
		if (s && numbers[i].min < 0)
			ctl_conf_mib(f, s, &n);
		else if (s)
			ctl_conf_int(f, s, numbers[i].min, numbers[i].max, &n);
		json_object_set_new(spec, numbers[i].member, json_integer(n));
	}
	return spec;
}

/* {NAME: spec} of a file; NULL and all errors told if it is not good. */
static json_t *read_file(const char *path)
{
	struct conf *f = conf_load(path, file_rules);
	const struct conf_stmt *s;
	json_t *all = json_object();

	if (!f) {
		json_decref(all);
		return NULL;
	}
	s = conf_find(conf_first(f), "workspace");
	for (; s; s = conf_next(s)) {
		if (json_object_get(all, s->argv[0]))
			conf_error(f, s, 0, "workspace \"%s\" is there already",
				   s->argv[0]);
		json_object_set_new(all, s->argv[0], read_workspace(f, s));
	}
	if (ctl_conf_errors(f)) {
		json_decref(all);
		all = NULL;
	}
	conf_free(f);
	return all;
}

static const json_t *find_workspace(const json_t *now, const char *name)
{
	const json_t *list = json_object_get(now, "workspaces");
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		if (!strcmp(ctl_str(json_array_get(list, i), "name"), name))
			return json_array_get(list, i);
	return NULL;
}

static void add_value(struct buf *b, const json_t *v)
{
	if (json_is_string(v))
		buf_adds(b, json_string_value(v));
	else
		buf_addf(b, "%lld", (long long)json_integer_value(v));
}

/* {"name", "action", "changes": {MEMBER: [old, new]}} */
static json_t *plan_one(const json_t *now, const char *name, json_t *spec)
{
	const json_t *was = find_workspace(now, name);
	json_t *changes = json_object(), *v, *old;
	const char *key, *action = "create";

	json_object_foreach(spec, key, v)
	{
		old = json_object_get(was, key);
		if (was && !json_equal(old, v))
			json_object_set_new(changes, key,
					    json_pack("[OO]", old, v));
	}
	if (was)
		action = json_object_size(changes) ? "change" : "keep";
	return json_pack("{ss ss so}", "name", name, "action", action,
			 "changes", changes);
}

static void print_plan(const json_t *plan)
{
	auto_buf struct buf b = BUF_INIT;
	const char *key;
	json_t *v;

	json_object_foreach(json_object_get(plan, "changes"), key, v)
	{
		buf_addf(&b, "%s %s ", b.len ? "," : ":", key);
		add_value(&b, json_array_get(v, 0));
		buf_adds(&b, " -> ");
		add_value(&b, json_array_get(v, 1));
	}
	printf("%s %s%s\n", ctl_str(plan, "action"), ctl_str(plan, "name"),
	       b.len ? b.data : "");
}

static int apply_one(struct ctl *ctl, const char *name, const json_t *spec)
{
	json_t *w = NULL;
	char path[128];
	int status;

	snprintf(path, sizeof(path), "/v1/workspaces/%s", name);
	status = ctl_send(ctl, "PUT", path, spec, &w);
	if (!status && *ctl_str(w, "error"))
		fprintf(stderr, "gridctl: workspace %s: not running yet: %s\n",
			name, ctl_str(w, "error"));
	json_decref(w);
	return status;
}

static int apply_all(struct ctl *ctl, json_t *specs, int dry_run)
{
	json_t *now = ctl_get(ctl, "/v1/workspaces"), *plans, *plan, *spec;
	int status = CMD_EXIT_OK;
	const char *name;

	if (!now)
		return CMD_EXIT_FAILED;
	plans = json_array();
	json_object_foreach(specs, name, spec)
	{
		plan = plan_one(now, name, spec);
		json_array_append_new(plans, plan);
		if (!dry_run && strcmp(ctl_str(plan, "action"), "keep"))
			status = apply_one(ctl, name, spec);
		if (status)
			break;
		if (!ctl->json)
			print_plan(plan);
	}
	json_decref(now);
	if (ctl->json && !status)
		return ctl_print_json(json_pack("{so}", "workspaces", plans));
	json_decref(plans);
	return status;
}

int workspace_apply(int argc, char **argv, void *arg)
{
	static const struct option options[] = { { "dry-run", 0, NULL, 'n' },
						 { NULL, 0, NULL, 0 } };
	int opt, status, dry_run = 0;
	json_t *specs;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "n", options, NULL)) != -1) {
		if (opt != 'n')
			return CMD_EXIT_USAGE;
		dry_run = 1;
	}
	if (argc - optind != 1)
		return cmd_misuse("one FILE");
	specs = read_file(argv[optind]);
	if (!specs)
		return CMD_EXIT_FAILED;
	status = apply_all(arg, specs, dry_run);
	json_decref(specs);
	return status;
}

/* Its own error, then what each segment says. */
static void add_remark(struct table *t, const json_t *w)
{
	const json_t *list = json_object_get(w, "refusals"), *item;
	auto_buf struct buf b = BUF_INIT;
	size_t i;

	buf_adds(&b, ctl_str(w, "error"));
	for (i = 0; i < json_array_size(list); i++) {
		item = json_array_get(list, i);
		buf_addf(&b, "%s%s: %s", b.len ? "; " : "",
			 ctl_str(item, "segment"), ctl_str(item, "reason"));
	}
	table_add(t, "%s", b.len ? b.data : "");
}

int workspace_list(int argc, char **argv, void *arg)
{
	static const char *const titles[] = {
		"WORKSPACE", "IMAGE",   "VERSION", ">DOMUS",
		">RUNNING",  ">MEMORY", ">VCPUS",  ">WEIGHT",
		">CAP",      "REMARK",  NULL
	};
	struct ctl *ctl = arg;
	struct table *t;
	json_t *doc, *w;
	int status;
	size_t i;

	(void)argv;
	if (argc > 1)
		return cmd_misuse("no arguments");
	doc = ctl_get(ctl, "/v1/workspaces");
	if (!doc)
		return CMD_EXIT_FAILED;
	if (ctl->json)
		return ctl_print_json(doc);
	t = table_new(titles);
	json_array_foreach(json_object_get(doc, "workspaces"), i, w)
	{
		const char *version = ctl_str(w, "image_version");

		table_add(t, "%s", ctl_str(w, "name"));
		table_add(t, "%s/%s", ctl_str(w, "image"), ctl_str(w, "channel"));
		table_add(t, "%s", *version ? version : "-");
		table_add(t, "%lld", (long long)ctl_int(w, "domus"));
		table_add(t, "%lld", (long long)ctl_int(w, "running"));
		table_add(t, "%lldM", (long long)ctl_int(w, "memory_mib"));
		table_add(t, "%lld", (long long)ctl_int(w, "vcpus"));
		table_add(t, "%lld", (long long)ctl_int(w, "weight"));
		table_add(t, "%lld", (long long)ctl_int(w, "cap"));
		add_remark(t, w);
	}
	status = table_print(t);
	json_decref(doc);
	return status;
}

int workspace_delete(int argc, char **argv, void *arg)
{
	char path[128];
	int i, status = CMD_EXIT_OK;

	if (argc < 2)
		return cmd_misuse("which workspaces?");
	for (i = 1; i < argc; i++)
		if (!parse_is_name(argv[i]))
			return cmd_misuse("'%s' is not a name", argv[i]);
	for (i = 1; i < argc && !status; i++) {
		snprintf(path, sizeof(path), "/v1/workspaces/%s", argv[i]);
		status = ctl_send(arg, "DELETE", path, NULL, NULL);
	}
	return status;
}
