/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload - SIGHUP: the new configuration whole, or the old one whole.
 *
 * dnsmasq reads its reservations again at SIGHUP without losing a lease or a
 * transfer; it gets one. What no running process can take over is named in the
 * log, and nothing is restarted behind the operator's back.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "fileio.h"
#include "gateway.h"
#include "generate.h"
#include "log.h"
#include "parse.h"
#include "tunnel.h"
#include "walls.h"

static void log_error(const char *text, void *arg)
{
	(void)arg;
	log_err("%s", text);
}

/* The process of a pid file, if it is still that program; else -1. */
static pid_t find_process(const char *pid_file, const char *program)
{
	auto_free char *text = NULL, *comm = NULL;
	char path[64];
	int pid;

	if (fileio_read(pid_file, 32, &text, NULL, NULL))
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (parse_int(text, 2, INT_MAX, &pid))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (fileio_read(path, 64, &comm, NULL, NULL))
		return -1;
	comm[strcspn(comm, "\n")] = '\0';
	return strcmp(comm, program) ? -1 : (pid_t)pid;
}

static void tell_dnsmasq(const struct gateway *gw)
{
	char path[PATH_MAX];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/dnsmasq.pid", gw->config->state);
	pid = find_process(path, "dnsmasq");
	if (pid > 0 && !kill(pid, SIGHUP))
		log_info("dnsmasq: told to read the reservations again");
	else
		log_warn("dnsmasq: send it SIGHUP, its reservations changed");
}

static void regenerate(struct gateway *gw)
{
	struct errinfo err = ERRINFO_INIT;
	unsigned int changed = 0;
	int rc;

	rc = generate_all(gw->config, gw->generated, &changed, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
		return;
	}
	if (changed & GENERATE_NGINX)
		log_warn("nginx.conf changed: reload nginx");
	if (changed & GENERATE_REPO)
		log_warn("repo.env changed: restart the mirror and the "
			 "carousel");
	if (changed & GENERATE_DNSMASQ)
		log_warn("dnsmasq.conf changed: restart dnsmasq");
	else if (changed & GENERATE_HOSTS)
		tell_dnsmasq(gw);
}

/* What was opened at the start and stays as it was until a restart. */
static void name_restarts(const struct config *a, const struct config *b)
{
	const struct {
		const char *what;
		int differs;
	} table[] = {
		{ "segment", strcmp(a->segment, b->segment) },
		{ "state", strcmp(a->state, b->state) },
		{ "key", strcmp(a->key, b->key) },
		{ "root", strcmp(a->root, b->root) },
		{ "tunnel",
		  a->tunnel.port != b->tunnel.port ||
			  strcmp(a->tunnel.interface, b->tunnel.interface) },
		{ "central", memcmp(&a->central, &b->central,
				    offsetof(struct config_central, line)) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].differs)
			log_warn("'%s' changed: restart gatewayd to use it",
				 table[i].what);
}

void gateway_reload(struct gateway *gw)
{
	struct errinfo err = ERRINFO_INIT;
	struct walls *w = NULL;
	struct config *c;
	int rc;

	rc = config_load(gw->path, &c, NULL, log_error, NULL);
	if (rc) {
		log_err("%s: not reloaded, the old configuration stays",
			gw->path);
		return;
	}
	rc = walls_new(c, NULL, NULL, &w, &err);
	walls_free(w);
	if (!rc) {
		name_restarts(gw->config, c);
		rc = gateway_take_config(gw, c, &err);
	}
	if (rc) {
		config_free(c);
		log_err("not reloaded: %s", errinfo_text(&err, rc));
		return;
	}
	rc = walls_apply(gw, &err);
	if (rc)
		log_err("walls: the old ones stay: %s", errinfo_text(&err, rc));
	log_info("%s: reloaded, %zu nodes", gw->path, gw->n_nodes);
	if (gw->generated)
		regenerate(gw);
	rc = tunnel_reconcile(gw, &err);
	if (rc)
		log_err("tunnel: %s", errinfo_text(&err, rc));
	gateway_assign(gw);
	gateway_touch(gw);
}
