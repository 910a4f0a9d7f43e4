/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upward - the report to the central: all nodes, each time, so that a lost one
 * costs nothing but time.
 */
#include "clock.h"
#include "foreign.h"
#include "gateway.h"
#include "uplink.h"

#define REPORT_MIN_MS 1000 /* docs/protocol.md section 4 */
#define REPORT_MAX_MS 10000

static json_t *refusals(const struct gateway *gw)
{
	json_t *list = json_array();

	for (size_t i = 0; i < gw->workspaces.n; i++)
		if (gw->results[i].reason[0])
			json_array_append_new(
				list,
				json_pack("{s:s, s:i, s:s}", "workspace",
					  gw->workspaces.list[i].name,
					  "granted", gw->results[i].granted,
					  "reason", gw->results[i].reason));
	return list;
}

static void send_report(struct gateway *gw)
{
	json_t *list = json_array(), *body;
	char *text;

	for (size_t i = 0; i < gw->n_nodes; i++)
		json_array_append_new(
			list, node_to_json(gw->nodes[i], gw->config->segment));
	body = json_pack("{s:s, s:o, s:o, s:o}", "segment", gw->config->segment,
			 "nodes", list, "refusals", refusals(gw), "foreign",
			 foreign_to_json(gw));
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (text)
		uplink_report(gw->uplink, text);
	gw->reported_ms = clock_boot_ms();
	gw->dirty = 0;
	loop_timer_set(gw->report_timer, REPORT_MAX_MS);
}

void upward_timer(void *arg)
{
	struct gateway *gw = arg;

	if (gw->uplink)
		send_report(gw);
}

/* At most one report a second, but the first change goes at once. */
void gateway_touch(struct gateway *gw)
{
	int64_t since = clock_boot_ms() - gw->reported_ms;

	if (gw->dirty || !gw->report_timer)
		return;
	gw->dirty = 1;
	loop_timer_set(gw->report_timer,
		       since >= REPORT_MIN_MS ? 0 : REPORT_MIN_MS - since);
}
