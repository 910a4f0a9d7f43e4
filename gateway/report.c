/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - a node's whole state, each time: a lost report costs nothing but
 * time. The answer renews its lease.
 */
#include <string.h>

#include "clock.h"
#include "gateway.h"
#include "log.h"
#include "wire.h"

/* A report's host holds only what moves. */
static void merge_host(struct node *n, json_t *host)
{
	if (!json_object_size(host))
		return;
	if (!n->host)
		n->host = json_object();
	/* What was free before any domU is what assign() wants to know; the
	 * present value stands beside it. */
	json_object_set(n->host, "free_now_mib",
			json_object_get(host, "free_mib"));
}

static void replace(json_t **slot, json_t *value)
{
	json_decref(*slot);
	*slot = value;
}

/* The central hears at once of what is new, the rest with the next report. */
static void take_report(struct gateway *gw, struct node *n, struct wire_report *w)
{
	int news = strcmp(n->error, w->error) ||
		   !json_equal(n->image, w->image) ||
		   !json_equal(n->domus, w->domus) ||
		   (w->scratch && !json_equal(n->scratch, w->scratch));

	if (w->error[0] && strcmp(n->error, w->error)) {
		char text[NODE_ERROR_MAX * 2];

		log_warn("%s: %s", n->conf->name,
			 log_quote(text, sizeof(text), w->error,
				   strlen(w->error)));
	}
	strcpy(n->error, w->error);
	merge_host(n, w->host);
	json_decref(w->host);
	replace(&n->image, w->image);
	replace(&n->domus, w->domus);
	replace(&n->scratch, w->scratch);
	if (n->state != w->state) {
		news = 1;
		gateway_node_state(gw, n, w->state);
	} else {
		gateway_node_save(gw, n);
	}
	if (!news)
		return;
	gateway_touch(gw);
	gateway_assign(gw);
}

void handle_report(struct httpd_req *r, void *arg)
{
	struct gateway *gw = arg;
	struct errinfo err = ERRINFO_INIT;
	struct wire_report w;
	struct node *n;
	json_t *body;
	int rc;

	n = gateway_authenticate(gw, r);
	if (!n)
		return;
	body = httpd_body_json(r);
	if (!body)
		return;
	rc = wire_report(body, &w, &err);
	if (rc) {
		httpd_reply_error(r, 400, "%s", errinfo_text(&err, rc));
		return;
	}
	if (strcmp(w.boot_id, n->boot_id)) {
		json_decref(w.host);
		json_decref(w.image);
		json_decref(w.domus);
		json_decref(w.scratch);
		httpd_reply_error(r, 400, "'boot_id' is not of this boot");
		return;
	}
	take_report(gw, n, &w);
	gateway_reply_lease(gw, r, n);
}
