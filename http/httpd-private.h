/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of httpd share. A request is made when its request line has
 * been read (server.c), routed from the raw target (route.c), handed to its
 * handler once its body is whole, and answered (reply.c).
 */
#ifndef HTTPD_PRIVATE_H
#define HTTPD_PRIVATE_H

#include <microhttpd.h>

#include "buf.h"
#include "httpd.h"

#define TARGET_MAX   8192 /* bytes of path and query */
#define QUERY_MAX    16   /* parameters in a query */
#define SEGMENTS_MAX 32   /* in a path */
/* Past its bound a body is read and thrown away for this long, so that the
 * peer gets its 413 instead of a broken connection. */
#define LINGER_MAX (64UL * 1024 * 1024)
/* All bodies being held at one time; more get 503. */
#define BODIES_MAX (256UL * 1024 * 1024)

enum req_state {
	REQ_READING,  /* the handler has not run yet */
	REQ_HANDLING, /* it runs, no answer yet */
	REQ_HELD,     /* suspended, to be answered later */
	REQ_ANSWERED, /* response is set or already queued */
	REQ_DEAD,     /* the peer is gone: to be closed */
};

struct httpd_req {
	struct httpd *d;
	struct MHD_Connection *conn;
	enum req_state state;

	/* Of the request line; the strings below point into text. */
	char *target; /* as sent */
	char *text;   /* decoded copy */
	char *path;
	char *segment[SEGMENTS_MAX];
	int segments;
	struct {
		const char *key, *value;
	} query[QUERY_MAX];
	int queries;
	const char *method; /* MHD's, as long as the request */

	const struct httpd_route *route;
	char *param[HTTPD_PARAMS_MAX];
	char *rest; /* what "**" took; caller of httpd_route_find frees */
	int refuse; /* status to refuse with, or 0 */
	const char *refuse_why;
	char allow[64]; /* methods of this path, for a 405 */

	struct buf body;
	size_t counted; /* of it, in d->bodies */
	uint64_t over;  /* bytes thrown away */
	json_t *json;

	struct MHD_Response *response;
	unsigned int status;

	int wants_hold;
	void (*gone)(struct httpd_req *r, void *arg);
	void *gone_arg;
	struct loop_fd *watch;         /* of a held request's peer */
	struct httpd_req *prev, *next; /* in d->held */
};

struct httpd {
	struct loop *loop;
	struct MHD_Daemon *mhd;
	const struct httpd_route *routes;
	void *arg;
	char *socket_path;
	struct loop_fd *epoll;
	struct loop_timer *timer;
	struct httpd_req *held;
	int resumed;   /* a connection, since MHD ran last */
	size_t bodies; /* bytes of all bodies now in memory */
};

/* Splits and decodes r->target; 0, or the status to refuse it with. */
int httpd_route_parse(struct httpd_req *r);
/* Finds r->route and its parameters; 0, or 404 or 405 (then sets allow). */
int httpd_route_find(struct httpd_req *r, const struct httpd_route *routes);

/* The request's response is set: send it now or wake its connection. */
void httpd_server_answer(struct httpd_req *r);

/* Listens on path; see httpd_new. */
int httpd_listen(const char *path, int *fd_out, struct errinfo *err);

#endif
