/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net - what the net process's files share.
 */
#ifndef NET_H
#define NET_H

#include <curl/curl.h>

#include "agent.h"
#include "ipc.h"

/*
 * net-get.c: ranges of blobs for the blk process, past main. They share one
 * connection, HTTP/2 where the gateway has a port for it; what a read waits
 * for goes first.
 */
void net_get_init(CURLM *multi, const char *gateway, int http_port);
/* A new socket to blk, owned; requests of the old one are forgotten. */
void net_get_link(int fd, int repo_port);
int net_get_fd(void); /* to poll; -1: blk is away */
void net_get_read(void);
/* A transfer that ended; returns 0 if it is none of these. */
int net_get_ended(CURL *easy, CURLcode code);

#endif
