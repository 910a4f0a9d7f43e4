/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin-segment - the segment as a whole, for its owner: walls, tunnel, other
 * DHCP servers (docs/protocol.md section 9).
 */
#include "acl.h"
#include "cleanup.h"
#include "foreign.h"
#include "gateway.h"
#include "wg.h"

static json_t *rules_to_json(const struct acl_count *list, size_t n)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			rules,
			json_pack("{s:s, s:I, s:I, s:I, s:I}", "line",
				  list[i].comment, "packets",
				  (json_int_t)list[i].packets, "bytes",
				  (json_int_t)list[i].bytes, "reply_packets",
				  (json_int_t)list[i].reply_packets,
				  "over_packets",
				  (json_int_t)list[i].over_packets));
	return rules;
}

/* As the kernel has them, whatever we believe. */
static json_t *walls_to_json(const struct gateway *gw)
{
	auto_free struct acl_count *list = NULL;
	struct errinfo err = ERRINFO_INIT;
	const char *policy = gw->config->policy;
	size_t n = 0;
	int rc = acl_counts(&list, &n, &err);

	if (rc)
		return json_pack("{s:s, s:s, s:[]}", "policy", policy, "error",
				 errinfo_text(&err, rc), "rules");
	return json_pack("{s:s, s:s, s:o}", "policy", policy, "error", "",
			 "rules", rules_to_json(list, n));
}

static json_t *tunnel_to_json(const struct gateway *gw)
{
	const struct config_tunnel *t = &gw->config->tunnel;

	if (!gw->tunnel)
		return json_null();
	return json_pack("{s:s, s:i}", "interface", t->interface, "port",
			 t->port);
}

void handle_admin_segment(struct httpd_req *r, void *arg)
{
	const struct gateway *gw = arg;

	httpd_reply_json(
		r, 200,
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "segment",
			  gw->config->segment, "interface", gw->config->interface,
			  "address", gw->config->address_text, "walls",
			  walls_to_json(gw), "tunnel", tunnel_to_json(gw),
			  "foreign", foreign_to_json(gw), "foreign_trouble",
			  foreign_trouble(gw)));
}
