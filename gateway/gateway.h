/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway - what gatewayd's request handlers share. One thread; the only other
 * threads are in uplink.c and touch nothing of this.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "assign.h"
#include "config.h"
#include "httpd.h"
#include "loop.h"
#include "node.h"
#include "release.h"
#include "store.h"
#include "tls.h"
#include "trust.h"
#include "workspace.h"

struct uplink;
struct tunnel;
struct walls;
struct foreign;

struct gateway {
	struct config *config;
	const char *path;      /* of nightshift.conf */
	const char *generated; /* folder kept up to date, or NULL */
	struct loop *loop;
	struct httpd *httpd;
	struct store *store;
	struct uplink *uplink;
	struct tunnel *tunnel; /* NULL: none is configured */
	struct walls *walls;   /* NULL: until walls_apply */
	struct foreign *foreign;
	struct trust_key key;
	char pin[TLS_PIN_LEN];
	struct release_cache release;

	struct node **nodes; /* in the order of the configuration */
	size_t n_nodes;
	struct workspaces workspaces;
	struct assign_result results[WORKSPACES_MAX];

	struct loop_timer *lost_timer, *report_timer;
	int64_t reported_ms; /* clock_boot_ms() of the last report */
	int dirty;           /* something to report is new */
	int store_broken;    /* said once */
	int walls_broken;    /* the same; walls_follow */
};

/* gateway.c: life */
int gateway_start(struct gateway *gw, struct errinfo *err);
void gateway_stop(struct gateway *gw);
/* Makes gw->nodes fit gw->config; what is known of a node is kept. */
int gateway_take_config(struct gateway *gw, struct config *c,
			struct errinfo *err);
/* SIGHUP: reload.c */
void gateway_reload(struct gateway *gw);

struct node *gateway_node_by_name(struct gateway *gw, const char *name);
struct node *gateway_node_by_mac(struct gateway *gw,
				 const uint8_t mac[PARSE_MAC_LEN]);
/* Whether the request comes from that node's own address; logs if not. */
int gateway_is_from(struct httpd_req *r, const struct node *n);

/* State, time, log line, event, all in one; saves. */
void gateway_node_state(struct gateway *gw, struct node *n,
			enum node_state state);
/* Saves n; a failure is logged once and work goes on from memory. */
void gateway_node_save(struct gateway *gw, struct node *n);
/* enrol.c: fences a boot that is on the grid against the owner's word. */
void gateway_call_back(struct gateway *gw, struct node *n);
#define GATEWAY_CALLED_BACK "the owner called this PC back"
/* upward.c. Something that the central should hear of is new. */
void gateway_touch(struct gateway *gw);
void upward_timer(void *arg);

/* desired.c: works out who runs what; wakes those whose word changed. */
void gateway_assign(struct gateway *gw);
/* New desired state of the site, as the uplink got it. */
void gateway_take_desired(struct gateway *gw, const char *text);
void desired_drop_held(struct node *n, int status, const char *why);

/* Signs and sends {common members + body}; steals body. */
void gateway_reply_signed(struct gateway *gw, struct httpd_req *r,
			  const char *type, json_t *body);
/* The lease of the node's present boot. */
void gateway_reply_lease(struct gateway *gw, struct httpd_req *r,
			 const struct node *n);
/* The node that signed r by the right of its present boot, its seq taken; NULL
 * after r was answered: 401 (enrol anew), 403, 409 (fenced). */
struct node *gateway_authenticate(struct gateway *gw, struct httpd_req *r);
struct request;
/* Headers of r; 0, or r has been answered. */
int gateway_read_request(struct httpd_req *r, struct request *q);

/* segment.c: of the card that leads to the PCs; -errno where it has none. */
int gateway_mac(const struct gateway *gw, char out[PARSE_MAC_STR]);

/* mirror.c: names to `imagerepo mirror` what this segment is to run. */
void gateway_want(struct gateway *gw);
/* What the segment statement says of the repository. */
void gateway_say_repo(const struct gateway *gw, json_t *segment);

/* Handlers; arg is the gateway. */
void handle_boot_pxelinux(struct httpd_req *r, void *arg);
void handle_boot_ipxe(struct httpd_req *r, void *arg);
void handle_boot_uefi(struct httpd_req *r, void *arg);
void handle_segment(struct httpd_req *r, void *arg);
void handle_enrol(struct httpd_req *r, void *arg);
void handle_report(struct httpd_req *r, void *arg);
void handle_desired(struct httpd_req *r, void *arg);
void handle_admin_nodes(struct httpd_req *r, void *arg);
void handle_admin_boot(struct httpd_req *r, void *arg);
void handle_admin_segment(struct httpd_req *r, void *arg);

#endif
