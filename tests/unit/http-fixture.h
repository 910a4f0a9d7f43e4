/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http-fixture - httpd and httpc against each other over a unix socket: the
 * server runs its loop in a forked child, the clients in the test.
 */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include "httpc.h"
#include "httpd.h"

#define SMALL 64 /* bytes that POST /small takes */

extern char dir[64], sock_path[96], url[128];
extern const struct httpd_route routes[];

int start_server(void **state);
int stop_server(void **state);

struct httpc *client(void);
/* The reply's status; its body in *out if that is not NULL. */
int ask(struct httpc *c, const char *method, const char *path, const void *body,
	size_t len, struct buf *out);

/* A connection without a client. */
int raw_connect(void);
void raw_send(int fd, const void *data, size_t len);

#endif
