/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate - the configuration of the gateway's other services, from
 * nightshift.conf: nginx.conf, dnsmasq.conf, dnsmasq.hosts, repo.env.
 *
 * The text depends on the configuration and on where it will lie, on nothing
 * else (golden tests: tests/golden/gateway-conf).
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "buf.h"
#include "config.h"
#include "errinfo.h"

/* Files of one folder, as bits of what was changed. */
#define GENERATE_NGINX   1U
#define GENERATE_DNSMASQ 2U
#define GENERATE_HOSTS   4U
#define GENERATE_REPO    8U

/* dir is the absolute folder the files will lie in, without a blank. */
void generate_nginx(const struct config *c, const char *dir, struct buf *out);
void generate_dnsmasq(const struct config *c, const char *dir, struct buf *out);
void generate_hosts(const struct config *c, const char *dir, struct buf *out);
/* Arguments of `imagerepo mirror` and `carouseld`, as the shell and systemd
 * read them. */
void generate_repo(const struct config *c, const char *dir, struct buf *out);

/* Parts of nginx.conf: the cache; locations below /repo/ and the last one,
 * which refuses all else; the servers for nothing but the repository; nginx's
 * own refusals in the one form of errors of our APIs. */
void generate_nginx_cache(const struct config *c, struct buf *out);
void generate_nginx_repo(const struct config *c, struct buf *out);
void generate_nginx_servers(const struct config *c, struct buf *out);
void generate_nginx_errors(struct buf *out);

/* Writes those files of dir that differ; makes folders below the state folder
 * and the TLS key where they are missing. *changed (may be NULL) says which
 * files were written. */
int generate_all(const struct config *c, const char *dir, unsigned int *changed,
		 struct errinfo *err);
/* The user that nginx's workers run as: from the configuration, or by where
 * this is made. */
const char *generate_user(const struct config *c);
/* Name of the file of that bit, NULL past the last. */
const char *generate_name(unsigned int bit);

#endif
