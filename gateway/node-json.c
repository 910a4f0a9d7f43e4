/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node-json - a node as the central and the owner see it.
 */
#include <string.h>

#include "node.h"

static json_t *steps_to_json(const struct node *n)
{
	json_t *o = json_object();

	for (int i = 0; i < NODE_STEPS; i++)
		if (n->steps_ms[i])
			json_object_set_new(o, node_state_name(NODE_ASKED + i),
					    json_integer(n->steps_ms[i]));
	return o;
}

/* A domU's id is WORKSPACE-NODE. */
static json_t *workspace_of(const json_t *domu, const char *node)
{
	const char *id = json_string_value(json_object_get(domu, "id"));
	size_t len = id ? strlen(id) : 0, tail = strlen(node) + 1;

	if (len <= tail || id[len - tail] != '-' ||
	    strcmp(id + len - tail + 1, node))
		return json_string("");
	return json_stringn(id, len - tail);
}

static json_t *domus_to_json(const struct node *n)
{
	json_t *list = json_array();
	json_t *domu, *copy;
	size_t i;

	json_array_foreach(n->domus, i, domu)
	{
		copy = json_copy(domu);
		json_object_set_new(copy, "workspace",
				    workspace_of(domu, n->conf->name));
		json_array_append_new(list, copy);
	}
	return list;
}

static json_t *copy_or_empty(const json_t *o)
{
	return o ? json_deep_copy(o) : json_object();
}

static json_t *tunnel_to_json(const struct node *n)
{
	if (!n->has_peer)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "handshake_ms",
			 (json_int_t)n->handshake_ms, "rx_bytes",
			 (json_int_t)n->rx_bytes, "tx_bytes",
			 (json_int_t)n->tx_bytes);
}

json_t *node_to_json(const struct node *n, const char *segment)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o,"
		" s:o, s:o, s:o, s:I, s:s, s:o}",
		"id", n->conf->name, "segment", segment, "mac",
		n->conf->mac_text, "firmware", n->firmware, "boot",
		node_choice(n) == BOOT_GRID ? "grid" : "local", "state",
		node_state_name(n->state), "error", n->error, "epoch",
		(json_int_t)n->epoch, "since_ms", (json_int_t)n->since_ms,
		"seen_ms", (json_int_t)n->seen_ms, "steps_ms", steps_to_json(n),
		"image", copy_or_empty(n->image), "host",
		copy_or_empty(n->host), "domus", domus_to_json(n), "tunnel",
		tunnel_to_json(n), "dropped", (json_int_t)n->dropped, "address",
		n->conf->address_text, "scratch",
		n->scratch ? json_deep_copy(n->scratch) : json_null());
}
