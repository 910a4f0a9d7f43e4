/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "steps.h"

const char *const step_names[STEP_COUNT] = {
	"firmware", "boot", "Xen", "dom0", "enrolled", "image", "domU", "job",
};

/* The gateway's name of a step, in "steps_ms" of a node. */
static const struct {
	enum step step;
	const char *key;
} gateway_steps[] = {
	{ STEP_BOOT, "asked" },
	{ STEP_DOM0, "dom0" },
	{ STEP_ENROLLED, "enrolled" },
	{ STEP_IMAGE, "verified" },
};

int step_by_name(const char *name)
{
	for (int i = 0; i < STEP_COUNT; i++)
		if (strcasecmp(step_names[i], name) == 0)
			return i;
	return -1;
}

double step_seconds(const struct pc *pc, enum step step)
{
	int64_t before = pc->on_ms;

	for (int i = 0; i < (int)step; i++)
		if (pc->at_ms[i] > before)
			before = pc->at_ms[i];
	return pc->at_ms[step] > before
		       ? (double)(pc->at_ms[step] - before) / 1000
		       : 0;
}

enum step step_pending(const struct pc *pc)
{
	enum step step = STEP_COUNT;

	/* A later step shows that the earlier ones were passed. */
	while (step > 0 && !pc->at_ms[step - 1])
		step--;
	return step;
}

static const json_t *find_node(const json_t *nodes, const char *name)
{
	const json_t *node;
	const char *id;
	size_t i;

	json_array_foreach(json_object_get(nodes, "nodes"), i, node)
	{
		id = json_string_value(json_object_get(node, "id"));
		if (id && strcmp(id, name) == 0)
			return node;
	}
	return NULL;
}

static void copy_text(char *out, size_t size, const json_t *value)
{
	const char *text = json_string_value(value);

	snprintf(out, size, "%s", text ? text : "");
}

void steps_from_gateway(struct pc *pc, const json_t *nodes, int64_t now_ms)
{
	const json_t *node = find_node(nodes, pc->name);
	const json_t *steps = json_object_get(node, "steps_ms");

	if (!node)
		return;
	copy_text(pc->state, sizeof(pc->state), json_object_get(node, "state"));
	copy_text(pc->error, sizeof(pc->error), json_object_get(node, "error"));
	for (size_t i = 0; i < ARRAY_SIZE(gateway_steps); i++) {
		json_int_t at = json_integer_value(
			json_object_get(steps, gateway_steps[i].key));

		/* What an earlier boot reached does not count. */
		if (at >= pc->on_ms && at <= now_ms)
			pc->at_ms[gateway_steps[i].step] = at;
	}
}

/* A domU is up when its worker spoke. */
static void note(struct pc *pc, enum step step, const json_t *since,
		 int64_t now_ms)
{
	json_int_t at = json_integer_value(since);

	if (!pc->at_ms[step] && at >= pc->on_ms)
		pc->at_ms[step] = at < now_ms ? at : now_ms;
}

void steps_from_central(struct pc *pc, const json_t *nodes, int64_t now_ms)
{
	const json_t *node = find_node(nodes, pc->name);

	note(pc, STEP_DOMU, json_object_get(node, "worker_ms"), now_ms);
	note(pc, STEP_JOB,
	     json_object_get(json_object_get(node, "task"), "since_ms"), now_ms);
}
