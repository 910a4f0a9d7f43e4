/* SPDX-License-Identifier: Apache-2.0 */
/*
 * central - what centrald's files share: one object, one thread, one loop.
 *
 * Two unix sockets lead here. STATE/centrald.sock: who may open it is an
 * operator and may do everything. STATE/tls.sock: behind nginx's TLS, every
 * request shows a token. Which of the two a request came by is a property of
 * its listener, not of a header that somebody could send.
 */
#ifndef CENTRAL_H
#define CENTRAL_H

#include <stdint.h>

#include <jansson.h>

#include "config.h"
#include "engine.h"
#include "hash.h"
#include "httpd.h"
#include "images.h"
#include "loop.h"
#include "tls.h"

struct central;

struct front {
	struct central *c;
	int trusted; /* centrald.sock */
	struct httpd *httpd;
};

struct secret {
	char name[PARSE_NAME_MAX + 1]; /* of the site or workspace */
	uint8_t digest[HASH_LEN];      /* SHA-256 of the token */
};

struct central {
	const struct config *config;
	struct loop *loop;
	struct engine *engine;
	struct images *images;
	struct front operators, network;
	char pin[TLS_PIN_LEN];

	struct secret operator_secret;
	struct secret sites[CONFIG_SITES_MAX]; /* as in config->sites */
	struct secret *workers;                /* one each workspace */
	size_t n_workers;

	json_t *workspaces;  /* as engine_workspaces, with "error" */
	int64_t desired_gen; /* rises when what sites should run changes */
	json_t *reports;     /* by segment: received_ms, nodes, refusals,
			      * foreign */
	json_t *worker_ms;   /* by "SEGMENT/NODE": when its worker last asked */

	struct wait *waits;
	struct loop_timer *wait_timer, *tick_timer;
	int waits_kicked;
	uint64_t seen_changes; /* of the engine, at the last kick */
};

/* --- auth.c -------------------------------------------------------------- */

#define WHO_OPERATOR 1U
#define WHO_SITE     2U
#define WHO_WORKER   4U

struct caller {
	unsigned int who;
	const char *name; /* site or workspace; "" for operators */
};

/* Who asks; operators may do all. If it may not be any of `allowed`, has
 * answered 401 or 403 and returns 0. */
int auth_require(struct httpd_req *r, struct front *f, unsigned int allowed,
		 struct caller *caller);
int auth_load(struct central *c, struct errinfo *err); /* token files */
int auth_load_workers(struct central *c);              /* from c->workspaces */

/* --- wait.c: long polls -------------------------------------------------- */

#define WAIT_MAX_SEC 25

/* Answers r and returns 1, or returns 0 to wait on; `last`: must answer. */
typedef int (*wait_fn)(struct httpd_req *r, struct front *f, const char *caller,
		       int64_t arg, int last);

/* Tries now, then whenever something changed, until ?wait= is over. */
void wait_start(struct httpd_req *r, struct front *f, const char *caller,
		int64_t arg, wait_fn fn);
void wait_kick(struct central *c); /* something changed */
void wait_timer(void *arg);        /* the loop's; arg is the central */
void wait_drop_all(struct central *c);

/* --- sites.c ------------------------------------------------------------- */

/* Reads workspaces, resolves their channels, and raises desired_gen if that
 * changed what sites should run. */
int sites_update(struct central *c, struct errinfo *err);
/* {"gen", "workspaces"} for this site; NULL: out of memory. */
json_t *sites_desired(struct central *c, const char *site);
/* A worker "SEGMENT/NODE/DOMU" asked for work: its domU is up. */
void sites_worker_asked(struct central *c, const char *worker);
/* All nodes with their tasks, or one of them (-ENOENT). */
int sites_nodes(struct central *c, json_t **out, struct errinfo *err);
/* Segments that have reported; new reference. */
json_t *sites_segments(const struct central *c);
int sites_node(struct central *c, const char *segment, const char *node,
	       json_t **out, struct errinfo *err);
/* Workspaces for people: "running", "refusals", no token. */
json_t *sites_workspaces(struct central *c);

/* --- api*.c -------------------------------------------------------------- */

extern const struct httpd_route api_routes[];

/* The engine's errors as HTTP's. */
void api_fail(struct httpd_req *r, int rc, const struct errinfo *err);
/* 200 with doc (takes ownership), or if rc that error. */
void api_reply(struct httpd_req *r, int rc, json_t *doc,
	       const struct errinfo *err);
/* i-th wildcard as a number; has answered 404 and returns 0 if it is none. */
int api_number(struct httpd_req *r, int i, int64_t *out);

void api_work_lease(struct httpd_req *r, void *arg);
void api_work_renew(struct httpd_req *r, void *arg);
void api_work_output(struct httpd_req *r, void *arg);
void api_work_result(struct httpd_req *r, void *arg);
void api_work_file(struct httpd_req *r, void *arg);

void api_job_submit(struct httpd_req *r, void *arg);
void api_job_list(struct httpd_req *r, void *arg);
void api_job_show(struct httpd_req *r, void *arg);
void api_job_tasks(struct httpd_req *r, void *arg);
void api_job_cancel(struct httpd_req *r, void *arg);
void api_job_output(struct httpd_req *r, void *arg);
void api_file_put(struct httpd_req *r, void *arg);

void api_site_desired(struct httpd_req *r, void *arg);
void api_site_report(struct httpd_req *r, void *arg);
void api_segments(struct httpd_req *r, void *arg);
void api_nodes(struct httpd_req *r, void *arg);
void api_node(struct httpd_req *r, void *arg);
void api_images(struct httpd_req *r, void *arg);
void api_workspaces(struct httpd_req *r, void *arg);
void api_workspace_put(struct httpd_req *r, void *arg);
void api_workspace_delete(struct httpd_req *r, void *arg);
void api_metrics(struct httpd_req *r, void *arg);

#endif
