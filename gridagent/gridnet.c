/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gridnet - the agent's part that runs in netdom, the node's one domain with an
 * address: net, air and tun, and chan, by which dom0 speaks with them. See
 * gridagent(8).
 *
 * dom0 trusts nothing that comes from here. When one process ends all do, and
 * init starts them anew.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent.h"
#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "parse.h"

static const struct child children[] = {
	{ MSG_CHAN, proc_chan_serve, proc_chan_run, 6, SANDBOX_CHAN, 0, 0 },
	{ MSG_NET, proc_net_prepare, proc_net_run, 1, SANDBOX_INET, 0, 0 },
	{ MSG_AIR, proc_air_prepare, proc_air_run, 4, SANDBOX_UDP, 0, 0 },
	{ MSG_TUN, proc_tun_prepare, proc_tun_run, -1, SANDBOX_XEN, 0, 0 },
};

#define UID_BASE  64101
#define STATE_DIR "/run/nightshift"

static const char usage_text[] =
	"usage: gridnet [-a ADDRESS -g GATEWAY] [-d]\n"
	"  -a, --address ADDRESS   netdom's own, as DHCP gave it\n"
	"  -g, --gateway ADDRESS   the segment's gateway; without them: tell\n"
	"                          dom0 that no DHCP server answers\n"
	"      --state DIR         this boot's key of the tunnel (" STATE_DIR
	")\n"
	"  -d, --debug             say more\n"
	"  -h, --help\n"
	"  -V, --version\n";

static const struct option options[] = {
	{ "address", required_argument, NULL, 'a' },
	{ "gateway", required_argument, NULL, 'g' },
	{ "state", required_argument, NULL, 's' },
	{ "debug", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int misuse(const char *what)
{
	fprintf(stderr, "gridnet: %s\n%s", what, usage_text);
	return CMD_EXIT_USAGE;
}

static int parse_options(struct options *o, int argc, char **argv)
{
	uint32_t addr;
	int c;

	while ((c = getopt_long(argc, argv, "a:g:dhV", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->address = optarg;
			break;
		case 'g':
			o->gateway = optarg;
			break;
		case 's':
			o->state_dir = optarg;
			break;
		case 'd':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(CMD_EXIT_OK);
		case 'V':
			puts("gridnet " NIGHTSHIFT_VERSION);
			exit(CMD_EXIT_OK);
		default:
			fputs(usage_text, stderr);
			return CMD_EXIT_USAGE;
		}
	}
	if (optind < argc)
		return misuse("too many arguments");
	if (parse_ipv4(o->address, &addr) || parse_ipv4(o->gateway, &addr))
		return misuse("-a and -g need an IPv4 address each");
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .address = "0.0.0.0",
			     .gateway = "0.0.0.0",
			     .state_dir = STATE_DIR,
			     .http_port = 80,
			     .uid_base = UID_BASE };
	int rc;

	log_init("gridnet", NULL);
	rc = parse_options(&o, argc, argv);
	return rc ? rc : super_run(&o, children, ARRAY_SIZE(children));
}
