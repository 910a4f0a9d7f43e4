/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gridagent - runs on the node: enrols with the gateway, fetches and checks
 * images, keeps the domUs that the gateway wants. See gridagent(8).
 *
 * One process per hazard; this file is the table of them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent.h"
#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"
#include "watchdog.h"

#define MAIN                                                                 \
	{                                                                    \
		MSG_MAIN, proc_main_prepare, proc_main_run, 0, SANDBOX_MAIN, \
			0, 0                                                 \
	}
#define VERIFY                                                       \
	{                                                            \
		MSG_VERIFY, proc_verify_prepare, proc_verify_run, 2, \
			SANDBOX_NONE, 1, 0                           \
	}
#define BLK                                                                    \
	{                                                                      \
		MSG_BLK, proc_blk_prepare, proc_blk_run, 3, SANDBOX_NONE, 1, 0 \
	}
#define HV                                                                  \
	{                                                                   \
		MSG_HV, proc_hv_prepare, proc_hv_run, -1, SANDBOX_XEN, 0, 0 \
	}

#define SCRATCH                                                          \
	{                                                                \
		MSG_SCRATCH, proc_scratch_prepare, proc_scratch_run, -1, \
			SANDBOX_DISK, 1, 0                               \
	}

/* Without netdom, for tests and for who has no Xen. */
static const struct child alone[] = {
	MAIN,
	{ MSG_NET, proc_net_prepare, proc_net_run, 1, SANDBOX_INET, 1, 0 },
	VERIFY,
	BLK,
	{ MSG_AIR, proc_air_prepare, proc_air_run, 4, SANDBOX_UDP, 1, 0 },
	SCRATCH,
	HV,
};

/* On a node: what is left out runs in netdom, chan leads there. */
static const struct child with_netdom[] = {
	MAIN,
	VERIFY,
	BLK,
	SCRATCH,
	HV,
	{ MSG_CHAN, proc_chan_connect, proc_chan_run, 6, SANDBOX_CHAN, 1,
	  1U << MSG_NET | 1U << MSG_AIR | 1U << MSG_TUN },
};

#define UID_BASE      64101
#define IMAGE_PERCENT 60
#define STATE_DIR     "/run/nightshift"

static const char usage_text[] =
	"usage: gridagent -g ADDRESS|-N DIR -r ROOT -B BUILD [options]\n"
	"  -g, --gateway ADDRESS   the segment's gateway, an IPv4 address\n"
	"  -N, --netdom DIR        start netdom from there, it finds the gateway\n"
	"  -r, --root FILE         root document, the trust anchor\n"
	"  -B, --build FILE        build.json of this dom0\n"
	"  -m, --mac MAC           of the NIC that the gateway answers on\n"
	"      --backend fake:DIR  a hypervisor made of files, for tests\n"
	"      --bridge NAME       for the domUs' vifs (xenbr0)\n"
	"      --state DIR         this boot's key and id (" STATE_DIR ")\n"
	"      --cmdlines DIR      what Xen and dom0 were started with, or else\n"
	"                          do nothing\n"
	"      --watchdog SEC      let Xen restart a machine whose agent hangs\n"
	"      --http-port N       of the gateway (80)\n"
	"      --https-port N      of the gateway (as its statement says)\n"
	"      --image-percent N   of dom0's free memory for images (60)\n"
	"      --image-whole       a domU starts once all of its disk is here\n"
	"      --uid N             first of seven unprivileged uids (64101)\n"
	"  -d, --debug             say more\n"
	"  -h, --help\n"
	"  -V, --version\n";

enum {
	OPT_BACKEND = 256,
	OPT_BRIDGE,
	OPT_STATE,
	OPT_HTTP,
	OPT_HTTPS,
	OPT_PERCENT,
	OPT_WHOLE,
	OPT_UID,
	OPT_CMDLINES,
	OPT_WATCHDOG
};

