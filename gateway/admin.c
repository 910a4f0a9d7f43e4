/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin - the owner's word (docs/protocol.md section 9): only over gatewayd's
 * own socket, nginx does not pass it on.
 */
#include <string.h>

#include "gateway.h"
#include "log.h"

static json_t *node_json(const struct gateway *gw, const struct node *n)
{
	static const char *const words[] = {
		[NODE_AS_CONFIGURED] = "",
		[NODE_BOOT_LOCAL] = "local",
		[NODE_BOOT_GRID] = "grid",
		[NODE_ONCE_LOCAL] = "local once",
		[NODE_ONCE_GRID] = "grid once",
	};
	json_t *o = node_to_json(n, gw->config->segment);

	json_object_set_new(o, "override", json_string(words[n->override]));
	return o;
}

void handle_admin_nodes(struct httpd_req *r, void *arg)
{
	struct gateway *gw = arg;
	json_t *list = json_array();

	for (size_t i = 0; i < gw->n_nodes; i++)
		json_array_append_new(list, node_json(gw, gw->nodes[i]));
	httpd_reply_json(r, 200, json_pack("{s:o}", "nodes", list));
}

static void set_override(struct node *n, enum boot_choice choice, int once)
{
	n->once_used_ms = 0;
	if (once)
		n->override =
			choice == BOOT_GRID ? NODE_ONCE_GRID : NODE_ONCE_LOCAL;
	else if (choice == n->conf->boot)
		n->override = NODE_AS_CONFIGURED;
	else
		n->override =
			choice == BOOT_GRID ? NODE_BOOT_GRID : NODE_BOOT_LOCAL;
	if (choice == BOOT_LOCAL)
		n->granted_once = 0;
}

void handle_admin_boot(struct httpd_req *r, void *arg)
{
	struct gateway *gw = arg;
	struct node *n = gateway_node_by_name(gw, httpd_param(r, 0));
	json_t *body, *once;
	const char *boot;

	if (!n) {
		httpd_reply_error(r, 404, "no such node");
		return;
	}
	body = httpd_body_json(r);
	if (!body)
		return;
	boot = json_string_value(json_object_get(body, "boot"));
	once = json_object_get(body, "once");
	if (!boot || (strcmp(boot, "grid") && strcmp(boot, "local")) ||
	    (once && !json_is_boolean(once))) {
		httpd_reply_error(r, 400, "boot is grid or local, once a bool");
		return;
	}
	set_override(n, strcmp(boot, "grid") ? BOOT_LOCAL : BOOT_GRID,
		     json_is_true(once));
	log_info("%s: the owner says boot %s%s", n->conf->name, boot,
		 json_is_true(once) ? " once" : "");
	gateway_node_save(gw, n);
	gateway_call_back(gw, n);
	gateway_touch(gw);
	gateway_assign(gw);
	httpd_reply_json(r, 200, node_json(gw, n));
}
