/* SPDX-License-Identifier: Apache-2.0 */
/* centrald - the grid's own site: workspaces, jobs, and what nodes do. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "log.h"

#include "central.h"
#include "generate.h"

#define TICK_MS 1000 /* leases and the repository's files are looked at */

static void tick(void *arg)
{
	struct central *c = arg;
	struct errinfo err = ERRINFO_INIT;
	int rc, n = 0;

	rc = engine_expire(c->engine, &n, &err);
	if (rc)
		log_err("leases: %s", errinfo_text(&err, rc));
	if (n) {
		log_info("%d lease%s ran out", n, n == 1 ? "" : "s");
		wait_kick(c);
	}
	if (images_poll(c->images, clock_unix_ms())) {
		rc = sites_update(c, &err);
		if (rc)
			log_err("workspaces: %s", errinfo_text(&err, rc));
	}
	loop_timer_set(c->tick_timer, TICK_MS);
}

static void on_signal(int signo, void *arg)
{
	struct central *c = arg;

	log_info("stopping (%s)", strsignal(signo));
	loop_quit(c->loop, 0);
}

static int listen_front(struct central *c, struct front *f, const char *name,
			int trusted, struct errinfo *err)
{
	auto_free char *path = NULL;

	f->c = c;
	f->trusted = trusted;
	if (asprintf(&path, "%s/%s", c->config->state, name) < 0)
		return -ENOMEM;
	return httpd_new(c->loop, path, api_routes, f, &f->httpd, err);
}

static int own_pin(const struct config *config, char out[TLS_PIN_LEN],
		   struct errinfo *err)
{
	int rc = tls_pin(config->state, out, err);

	return rc == -ENOENT ? errinfo_wrap(err, rc, "run centrald -g first")
			     : rc;
}

static int start(struct central *c, struct errinfo *err)
{
	const struct config *f = c->config;
	struct engine_config engine = { .dir = f->state,
					.lease_sec = f->lease_sec,
					.attempts_max = f->attempts_max };
	int rc;

	c->reports = json_object();
	c->worker_ms = json_object();
	c->loop = loop_new();
	if (!c->reports || !c->worker_ms || !c->loop)
		return -ENOMEM;
	c->wait_timer = loop_timer_add(c->loop, wait_timer, c);
	c->tick_timer = loop_timer_add(c->loop, tick, c);
	if (!c->wait_timer || !c->tick_timer)
		return -ENOMEM;
	loop_signal(c->loop, SIGTERM, on_signal, c);
	loop_signal(c->loop, SIGINT, on_signal, c);
	signal(SIGPIPE, SIG_IGN);
	rc = engine_open(&engine, &c->engine, err);
	if (!rc)
		rc = auth_load(c, err);
	if (!rc)
		rc = own_pin(f, c->pin, err);
	if (!rc)
		rc = images_open(f->repository, f->root, clock_unix_ms(),
				 &c->images, err);
	if (!rc)
		rc = sites_update(c, err);
	if (!rc)
		rc = listen_front(c, &c->network, "tls.sock", 0, err);
	/* This one last: where it answers, all is up. */
	if (!rc)
		rc = listen_front(c, &c->operators, "centrald.sock", 1, err);
	if (!rc)
		loop_timer_set(c->tick_timer, TICK_MS);
	return rc;
}

static void stop(struct central *c)
{
	wait_drop_all(c);
	httpd_free(c->operators.httpd);
	httpd_free(c->network.httpd);
	images_close(c->images);
	engine_close(c->engine);
	loop_timer_del(c->tick_timer);
	loop_timer_del(c->wait_timer);
	loop_free(c->loop);
	json_decref(c->reports);
	json_decref(c->worker_ms);
	json_decref(c->workspaces);
	free(c->workers);
}

static int run(const struct config *config)
{
	static struct central c;
	struct errinfo err = ERRINFO_INIT;
	int rc;

	c.config = config;
	rc = start(&c, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
	} else {
		log_info("ready: %s/centrald.sock, %zu workspace%s, %zu site%s",
			 config->state, c.n_workers, c.n_workers == 1 ? "" : "s",
			 config->n_sites, config->n_sites == 1 ? "" : "s");
		rc = loop_run(c.loop);
	}
	stop(&c);
	return rc ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

static int print_pin(const struct config *config)
{
	struct errinfo err = ERRINFO_INIT;
	char pin[TLS_PIN_LEN];
	int rc;

	rc = own_pin(config, pin, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
		return CMD_EXIT_FAILED;
	}
	printf("%s\n", pin);
	return CMD_EXIT_OK;
}

static int generate(const struct config *config, const char *dir)
{
	struct errinfo err = ERRINFO_INIT;
	int rc;

	rc = generate_all(config, dir, &err);
	if (rc)
		log_err("%s", errinfo_text(&err, rc));
	return rc ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

static int usage(FILE *out)
{
	fputs("usage: centrald -f FILE [-v]\n"
	      "       centrald -f FILE -n | -g DIR | -p\n"
	      "  -f, --file FILE      the configuration\n"
	      "  -g, --generate DIR   make nginx.conf there, key and tokens\n"
	      "  -n, --check          check the configuration\n"
	      "  -p, --pin            print the pin of the TLS key\n"
	      "  -v, --verbose        log more\n"
	      "  -h, --help\n"
	      "  -V, --version\n",
	      out);
	return out == stdout ? CMD_EXIT_OK : CMD_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "file", 1, NULL, 'f' },     { "check", 0, NULL, 'n' },
		{ "generate", 1, NULL, 'g' }, { "pin", 0, NULL, 'p' },
		{ "verbose", 0, NULL, 'v' },  { "help", 0, NULL, 'h' },
		{ "version", 0, NULL, 'V' },  { NULL, 0, NULL, 0 },
	};
	const char *file = NULL, *dir = NULL;
	struct config *config = NULL;
	int opt, mode = 0, status;

	log_init("centrald", NULL);
	log_set_timestamps(1);
	while ((opt = getopt_long(argc, argv, "f:ng:pvhV", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			file = optarg;
			break;
		case 'g':
			dir = optarg;
			__attribute__((fallthrough));
		case 'n':
		case 'p':
			if (mode && mode != opt) {
				fprintf(stderr,
					"centrald: -%c and -%c exclude each "
					"other\n",
					mode, opt);
				return CMD_EXIT_USAGE;
			}
			mode = opt;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'h':
			return usage(stdout);
		case 'V':
			puts("centrald " NIGHTSHIFT_VERSION);
			return CMD_EXIT_OK;
		default:
			return usage(stderr);
		}
	}
	if (!file || optind != argc)
		return usage(stderr);
	if (config_load(file, &config))
		return CMD_EXIT_FAILED;
	status = mode == 'n'   ? CMD_EXIT_OK
		 : mode == 'p' ? print_pin(config)
		 : mode == 'g' ? generate(config, dir)
			       : run(config);
	config_free(config);
	return status;
}
