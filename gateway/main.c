/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatewayd - boot decisions, node registry and relay of one segment
 * (gatewayd(8)).
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sodium.h>

#include "cleanup.h"
#include "cmd.h"
#include "foreign.h"
#include "gateway.h"
#include "generate.h"
#include "log.h"
#include "parse.h"
#include "walls.h"

#define CONFIG_DEFAULT "/etc/nightshift/nightshift.conf"

struct options {
	const char *file;
	const char *generate; /* -g */
	const char *keep;     /* -G */
	int check, walls, verbose, debug;
	int ready_fd;
};

static void usage(FILE *f)
{
	fputs("usage: gatewayd [-d] [-f FILE] [-G DIR] [-R FD]\n"
	      "       gatewayd [-f FILE] -n [-v]\n"
	      "       gatewayd [-f FILE] -g DIR\n"
	      "       gatewayd [-f FILE] -w\n"
	      "  -f FILE  configuration (" CONFIG_DEFAULT ")\n"
	      "  -n       check it and the files it names; -nv prints it\n"
	      "  -g DIR   write the other services' configuration to DIR\n"
	      "  -G DIR   run, and keep DIR up to date at each reload\n"
	      "  -w       put the packet filter's rules in place, without domUs\n"
	      "  -R FD    write a newline to FD once ready\n"
	      "  -d       log more\n"
	      "  -V       print the version\n",
	      f);
}

static void print_error(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

static int misuse(const char *what)
{
	fprintf(stderr, "gatewayd: %s\n", what);
	usage(stderr);
	return CMD_EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	for (;;) {
		c = getopt_long(argc, argv, "f:g:G:R:nwvdhV", longs, NULL);
		switch (c) {
		case -1:
			if (optind < argc)
				return misuse("no arguments are taken");
			if (!!o->generate + !!o->keep + o->check + o->walls > 1)
				return misuse("-g, -G, -n or -w");
			return -1;
		case 'f':
			o->file = optarg;
			break;
		case 'g':
			o->generate = optarg;
			break;
		case 'G':
			o->keep = optarg;
			break;
		case 'n':
			o->check = 1;
			break;
		case 'w':
			o->walls = 1;
			break;
		case 'v':
			o->verbose = 1;
			break;
		case 'd':
			o->debug = 1;
			break;
		case 'R':
			if (parse_int(optarg, 0, 1 << 20, &o->ready_fd))
				return misuse("-R: no descriptor");
			break;
		case 'h':
			usage(stdout);
			return CMD_EXIT_OK;
		case 'V':
			puts("gatewayd " NIGHTSHIFT_VERSION);
			return CMD_EXIT_OK;
		default:
			usage(stderr);
			return CMD_EXIT_USAGE;
		}
	}
}

static int check(const struct options *o)
{
	auto_free char *text = NULL;
	struct walls *w = NULL;
	struct config *c;
	int bad;

	if (config_load(o->file, &c, &text, print_error, NULL))
		return CMD_EXIT_FAILED;
	bad = config_check_files(c, o->file, print_error, NULL);
	if (walls_new(c, print_error, NULL, &w, NULL))
		bad = 1;
	walls_free(w);
	config_free(c);
	if (o->verbose)
		fputs(text, stdout);
	return bad ? CMD_EXIT_FAILED : CMD_EXIT_OK;
}

static int generate(const struct options *o)
{
	struct errinfo err = ERRINFO_INIT;
	struct config *c;
	int rc;

	if (config_load(o->file, &c, NULL, print_error, NULL))
		return CMD_EXIT_FAILED;
	rc = generate_all(c, o->generate, NULL, &err);
	config_free(c);
	if (!rc)
		return CMD_EXIT_OK;
	fprintf(stderr, "gatewayd: %s\n", errinfo_text(&err, rc));
	return CMD_EXIT_FAILED;
}

static int load_walls(const struct options *o)
{
	struct errinfo err = ERRINFO_INIT;
	struct walls *w = NULL;
	struct config *c;
	int rc;

	if (config_load(o->file, &c, NULL, print_error, NULL))
		return CMD_EXIT_FAILED;
	rc = walls_new(c, print_error, NULL, &w, &err);
	if (!rc)
		rc = walls_load(w, &err);
	walls_free(w);
	config_free(c);
	if (!rc)
		return CMD_EXIT_OK;
	fprintf(stderr, "gatewayd: %s\n", errinfo_text(&err, rc));
	return CMD_EXIT_FAILED;
}

static void on_stop(int signo, void *arg)
{
	struct gateway *gw = arg;

	(void)signo;
	loop_quit(gw->loop, 0);
}

static void on_hup(int signo, void *arg)
{
	(void)signo;
	gateway_reload(arg);
}

static void say_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "\n", 1) != 1)
		log_warn("-R %d: cannot write", fd);
	close(fd);
}

static int start(struct gateway *gw, const struct options *o, struct errinfo *err)
{
	int rc;

	if (o->keep) {
		rc = generate_all(gw->config, o->keep, NULL, err);
		if (rc)
			return rc;
	}
	gw->loop = loop_new();
	if (!gw->loop)
		return errinfo_set(err, -ENOMEM, "out of memory");
	loop_signal(gw->loop, SIGTERM, on_stop, gw);
	loop_signal(gw->loop, SIGINT, on_stop, gw);
	loop_signal(gw->loop, SIGHUP, on_hup, gw);
	return gateway_start(gw, err);
}

static int run(const struct options *o)
{
	struct errinfo err = ERRINFO_INIT;
	static struct gateway gw;
	int rc, status = CMD_EXIT_FAILED;

	log_init("gatewayd", NULL);
	log_set_level(o->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	gw.path = o->file;
	gw.generated = o->keep;
	if (config_load(o->file, &gw.config, NULL, print_error, NULL))
		return CMD_EXIT_FAILED;
	/* Before there are threads. */
	json_object_seed(0);
	signal(SIGPIPE, SIG_IGN);
	rc = start(&gw, o, &err);
	if (rc) {
		log_err("%s", errinfo_text(&err, rc));
	} else {
		log_info("segment %s: %zu nodes", gw.config->segment, gw.n_nodes);
		say_ready(o->ready_fd);
		status = loop_run(gw.loop);
		log_info("stopped");
	}
	gateway_stop(&gw);
	loop_free(gw.loop);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { .file = CONFIG_DEFAULT, .ready_fd = -1 };
	int status;

	/* Not for people: gatewayd starts itself so. */
	if (argc == 4 && !strcmp(argv[1], "--dhcp-probe"))
		return foreign_probe(argv[2], argv[3]);
	status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	/* The uplink's threads may be in the midst of TLS when this one ends:
	 * OpenSSL is not to tidy up under their hands. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	if (sodium_init() < 0) {
		fprintf(stderr, "gatewayd: libsodium does not start\n");
		return CMD_EXIT_FAILED;
	}
	if (o.check)
		return check(&o);
	if (o.generate)
		return generate(&o);
	if (o.walls)
		return load_walls(&o);
	return run(&o);
}