static const struct option options[] = {
	{ "gateway", required_argument, NULL, 'g' },
	{ "netdom", required_argument, NULL, 'N' },
	{ "root", required_argument, NULL, 'r' },
	{ "build", required_argument, NULL, 'B' },
	{ "mac", required_argument, NULL, 'm' },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "bridge", required_argument, NULL, OPT_BRIDGE },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "http-port", required_argument, NULL, OPT_HTTP },
	{ "https-port", required_argument, NULL, OPT_HTTPS },
	{ "image-percent", required_argument, NULL, OPT_PERCENT },
	{ "image-whole", no_argument, NULL, OPT_WHOLE },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "cmdlines", required_argument, NULL, OPT_CMDLINES },
	{ "watchdog", required_argument, NULL, OPT_WATCHDOG },
	{ "debug", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int misuse(const char *what, const char *value)
{
	fprintf(stderr, "gridagent: %s: %s\n%s", what, value, usage_text);
	return CMD_EXIT_USAGE;
}

/* Numeric options: where they go and what they may be. */
static int set_number(struct options *o, int opt, const char *text)
{
	const struct {
		int opt, min, max;
		int *value;
	} numbers[] = {
		{ OPT_HTTP, 1, 65535, &o->http_port },
		{ OPT_HTTPS, 1, 65535, &o->https_port },
		{ OPT_PERCENT, 1, 95, &o->image_percent },
		{ OPT_UID, 1, 1 << 30, &o->uid_base },
		{ OPT_WATCHDOG, 2 * WATCHDOG_FEED_MS / 1000, 3600,
		  &o->watchdog_sec },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].opt == opt)
			return parse_int(text, numbers[i].min, numbers[i].max,
					 numbers[i].value);
	return -EINVAL;
}

static int parse_options(struct options *o, int argc, char **argv)
{
	uint8_t mac[PARSE_MAC_LEN];
	uint32_t addr;
	int c;

	while ((c = getopt_long(argc, argv, "g:N:r:B:m:dhV", options, NULL)) !=
	       -1) {
		switch (c) {
		case 'g':
			if (parse_ipv4(optarg, &addr))
				return misuse("not an IPv4 address", optarg);
			o->gateway = optarg;
			break;
		case 'N':
			o->netdom = optarg;
			break;
		case 'r':
			o->root_path = optarg;
			break;
		case 'B':
			o->build_path = optarg;
			break;
		case 'm':
			if (parse_mac(optarg, mac))
				return misuse("not a MAC address", optarg);
			o->mac = optarg;
			break;
		case OPT_BACKEND:
			o->backend = optarg;
			break;
		case OPT_BRIDGE:
			o->bridge = optarg;
			break;
		case OPT_STATE:
			o->state_dir = optarg;
			break;
		case OPT_CMDLINES:
			o->cmdlines = optarg;
			break;
		case OPT_WHOLE:
			o->image_whole = 1;
			break;
		case 'd':
			o->debug = 1;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(CMD_EXIT_OK);
		case 'V':
			puts("gridagent " NIGHTSHIFT_VERSION);
			exit(CMD_EXIT_OK);
		case '?':
			fputs(usage_text, stderr);
			return CMD_EXIT_USAGE;
		default:
			if (set_number(o, c, optarg))
				return misuse("not a number in range", optarg);
		}
	}
	if (optind < argc)
		return misuse("unexpected", argv[optind]);
	if (!o->gateway == !o->netdom || !o->root_path || !o->build_path)
		return misuse("missing", "-g or -N, -r and -B are needed");
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .backend = "libxl",
			     .bridge = "xenbr0",
			     .state_dir = STATE_DIR,
			     .http_port = 80,
			     .image_percent = IMAGE_PERCENT,
			     .uid_base = UID_BASE };
	int rc;

	log_init("gridagent", NULL);
	rc = parse_options(&o, argc, argv);
	if (rc)
		return rc;
	if (o.debug)
		log_set_level(LOG_LEVEL_DEBUG);
	if (o.netdom)
		return super_run(&o, with_netdom, ARRAY_SIZE(with_netdom));
	return super_run(&o, alone, ARRAY_SIZE(alone));
}
