/* SPDX-License-Identifier: Apache-2.0 */
/* Asking, and saying what went wrong: one line with what, where, what now. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"

#include "ctl.h"

static const char *advice(int rc)
{
	static const struct {
		int rc;
		const char *text;
	} table[] = {
		{ -ECONNREFUSED, " (is it running?)" },
		{ -ENOENT, "" },
		{ -ETIMEDOUT, " (is it overloaded, or the network gone?)" },
		{ -EPERM, " (is `pin` what `centrald -p` prints?)" },
		{ -EACCES, " (is token-file the operator's token?)" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].rc == rc)
			return table[i].text;
	return "";
}

int ctl_fail(const struct errinfo *err, int rc)
{
	fprintf(stderr, "gridctl: %s%s\n", errinfo_text(err, rc), advice(rc));
	return CMD_EXIT_FAILED;
}

json_t *ctl_get(struct ctl *ctl, const char *path)
{
	json_t *doc = NULL;

	if (ctl_send(ctl, "GET", path, NULL, &doc))
		return NULL;
	if (!doc)
		fprintf(stderr, "gridctl: %s: an empty answer\n", path);
	return doc;
}

/* Page by page: an array of a hundred thousand is no single answer. */
json_t *ctl_tasks(struct ctl *ctl, int64_t job)
{
	json_t *all = json_pack("{s[]}", "tasks"), *page, *next;
	int64_t from = 0;
	char path[96];
	int more = 1;

	while (more) {
		snprintf(path, sizeof(path), "/v1/jobs/%lld/tasks?from=%lld",
			 (long long)job, (long long)from);
		page = ctl_get(ctl, path);
		if (!page) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(json_object_get(all, "tasks"),
				  json_object_get(page, "tasks"));
		next = json_object_get(page, "next");
		more = json_is_integer(next) && json_integer_value(next) > from;
		from = json_integer_value(next);
		json_decref(page);
	}
	return all;
}

int ctl_send(struct ctl *ctl, const char *method, const char *path,
	     const json_t *body, json_t **out)
{
	struct httpc *c = ctl_central(ctl);
	struct errinfo err = ERRINFO_INIT;
	int rc;

	if (!c)
		return CMD_EXIT_FAILED;
	rc = httpc_json(c, method, path, body, out, &err);
	return rc ? ctl_fail(&err, rc) : CMD_EXIT_OK;
}

int ctl_print_json(json_t *doc)
{
	int r = json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	putchar('\n');
	json_decref(doc);
	return r ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

const char *ctl_str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

int64_t ctl_int(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

int ctl_id(const char *text, int64_t *id)
{
	uint64_t n;

	if (parse_u64(text, 1, INT64_MAX, &n)) {
		cmd_misuse("'%s' is not a job's number", text);
		return 0;
	}
	*id = (int64_t)n;
	return 1;
}
